"""One pod, what the daemon knows of it, and the verdict on that: for tests of judges of what is known already."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from probes import load_probes
from probes.contract import Unknown, Verdict
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import (
    EvidenceSet,
    LivePod,
    MetricsLook,
    OPALook,
    PodConditions,
    PodHistory,
    Seen,
    ServedPort,
    Spoken,
    Traffic,
    Verdicts,
)
from probes.controls.finding import Finding
from probes.controls.judging import Facts, Statement, load_judges
from probes.controls.sdk.facts import SdkFacts
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from probes.controls.verdict.weighing import weigh
from probes.readings.decision import Actual, CanaryAnswer, DecisionLogs, Expected, OPAReading, Reply
from probes.readings.metrics_page import Families
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, pod

KINDS = {kind.name: kind for probe in load_probes() for kind in probe.conditions}
SPIFFE_ID = "spiffe://agents.acme-corp.net/agent/search"
SIGNALS = (
    *("requests", "request_duration", "request_errors", "breaker_state", "pool_in_use", "cpu", "memory"),
    *("authz_decisions", "authz_duration", "outbound_requests", "outbound_errors", "retries"),
)
SDK = load_sdk_facts()


def true(name: str, reason: str = "", subject: str = "") -> Verdict:
    """The condition is there."""
    kind = KINDS[name]
    return kind.true(f"{name} is true.", reason or (kind.reasons[0] if kind.reasons else ""), subject)


def false(name: str, subject: str = "") -> Verdict:
    """The condition is not there."""
    return KINDS[name].false(subject)


def unknown(name: str, reason: Unknown, subject: str = "") -> Verdict:
    """Nothing is known of it, for this reason."""
    return KINDS[name].unknown(reason, f"{name} is unknown.", subject)


def verdicts(*found: Verdict, well: Iterable[str] = ()) -> Verdicts:
    """These, and of the others that are named that they are not there."""
    every = {each.kind.name: (each,) for each in (false(name) for name in well)}
    for each in found:
        others = every.get(each.kind.name, ()) if each.kind.name not in well else ()
        every[each.kind.name] = (*others, each)
    return every


SVID = tuple(kind.name for probe in load_probes() if probe.name == "svid" for kind in probe.conditions)


def port(
    *found: Verdict, uris: tuple[str, ...] | None = (SPIFFE_ID,), spoken: Spoken = Spoken.TLS, **more: object
) -> ServedPort:
    """A port that serves the expected SVID, and of which all is well but what is named."""
    count = len(uris) if uris is not None else 0
    given: dict[str, object] = {"uri_count": count, "expected": (SPIFFE_ID,), "verdicts": verdicts(*found, well=SVID)}
    return ServedPort(spoken=spoken, uris=uris, **(given | more))  # type: ignore[arg-type]


SILENT = port(
    true("AgentUnreachable", "Lost"),
    spoken=Spoken.NOTHING,
    uris=None,
    error="10.0.0.7:8443 did not answer the attempt.",
)
PLAIN = port(true("TLSMissing"), spoken=Spoken.PLAIN, uris=None, error="It talks HTTP.")

_NAMES = {
    "requests": ("agentweave_requests_total",),
    "request_duration": ("agentweave_request_duration_seconds_bucket", "agentweave_request_duration_seconds_count"),
    "request_errors": ("agentweave_errors_total",),
    "breaker_state": ("agentweave_circuit_breaker_state",),
    "pool_in_use": ("agentweave_connection_pool_active",),
    "cpu": ("process_cpu_seconds_total",),
    "memory": ("process_resident_memory_bytes",),
    "authz_decisions": ("agentweave_authz_decisions_total",),
    "authz_duration": ("agentweave_authz_check_duration_seconds_count",),
}


def families(
    *,
    without: Iterable[str] = (),
    described: Mapping[str, str] | None = None,
    ours: bool = True,
    **named: tuple[str, ...],
) -> Families:
    """Of a page that has them all but these; `named` as the page names them."""
    lacking = {*without, *(described or {})}
    sampled = {name: names for name, names in (_NAMES | named).items() if name not in lacking}
    return Families(frozenset(SIGNALS), sampled, described or {}, ours)


def page(*found: Verdict, **more: object) -> MetricsLook:
    """A page that has all, and of which all is well but what is named."""
    given: dict[str, object] = {
        "status": 200,
        "error": "",
        "families": families(),
        "verdicts": verdicts(*found, well=("MetricsUnavailable", "ErrorRateHigh", "LatencyHigh")),
        "traffic": Traffic(requests=100.0, made=100.0),
    }
    return MetricsLook(**(given | more))  # type: ignore[arg-type]


def no_page(reason: str, status: int = 0) -> MetricsLook:
    """A page that was not had, as the watcher's condition says."""
    found = true("MetricsUnavailable", reason)
    return page(
        found, status=status, error="The metrics endpoint was not had.", families=families(without=_NAMES, ours=False)
    )


def answer(canary: str, expected: Expected, actual: Actual, status: int = 200, error: str = "") -> CanaryAnswer:
    """What one canary was answered."""
    return CanaryAnswer(canary, expected, Reply(actual=actual, status=status, error=error))


DENIED = answer("foreign-caller", Expected.DENY, Actual.DENY)
EMPTY = answer("empty-input", Expected.NOT_ALLOW, Actual.DENY)
ALLOWED = answer("search-may-index", Expected.ALLOW, Actual.ALLOW)


def opa(
    *answers: CanaryAnswer, verdict: Verdict | None = None, logs: DecisionLogs | None = None, **more: object
) -> OPALook:
    """An OPA that was asked these."""
    reached = verdict or false("OPAUnreachable")
    reading = OPAReading(answers=answers, logs=logs)
    return OPALook(reading, {"OPAUnreachable": (reached,)}, **more)  # type: ignore[arg-type]


NO_ANSWER = tuple(
    answer(each.canary, each.expected, Actual.UNREACHABLE, 0, "It refused the connection.")
    for each in (DENIED, EMPTY, ALLOWED)
)

_VALUES = {
    ServedPort: SourceName.HANDSHAKE,
    MetricsLook: SourceName.AGENT_METRICS,
    OPALook: SourceName.OPA,
    PodConditions: SourceName.CONDITIONS,
    PodHistory: SourceName.HISTORY,
    LivePod: SourceName.KUBERNETES_POD,
}
Value = ServedPort | MetricsLook | OPALook | PodConditions | PodHistory | LivePod


def evidence(values: Iterable[Value], at: float, since: float, others: Mapping[str, object]) -> EvidenceSet:
    """Of an agent with one pod, Ready `since` then: what was seen at that moment; `others` of the agent as a whole."""
    seen = {_VALUES[type(value)].value: Seen(value, at, "pod/prod/search-0") for value in values}
    whole = {SourceName(name): value for name, value in others.items()}
    only = pod("search-0", since=since, **seen)  # type: ignore[arg-type]
    return EvidenceSet(AGENT, whole, {only.name: only})  # type: ignore[arg-type]


def finding(control: str, *values: Value, since: float = NOW - 7 * 3600, **more: object) -> Finding:
    """The verdict after two looks that saw the same; `more`: facts, and evidence of the agent as a whole."""
    found: Finding | None = None
    for at in (NOW - 60, NOW):
        found = _judged(control, values, at, since, found, more)
    assert found is not None
    return found


def in_turn(control: str, *values: Value, **more: object) -> Finding:
    """The verdict after looks a minute apart that saw these one after the other; the last one now."""
    found: Finding | None = None
    for number, value in enumerate(values, 1 - len(values)):
        found = _judged(control, (value,), NOW + 60 * number, NOW - 7 * 3600, found, more)
    assert found is not None
    return found


def _judged(
    control: str, values: Iterable[Value], at: float, since: float, previous: Finding | None, more: Mapping[str, object]
) -> Finding:
    known = {name: value for name, value in more.items() if name in ("sdk", "trust_domains")}
    others = {name: value for name, value in more.items() if name not in known}
    facts = Facts(now=at, **({"sdk": SDK} | known))  # type: ignore[arg-type]
    given = evidence(values, at, since, others)
    return judge_control(CATALOGUE.by_id[control], given, facts, load_judges(), previous=previous)


def facts_of(trust_domains: tuple[str, ...] = ()) -> Facts:
    """What judges may know beside evidence."""
    return Facts(now=NOW, sdk=SDK, trust_domains=trust_domains)


def said(
    control: str,
    *values: Value,
    sdk: SdkFacts = SDK,
    trust_domains: tuple[str, ...] = (),
    since: float = NOW - 7 * 3600,
    **others: object,
) -> list[Statement]:
    """What the judges say of these."""
    facts = Facts(now=NOW, sdk=sdk, trust_domains=trust_domains)
    given = evidence(values, NOW, since, others)
    scales = weigh(CATALOGUE.by_id[control], given, facts, load_judges().controls[control])
    assert scales.error == ""
    return [each for part in scales.parts for each in part.statements]


def only(control: str, *values: Value, **more: object) -> tuple[str, str, str]:
    """The one statement: what it says, for which reason, and its sentence."""
    [one] = said(control, *values, **more)  # type: ignore[arg-type]
    return one.says.value, str(one.reason or ""), one.message


def recording(*names: str) -> SdkFacts:
    """An SDK that is known to record these metrics."""
    return SdkFacts((replace(SDK.newest, recorded=names),))
