"""What holds for all judges of what the daemon knows: none is missing, and none takes silence for an answer."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Unknown, Verdict
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import MetricsLook, OPALook, PodConditions, PodHistory, ServedPort, Spoken, Traffic
from probes.controls.judging import Says, load_judges
from probes.controls.verdict.weighing import weigh
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading
from tests.probes.controls.judges.known.pods import (
    KINDS,
    SPIFFE_ID,
    SVID,
    Value,
    answer,
    evidence,
    facts_of,
    false,
    families,
    true,
    unknown,
    verdicts,
)
from tests.probes.controls.made import CATALOGUE, NOW
from tests.repository import ROOT

KNOWN = (
    SourceName.HANDSHAKE,
    SourceName.AGENT_METRICS,
    SourceName.OPA,
    SourceName.CONDITIONS,
    SourceName.HISTORY,
    SourceName.WORKLOAD_API,
)
NOT_JUDGED = {
    ("observability.metrics.business-exported", SourceName.AGENT_METRICS): "refuted by the list in a record alone",
    ("reliability.shutdown.requests-drained", SourceName.HISTORY): "looks are too far apart to tell errors of an end",
    ("security.authz.policy-version-controlled", SourceName.OPA): "a revision refutes nothing by itself",
    ("testing.load.peak-tested", SourceName.HISTORY): "compared with the number in a record",
}
"""What the daemon could show of a control and no judge reads: a closed list, with why."""

JUDGED = [
    (control.id, source)
    for control in CATALOGUE.controls
    for source in KNOWN
    if control.spec(source) and any(source in each.sources for each in load_judges().controls.get(control.id, ()))
]


def test_what_the_daemon_knows_of_a_control_has_a_judge_or_a_reason() -> None:
    asked = {(control.id, source) for control in CATALOGUE.controls for source in KNOWN if control.spec(source)}
    assert asked - set(JUDGED) == set(NOT_JUDGED)


def test_what_judges_are_loaded_with_reads_no_certificates() -> None:
    """Commands that only read files start faster without."""
    script = """
import sys
from probes.controls.judging import load_judges
load_judges()
print(sorted({"cryptography", "probes.readings.certificate", "probes.readings.metrics_page"} & set(sys.modules)))"""
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_conditions_that_judges_name_are_there() -> None:
    rooms = ("handshake", "agent_metrics", "opa", "conditions", "history")
    files = [path for room in rooms for path in (ROOT / "probes" / "controls" / "judges" / room).glob("*.py")]
    text = "\n".join(path.read_text() for path in files)
    named = {name for name in KINDS if f'"{name}"' in text}
    assert len(named) > 15
    ending = ("High", "Open", "Unreachable", "Missing", "Expired", "Imminent", "Overdue", "Trusted", "Drift", "Stale")
    words = {word for word in text.split('"')[1::2] if word[:1].isupper() and word.endswith(ending)}
    assert words - {"Stale"} <= set(KINDS)


_STATUSES = st.sampled_from(["true", "false", *Unknown])


def _verdict(name: str, status: str) -> Verdict:
    if status == "true":
        return true(name)
    return false(name) if status == "false" else unknown(name, Unknown(status))


def _verdicts(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, tuple[Verdict, ...]]]:
    some = st.dictionaries(st.sampled_from(names), _STATUSES, max_size=len(names))
    return some.map(lambda found: {name: (_verdict(name, status),) for name, status in found.items()})


_PAGES = ("MetricsUnavailable", "ErrorRateHigh", "LatencyHigh", "CircuitBreakerOpen")
_COUNTS = st.one_of(st.none(), st.floats(0, 1000))
PORTS = st.builds(
    ServedPort,
    spoken=st.sampled_from(Spoken),
    error=st.sampled_from(["", "It broke."]),
    uris=st.sampled_from([None, (), (SPIFFE_ID,), ("https://a",), ("spiffe://example.org/a", SPIFFE_ID)]),
    uri_count=st.integers(0, 3),
    verdicts=_verdicts(SVID),
    expected=st.sampled_from([(), (SPIFFE_ID,)]),
)
LOOKS = st.builds(
    MetricsLook,
    status=st.sampled_from([0, 200, 401, 404, 500]),
    error=st.sampled_from(["", "It was not had."]),
    families=st.sampled_from([families(), families(without=["requests", "cpu", "pool_in_use"]), families(ours=False)]),
    verdicts=_verdicts(_PAGES),
    traffic=st.builds(Traffic, requests=_COUNTS, made=_COUNTS, failed=_COUNTS, retries=_COUNTS),
    own_port=st.booleans(),
    with_credentials=st.booleans(),
)
_ANSWERS = st.lists(
    st.builds(answer, st.sampled_from(["a", "b"]), st.sampled_from(Expected), st.sampled_from(Actual)), max_size=4
)
_DECISIONS = st.builds(lambda answers, found: (answers, found), _ANSWERS, _verdicts(("OPAUnreachable",)))
EVERY = tuple(KINDS)
CONDITIONS = st.builds(
    PodConditions,
    verdicts=_verdicts(EVERY),
    since=st.floats(NOW - 1e6, NOW),
    requests=_COUNTS,
    told=st.floats(0, 86400),
    busy=st.floats(0, 86400),
)


def _opa(given: tuple[list[CanaryAnswer], dict[str, tuple[Verdict, ...]]]) -> OPALook:
    return OPALook(OPAReading(answers=tuple(given[0])), given[1])


VALUES: dict[SourceName, st.SearchStrategy[Value]] = {
    SourceName.HANDSHAKE: PORTS,
    SourceName.AGENT_METRICS: LOOKS,
    SourceName.OPA: _DECISIONS.map(_opa),
    SourceName.CONDITIONS: CONDITIONS,
    SourceName.HISTORY: st.builds(PodHistory, since=st.floats(NOW - 1e6, NOW)),
}


@pytest.mark.parametrize("source", VALUES)
@given(data=st.data())
def test_whatever_is_seen_a_judge_says_what_it_may_say_in_a_sentence(source: SourceName, data: st.DataObject) -> None:
    value = data.draw(VALUES[source])
    for control, of in JUDGED:
        if of is source:
            registered = [each for each in load_judges().controls[control] if source in each.sources]
            scales = weigh(CATALOGUE.by_id[control], evidence([value], NOW, NOW - 90_000, {}), facts_of(), registered)
            assert scales.error == ""
            for said in (each for part in scales.of(source) for each in part.statements):
                assert said.message.strip()
                assert len(said.message) <= 200
                if said.reason is not None and CATALOGUE.by_id[control].automation == "auto":
                    assert said.reason in CATALOGUE.by_id[control].unknown_reasons


@pytest.mark.parametrize(("control", "source"), [each for each in JUDGED if each[1] in VALUES])
@given(data=st.data())
def test_what_the_watcher_is_impaired_in_is_never_a_verdict(
    control: str, source: SourceName, data: st.DataObject
) -> None:
    """Every condition unknown for a fault of ours, and nothing had: no judge says good or bad."""
    why = data.draw(
        st.sampled_from([Unknown.WATCHER_IMPAIRED, Unknown.PROBE_ERROR, Unknown.STALE, Unknown.UNAUTHORIZED])
    )
    ours = verdicts(*(unknown(name, why) for name in EVERY))
    lost: dict[SourceName, Value] = {
        SourceName.HANDSHAKE: ServedPort(Spoken.NOTHING, "It was not asked.", verdicts=ours),
        SourceName.AGENT_METRICS: MetricsLook(0, "It was not asked.", families(without=EVERY, ours=False), ours),
        SourceName.OPA: _opa(([answer("a", Expected.DENY, Actual.UNREACHABLE, 0, "Not asked.")], dict(ours))),
        SourceName.CONDITIONS: PodConditions(ours, since=NOW - 90_000, told=0.0),
        SourceName.HISTORY: PodHistory(since=NOW - 90_000),
    }
    if control == "observability.metrics.endpoint-secured":
        return  # where a page is, is known without it
    registered = [each for each in load_judges().controls[control] if source in each.sources]
    scales = weigh(CATALOGUE.by_id[control], evidence([lost[source]], NOW, NOW - 90_000, {}), facts_of(), registered)
    said = {each.says for part in scales.of(source) for each in part.statements}
    assert said <= {Says.UNCLEAR}
