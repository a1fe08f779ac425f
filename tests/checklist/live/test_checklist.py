"""The live checklist: who is judged when, by what evidence, and what is told of it."""

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import Seen
from probes.controls.finding import State
from tests.checklist.live.judged import SEARCH, START, Live, Told, given, pod_target
from watcher.checklist.agent_config import read_agent_config

CONFIG = SourceName.AGENT_CONFIG
VALID = "predeploy.config.valid"


def seen(trust_domain: str, at: float) -> Seen[object]:
    text = f"agent: {{name: search, trust_domain: {trust_domain}}}\n" if trust_domain else "agent: {name: search}\n"
    return Seen(read_agent_config(text.encode(), "1.0.0", in_place=True), at, "configmap/prod/search")


def test_a_change_is_judged_within_ten_seconds_and_told() -> None:
    told = Told()
    live = Live(providers=[told])
    live.watch(pod_target())
    live.wait(1)
    assert live.finding(VALID).reason == UnknownReason.SOURCE_MISSING
    told.tell(SEARCH, given({CONFIG: seen("", START + 1)}))
    live.wait(10)
    assert (live.finding(VALID).state, live.finding(VALID).message) == (
        State.FAIL,
        "agent.trust_domain: missing, but required.",
    )
    assert [(each.before, each.after) for each in live.turned if each.control == VALID] == [(State.UNKNOWN, State.FAIL)]
