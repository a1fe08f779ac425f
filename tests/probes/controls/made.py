"""Controls, evidence and records made for a test, each fact by its name."""

from collections.abc import Callable, Iterable, Mapping

from probes.controls.catalogue.control import Assurance, Control, EvidenceSpec, Proves, SourceName, UnknownReason
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.catalogue.terms import Absent, Bind, RecordKind
from probes.controls.evidence import AgentRef, EvidenceSet, Missing, Pod, Seen
from probes.controls.finding import Finding
from probes.controls.judging import Facts, Judge, Judges, RegisteredJudge, Says, Statement
from probes.controls.records import Record, WaiverReason
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control

NOW = 1_800_000_000.0
AGENT = AgentRef("prod", "search")
CATALOGUE = load_catalogue()
DAY = 86400.0
SHA = "sha256:" + "a" * 64
OTHER_SHA = "sha256:" + "b" * 64

Said = tuple[SourceName, Says] | tuple[SourceName, Says, UnknownReason]


def facts(now: float = NOW) -> Facts:
    """What judges may know, at this time."""
    return Facts(now=now, sdk=load_sdk_facts())


def seen(value: object = "good", at: float = NOW, **more: object) -> Seen[object]:
    """Evidence that was seen; `value` is what `speaking` judges make of it: good, bad, silent or an unknown reason."""
    return Seen(value, at, "somewhere", **more)  # type: ignore[arg-type]


def missing(reason: UnknownReason = UnknownReason.SOURCE_MISSING, **more: object) -> Missing:
    """Evidence that was not seen."""
    return Missing(reason, f"It is {reason}.", **more)  # type: ignore[arg-type]


def pod(
    name: str, *, since: float | None = NOW - 3600, revision_at: float = 1.0, **sources: Seen[object] | Missing
) -> Pod:
    """A pod that has been Ready for an hour; sources by their names."""
    found = {SourceName(key): value for key, value in sources.items()}
    return Pod(
        name, f"r{revision_at:g}", revision_at, terminating=False, ready_since=since, watched_since=0, sources=found
    )


def evidence(
    *pods: Pod, digests: Mapping[Bind, frozenset[str] | Missing] | None = None, **sources: Seen[object] | Missing
) -> EvidenceSet:
    """What was gathered of the agent as a whole, by the sources' names, and of its pods."""
    found = {SourceName(key): value for key, value in sources.items()}
    return EvidenceSet(AGENT, found, {each.name: each for each in pods}, digests or {})


def speaking(control: Control) -> Judge:
    """A judge that says of each piece of evidence what its value says."""

    def judge(_: Control, evidence: EvidenceSet, __: Facts) -> Iterable[Statement]:
        for spec in control.evidence:
            yield from _said(spec.source, "", evidence.sources.get(spec.source))
            for each in evidence.pods.values():
                yield from _said(spec.source, each.name, each.sources.get(spec.source))

    return judge


def _said(source: SourceName, pod_name: str, found: Seen[object] | Missing | None) -> Iterable[Statement]:
    if not isinstance(found, Seen) or found.value == "silent":
        return
    if found.value == "raises":
        raise ValueError("sk-secret")
    says = {"good": Says.GOOD, "bad": Says.BAD, "bad at once": Says.BAD}.get(str(found.value), Says.UNCLEAR)
    reason = UnknownReason(str(found.value)) if says is Says.UNCLEAR else None
    at_once = found.value == "bad at once"
    yield Statement(source, says, f"{source} is {found.value}.", pod=pod_name, reason=reason, at_once=at_once)


def judges(*controls: Control, judge: Callable[[Control], Judge] = speaking) -> Judges:
    """Judges of these controls that speak of all their evidence."""
    sources = {each.id: frozenset(spec.source for spec in each.evidence) for each in controls}
    return Judges({each.id: (RegisteredJudge(judge(each), sources[each.id]),) for each in controls}, {})


def judged(
    name: str, found: EvidenceSet, *records: Record, previous: Finding | None = None, now: float = NOW
) -> Finding:
    """The finding of a control of the catalogue, by judges that say what the evidence says."""
    control = CATALOGUE.by_id[name]
    return judge_control(control, found, facts(now), judges(control), records, previous)


def record(control: str, kind: RecordKind = RecordKind.ATTESTATION, **more: object) -> Record:
    """A valid record of yesterday for a month, bound to the digest that runs."""
    given: dict[str, object] = {
        "id": "records.yaml:1",
        "source": "file:/etc/records/records.yaml",
        "kind": kind,
        "control": control,
        "revision": 1,
        "environment": "production",
        "namespace": AGENT.namespace,
        "agents": (AGENT.agent,),
        "image_digests": frozenset({SHA}),
        "policy_digest": SHA,
        "config_digest": SHA,
        "evidence_url": "https://wiki.example.org/review",
        "by": "ann@example.org",
        "approved_by": "" if kind is RecordKind.PIPELINE else "bob@example.org",
        "at": NOW - DAY,
        "expires_at": NOW + 29 * DAY,
        "reason": WaiverReason.ACCEPTED_RISK if kind is RecordKind.WAIVER else None,
    }
    return Record(**(given | more))  # type: ignore[arg-type]


RUNNING = {bind: frozenset({SHA}) for bind in Bind}


def spec(
    source: SourceName, proves: Iterable[Proves] = ("pass", "fail"), absent: Absent = Absent.UNKNOWN, **more: object
) -> EvidenceSpec:
    """One piece of evidence of a made control: observed, good for 15 min."""
    given: dict[str, object] = {"max_age": 900.0, "assurance": Assurance.OBSERVED}
    return EvidenceSpec(source, "what", frozenset(proves), absent, **(given | more))  # type: ignore[arg-type]
