"""What rules that a Prometheus has loaded, and figures of it, say of the controls of one agent."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AlertmanagerLook, EvidenceSet, LivePod, PodTemplate, PrometheusLook
from probes.controls.evidence.alerts.alertmanager import Matcher, Route, Way
from probes.controls.evidence.alerts.golden_signals import SIGNALS
from probes.controls.evidence.alerts.prometheus import (
    AlertRule,
    Cluster,
    Counted,
    Fired,
    Flapped,
    Health,
    ObjectiveRule,
    RuleBook,
    Untold,
)
from probes.controls.evidence.live_pod import PodRun
from probes.controls.finding import Finding
from probes.controls.judging import Statement, load_judges
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, evidence, facts, pod, seen

LATENCY, ALL = "alerts.latency", "observability.alerts.critical-configured"
WARNINGS, RUNBOOKS = "observability.alerts.warning-configured", "observability.alerts.runbooks-created"
SIX = [
    ("Rotation", "alerts.svid-rotation-failing"),
    ("Unreachable", "alerts.authz-unreachable"),
    ("Errors", "alerts.error-rate"),
    ("Latency", LATENCY),
    ("Breaker", "alerts.breaker-opened"),
    ("Resources", "alerts.resource-usage"),
]


def rule(name: str = "Latency", control: str = LATENCY, **more: object) -> AlertRule:
    """A sound critical rule."""
    plain: dict[str, object] = {
        "name": name,
        "group": "g",
        "health": Health.OK,
        "error": "",
        "late": False,
        "firing": False,
        "severity": "critical",
        "runbook_url": "https://wiki.example.org/runbooks/{{ $labels.agent }}",
        "control": control,
        "labels": (("severity", "critical"),),
    }
    return AlertRule(**(plain | more))  # type: ignore[arg-type]


def look(*rules: AlertRule, selected: Sequence[int] | None = None, **more: object) -> PrometheusLook:
    """All of the rules select the agent, which was there an hour ago."""
    chosen = frozenset(range(len(rules)) if selected is None else selected)
    known: dict[str, object] = {"known": True}
    return PrometheusLook(RuleBook(rules), chosen, **(known | more))  # type: ignore[arg-type]


def said(control: str, found: PrometheusLook) -> list[Statement]:
    """What the judges of Prometheus' evidence say."""
    set_of = evidence(pod("search-0", since=NOW - 600, revision_at=NOW - 900), prometheus=seen(found))
    mine = [each for each in load_judges().controls[control] if "prometheus" in each.sources]
    return [one for each in mine for one in each.judge(CATALOGUE.by_id[control], set_of, facts())]


def told(control: str, found: PrometheusLook) -> tuple[str, str]:
    """The one statement."""
    [only] = said(control, found)
    return only.says.value, only.message


def finding(control: str, found: PrometheusLook, alertmanager: AlertmanagerLook | None = None) -> Finding:
    """The verdict."""
    more = {} if alertmanager is None else {SourceName.ALERTMANAGER: seen(alertmanager)}
    set_of = EvidenceSet(AGENT, {SourceName.PROMETHEUS: seen(found), **more})
    return judge_control(CATALOGUE.by_id[control], set_of, facts(), load_judges())


@pytest.mark.parametrize(
    ("found", "says", "message"),
    [
        (look(rule()), "good", "The rule Latency watches it."),
        (look(), "bad", "No alerting rule is loaded that answers alerts.latency."),
        (look(rule(health=Health.ERR, error="many-to-many")), "bad", "The rule Latency fails: many-to-many."),
        (look(rule(late=True)), "bad", "The rule Latency was not evaluated within three of its intervals."),
        (look(rule(severity="warning")), "bad", "The rule Latency has severity warning, not critical."),
        (look(rule(severity="")), "bad", "The rule Latency has severity none, not critical."),
        (look(rule(runbook_url="")), "bad", "The rule Latency has no runbook_url that is a whole URL."),
        (look(rule(runbook_url="/runbooks/a")), "bad", "The rule Latency has no runbook_url that is a whole URL."),
        (look(rule(runbook_url="https:///a")), "bad", "The rule Latency has no runbook_url that is a whole URL."),
        (
            look(rule(), selected=()),
            "bad",
            "The rule Latency selects no series of this agent: it can never fire for it.",
        ),
        (
            look(rule(), selected=(), known=False),
            "unclear",
            "Prometheus has less than an hour of series of this agent.",
        ),
        (
            look(rule(), selected=(), conditional=frozenset({0})),
            "unclear",
            "The rule Latency waits for a condition of the watcher that is not known of this agent.",
        ),
        (
            look(rule(untellable="absent() fires where there is nothing"), selected=()),
            "unclear",
            "Whether the rule Latency can fire for this agent is not known: absent() fires where there is nothing.",
        ),
        (
            look(rule(), selected=(), untold=Untold(UnknownReason.UNREACHABLE, "It gave a part of the answer only.")),
            "unclear",
            "It gave a part of the answer only.",
        ),
        (look(rule(health=Health.UNKNOWN)), "unclear", "The rule Latency was not evaluated yet."),
        (look(rule(severity="warning"), rule("Other")), "good", "The rule Other watches it."),
        (
            PrometheusLook(RuleBook(unread="Of more than 2,000 alerting rules the others were not read.")),
            "unclear",
            "Of more than 2,000 alerting rules the others were not read.",
        ),
    ],
)
def test_a_line_is_met_by_a_rule_that_is_sound_and_selects_the_agent(
    found: PrometheusLook, says: str, message: str
) -> None:
    assert told(LATENCY, found) == (says, message)


def test_the_shipped_rules_for_memory_and_cpu_answer_their_line_together() -> None:
    line = "alerts.resource-usage"
    memory, cpu = rule("AgentWeaveMemoryHigh", line), rule("AgentWeaveCPUHigh", line)
    assert told(line, look(memory, cpu))[0] == "good"
    assert told(line, look(memory)) == ("bad", "The rule AgentWeaveCPUHigh is not loaded.")
    assert told(line, look(memory, cpu, selected=(0,)))[0] == "bad"
    assert told(line, look(memory, rule("Mine", line)))[0] == "good"


@pytest.mark.parametrize(
    ("containers", "state"),
    [
        ([{"name": "agent"}], "pass"),
        ([{"name": "agent", "resources": {"limits": {"memory": "1Gi"}}}], "pass"),
        ([{"name": "agent", "resources": {"limits": {"cpu": "1"}}}], "fail"),
        ([{"name": "agent", "resources": "odd"}], "fail"),
        ([{"name": "other"}], "fail"),
    ],
)
def test_an_agent_without_a_cpu_limit_needs_no_alert_on_it(containers: list[object], state: str) -> None:
    line = "alerts.resource-usage"
    found = look(rule("AgentWeaveMemoryHigh", line), rule("AgentWeaveCPUHigh", line), selected=(0,))
    template = PodTemplate({}, {"containers": containers}, "agent")
    live = LivePod(template, PodRun("", "", "Running", 0.0, 0.0, None, ()))
    set_of = evidence(pod("search-0", kubernetes_pod=seen(live)), prometheus=seen(found))
    assert judge_control(CATALOGUE.by_id[line], set_of, facts(), load_judges()).state == state


def test_all_six_are_needed_and_the_worst_is_told() -> None:
    every = [rule(name, control) for name, control in SIX]
    assert told(ALL, look(*every)) == ("good", "Each of the six critical alerts watches this agent.")
    assert told(ALL, look(*every[:-1]))[1] == "No alerting rule is loaded that answers alerts.resource-usage."
    mixed = look(*every[:4], rule("Breaker", "alerts.breaker-opened", late=True), every[5], selected=(1, 2, 3, 4, 5))
    assert told(ALL, mixed)[1] == "The rule Rotation selects no series of this agent: it can never fire for it."


def test_a_warning_is_needed_for_each_of_four_signals() -> None:
    by_label = [rule(each, "", severity="warning", labels=(("agentweave_signal", each),)) for each in SIGNALS]
    assert told(WARNINGS, look(*by_label))[1] == (
        "Warnings watch latency, availability, errors and saturation of this agent."
    )
    assert told(WARNINGS, look(*by_label[:3])) == ("bad", "No warning that is known to watch saturation is loaded.")
    by_control = rule("Mine", "alerts.resource-usage", severity="warning")
    assert told(WARNINGS, look(*by_label[:3], by_control))[0] == "good"
    by_name = rule("AgentWeavePoolSaturated", "", severity="warning")
    assert told(WARNINGS, look(*by_label[:3], by_name))[0] == "good"


def test_each_rule_that_selects_the_agent_names_a_runbook() -> None:
    bare = rule("Bare", "", runbook_url="")
    assert told(RUNBOOKS, look(rule()))[0] == "good"
    assert told(RUNBOOKS, look(rule(), bare)) == (
        "bad",
        "The rule Bare selects this agent and has no runbook_url that is a whole URL.",
    )
    assert told(RUNBOOKS, look(rule(), bare, selected=(0,)))[0] == "good"
    assert told(RUNBOOKS, look(rule(), bare, selected=(0,), known=False))[0] == "unclear"
    assert told(RUNBOOKS, look(bare, selected=())) == (
        "unclear",
        "No critical or warning rule is known to select this agent.",
    )


def test_an_objective_counts_while_its_rule_is_well() -> None:
    defined = "observability.metrics.slo-defined"
    book = RuleBook(objectives=(ObjectiveRule("slo:a", "errors", Health.OK), ObjectiveRule("b", "c", Health.ERR)))
    found = PrometheusLook(book, objectives=frozenset({0, 1}))
    assert told(defined, found) == ("good", "The rule slo:a measures the objective errors of this agent.")
    assert said(defined, PrometheusLook(book, objectives=frozenset({1}))) == []


@pytest.mark.parametrize(
    ("control", "found", "message"),
    [
        (
            "observability.alerts.thresholds-tuned",
            look(flapped=(Flapped("Errors", 0.25, 0),)),
            "The alert Errors fired for 25% of the last 7 days.",
        ),
        (
            "observability.alerts.thresholds-tuned",
            look(flapped=(Flapped("Errors", 0.0, 3),)),
            "The alert Errors started more than 10 times a day on 3 of the last 7 days.",
        ),
        ("observability.alerts.thresholds-tuned", look(flapped=(Flapped("Errors", 0.0, 2),)), ""),
        (
            "observability.alerts.tested",
            look(rule("AgentWeaveWatchdog", "")),
            "The alert AgentWeaveWatchdog does not fire, and it always should.",
        ),
        ("observability.alerts.tested", look(rule("AgentWeaveWatchdog", "", firing=True)), ""),
        ("observability.alerts.tested", look(rule("AgentWeaveWatchdog", "", health=Health.UNKNOWN)), ""),
        ("observability.alerts.tested", look(), ""),
        (
            "postdeploy.immediate.metrics-available",
            look(unscraped={"search-0": "connection refused"}),
            "Prometheus cannot scrape search-0: connection refused.",
        ),
        ("postdeploy.immediate.metrics-available", look(unscraped={"other-0": "connection refused"}), ""),
        (
            "postdeploy.long.cpu-stable",
            look(throttled={"search-0": 0.5}),
            "50% of the CPU periods of search-0 were throttled in the last hour.",
        ),
        (
            "release.post.no-alerts-fired",
            look(fired=(Fired("Errors", NOW - 800, NOW - 300),)),
            "The alert Errors fired in the first hour of the rollout.",
        ),
        ("release.post.no-alerts-fired", look(fired=(Fired("Errors", NOW - 1200, NOW - 700),)), ""),
        ("release.post.no-alerts-fired", look(fired=(Fired("Errors", NOW - 1200, NOW - 1000),)), ""),
        (
            "observability.tracing.exported",
            look(cluster=Cluster(spans=Counted(1000, 10))),
            "Collectors could not export 1.0% of the spans of the last hour.",
        ),
        (
            "observability.tracing.exported",
            look(cluster=Cluster(spans=Counted(100, 1))),
            "Collectors could not export 1.0% of the spans of the last hour.",
        ),
        ("observability.tracing.exported", look(cluster=Cluster(spans=Counted(1000, 9))), ""),
        ("observability.tracing.exported", look(cluster=Cluster(spans=Counted(99, 99))), ""),
        (
            "deployment.secrets.encrypted-at-rest",
            look(cluster=Cluster(secret_writes=Counted(12, 12))),
            "All Secrets that API servers wrote in 24 h were stored by the identity transformer.",
        ),
        (
            "deployment.secrets.encrypted-at-rest",
            look(cluster=Cluster(secret_writes=Counted(1, 1))),
            "All Secrets that API servers wrote in 24 h were stored by the identity transformer.",
        ),
        ("deployment.secrets.encrypted-at-rest", look(cluster=Cluster(secret_writes=Counted(12, 11))), ""),
    ],
)
def test_figures_refute_and_are_silent_else(control: str, found: PrometheusLook, message: str) -> None:
    assert [(each.says.value, each.message) for each in said(control, found)] == [("bad", message)] * bool(message)


def test_cpu_and_memory_of_each_pod_are_exported_where_prometheus_has_them() -> None:
    control = "observability.metrics.resource-exported"
    assert told(control, look(measured=frozenset({"search-0"}))) == (
        "good",
        "Prometheus has CPU and memory of each pod.",
    )
    assert said(control, look(measured=frozenset({"other-0"}))) == []


PAGER = Route("nobody", routes=(Route("pager", (Matcher("severity", "=", "critical"),)),))


def _alertmanager(*integrations: str, failed: float = 0.0, of: float = 10.0) -> AlertmanagerLook:
    ways = tuple(Way(each, of, failed) for each in integrations)
    return AlertmanagerLook(PAGER, {"nobody": (), "pager": integrations}, {"pager": ways})


def test_critical_alerts_that_are_routed_to_nobody_fail() -> None:
    every = look(*(rule(name, control) for name, control in SIX))
    assert finding(ALL, every, alertmanager=_alertmanager("slack")).state == "pass"
    failed = finding(ALL, every, alertmanager=_alertmanager())
    assert failed.state == "fail"
    assert failed.message == "The alert Rotation is routed to pager, which has no integration: nobody is told."


def test_notifications_that_fail_refute_that_alerts_were_tested() -> None:
    tested, every = "observability.alerts.tested", look(rule())
    assert finding(tested, every, alertmanager=_alertmanager("slack")).state == "unknown"
    assert finding(tested, every, alertmanager=_alertmanager("slack", failed=4, of=4)).state == "unknown"
    failed = finding(tested, every, alertmanager=_alertmanager("slack", failed=1))
    assert (failed.state, failed.reason) == ("fail", "Refuted")
    assert failed.message == "1 of 10 notifications by slack failed in the last 24 h (receiver pager)."


@given(
    health=st.sampled_from(Health),
    late=st.booleans(),
    severity=st.sampled_from(["critical", "warning", ""]),
    link=st.sampled_from(["https://a/b", "", "a"]),
    selects=st.booleans(),
    untold=st.booleans(),
    known=st.booleans(),
)
def test_a_line_passes_only_by_a_sound_rule_that_selects_the_agent(
    health: Health, late: bool, severity: str, link: str, selects: bool, untold: bool, known: bool
) -> None:
    given_rule = rule(health=health, late=late, severity=severity, runbook_url=link)
    why = Untold(UnknownReason.FORBIDDEN, "It answers 403.") if untold else None
    found = look(given_rule, selected=(0,) if selects else (), untold=why, known=known)
    sound = (health, late, severity, link, selects) == (Health.OK, False, "critical", "https://a/b", True)
    assert (finding(LATENCY, found).state == "pass") is sound
