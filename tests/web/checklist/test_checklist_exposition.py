"""What /metrics says of agents by the checklist, read by prometheus_client as Prometheus would."""

import asyncio

from probes.controls.evidence import AgentRef
from probes.controls.finding import State
from tests.checklist.live.judged import SEARCH, Live, Told, given, pod_target
from tests.checklist.live.test_checklist import VALID, valid
from tests.servers.daemon import PREFIX, Page
from watcher.config.checklist import ChecklistSettings
from watcher.metrics.families import CHECKLIST_FAMILIES
from watcher.web.checklist.exposition import agent_families
from watcher.web.exposition import render_own

WHO = {"namespace": "prod", "agent": "search"}


def _page(live: Live) -> Page:
    """The families of agents, and what the daemon says of itself."""

    async def own() -> str:
        pieces = render_own(live.own_metrics.registry, openmetrics=False)
        return b"".join([each async for each in pieces]).decode()

    text = asyncio.run(own())
    for families, texts in agent_families(live.view):
        [metric] = families
        text += f"# TYPE {PREFIX}{metric.name} {metric.kind}\n" + "".join("".join(piece) for piece in texts)
    return Page(text)


def _judged(*, is_valid: bool = True, settings: ChecklistSettings | None = None) -> tuple[Live, Told]:
    told = Told()
    live = Live(providers=[told], settings=settings or ChecklistSettings())
    live.watch(pod_target())
    live.wait(1)
    valid(live, told, is_valid=is_valid)
    return live, told


def test_each_family_says_of_an_agent_what_its_findings_come_to() -> None:
    live, _ = _judged()
    page, found = _page(live), live.view.readiness(SEARCH)
    assert page.all("readiness") == {frozenset({**WHO, "verdict": found.verdict, "profile": "checklist"}.items()): 1.0}
    for name, ratio in (("lower", found.lower), ("upper", found.upper), ("coverage", found.coverage)):
        assert page.value(f"readiness_{name}_ratio", **WHO) == ratio
    counted = page.all("readiness_controls")
    for state in State:
        assert sum(n for at, n in counted.items() if ("state", state) in at) == found.counts[state]
    assert all(counted.values())
    assert not page.all("control_regressed_timestamp_seconds")


def test_what_is_required_and_not_met_is_told_with_its_severity_and_its_reason() -> None:
    live, _ = _judged(is_valid=False)
    failing = {name for name, each in live.view.findings(SEARCH).items() if each.state is State.FAIL}
    told = {dict(at)["control"] for at in _page(live).all("control_not_met", **WHO)}
    assert told == failing & live.view.required(SEARCH)
    severity = live.view.catalogue.by_id[VALID].severity
    assert _page(live).value("control_not_met", control=VALID, severity=severity, state="fail", reason="Violated") == 1


def test_a_regression_is_told_with_its_moment_unless_the_profile_wants_no_alerts() -> None:
    for alerts in (True, False):
        profile = {"name": "quiet", "namespaces": ["*"], "alerts": alerts}
        live, told = _judged(settings=ChecklistSettings.model_validate({"profiles": [profile]}))
        valid(live, told, is_valid=False)
        found = _page(live).all("control_regressed_timestamp_seconds", control=VALID)
        labels = frozenset({**WHO, "control": VALID, "from": "pass", "to": "fail"}.items())
        assert found == ({labels: live.finding(VALID).since} if alerts else {})


def test_names_that_need_it_are_escaped_and_an_agent_that_is_gone_leaves_no_series() -> None:
    live, told = _judged()
    odd = AgentRef('a"b', "c\\d\ne")
    live.watch(pod_target("odd-0", odd))
    told.tell(odd, given({}))
    live.wait(5)
    [labels] = _page(live).all("readiness")
    assert {("namespace", odd.namespace), ("agent", odd.agent)} < labels


def test_a_source_that_is_down_is_told_by_its_reason_and_one_that_is_no_more_leaves_no_series() -> None:
    live, told = _judged()
    told.down = {"kubernetes": "", "networkpolicies": "Forbidden"}
    live.wait(1)
    assert _page(live).all("evidence_source_up") == {
        frozenset({"source": "kubernetes", "reason": ""}.items()): 1.0,
        frozenset({"source": "networkpolicies", "reason": "Forbidden"}.items()): 0.0,
    }
    assert live.view.notes == ["no evidence from networkpolicies: Forbidden"]
    told.down = {"kubernetes": ""}
    live.wait(1)
    assert len(_page(live).all("evidence_source_up")) == 1


def test_the_catalogue_the_count_and_the_last_complete_round_are_told() -> None:
    live, _ = _judged()
    page, catalogue = _page(live), live.view.catalogue
    assert page.value("checklist_catalogue_info", version=catalogue.version, digest=catalogue.digest) == 1
    assert page.value("checklist_evaluations_total", result="ok") == 2
    assert page.value("checklist_evaluations_total", result="error") == 0
    assert page.value("checklist_last_complete_timestamp_seconds") == live.view.last_complete


def test_every_family_of_the_list_is_rendered() -> None:
    rendered = [metric for families, _ in agent_families(_judged()[0].view) for metric in families]
    assert rendered == list(CHECKLIST_FAMILIES)
