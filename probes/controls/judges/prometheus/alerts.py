"""Are there the alerts that the checklist asks for, and do they watch this agent?"""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, LivePod, Seen
from probes.controls.evidence.golden_signals import SIGNALS, signal_of
from probes.controls.evidence.prometheus import AlertRule, Health
from probes.controls.judges.prometheus.case import RulesCase, judge_of_rules
from probes.controls.judges.prometheus.watching import Watch, best, has_runbook, selects_agent, worst
from probes.controls.judging import Says, Statement

CRITICAL_ALERTS = (
    "alerts.svid-rotation-failing",
    "alerts.authz-unreachable",
    "alerts.error-rate",
    "alerts.latency",
    "alerts.breaker-opened",
    "alerts.resource-usage",
)

_OF_CPU = "AgentWeaveCPUHigh"
_HALVES = ("AgentWeaveMemoryHigh", _OF_CPU)
"""Of the shipped rules two answer one line, each for its half."""


def critical_alert(case: RulesCase, control: str) -> Watch:
    """How the alert of one of these lines stands for the agent."""
    missing = f"No alerting rule is loaded that answers {control}."
    whole = best(case.look, lambda rule: rule.control == control and rule.name not in _HALVES, "critical", missing)
    loaded = {rule.name for rule in case.look.book.alerts if rule.control == control} & set(_HALVES)
    if whole.says is Says.GOOD or not loaded:
        return whole
    needed = [name for name in _HALVES if name != _OF_CPU or not _has_no_cpu_limit(case.evidence)]
    return worst(_half(case, name) for name in needed)


def _half(case: RulesCase, name: str) -> Watch:
    return best(case.look, lambda rule: rule.name == name, "critical", f"The rule {name} is not loaded.")


def _has_no_cpu_limit(evidence: EvidenceSet) -> bool:
    """Whether that is proven of each pod: of no limit there is no 90 %."""
    pods = [found for _, found in evidence.of_pods(SourceName.KUBERNETES_POD, LivePod)]
    return bool(pods) and all(isinstance(each, Seen) and not _limits_cpu(each.value) for each in pods)


def _limits_cpu(pod: LivePod) -> bool:
    """Also where it cannot be told."""
    own = next((each.body for each in pod.template.containers() if each.agent), None)
    resources = own.get("resources", {}) if own is not None else None
    limits = resources.get("limits", {}) if isinstance(resources, dict) else None
    return not isinstance(limits, dict) or "cpu" in limits


@judge_of_rules(*CRITICAL_ALERTS)
def one_critical_alert(case: RulesCase) -> Iterator[Statement]:
    """Whether there is such a rule for the agent, complete and evaluated."""
    yield _said(case, critical_alert(case, case.control.id))


@judge_of_rules("observability.alerts.critical-configured")
def critical_alerts(case: RulesCase) -> Iterator[Statement]:
    """Whether there are all six."""
    found = [critical_alert(case, each) for each in CRITICAL_ALERTS]
    whole = worst(found)
    if whole.says is Says.GOOD:
        yield case.good("Each of the six critical alerts watches this agent.")
    else:
        yield _said(case, whole)


@judge_of_rules("observability.alerts.warning-configured")
def warning_alerts(case: RulesCase) -> Iterator[Statement]:
    """Whether one watches each of latency, availability, errors and saturation."""
    for signal in SIGNALS:
        watch = _warning(case, signal)
        if watch.says is not Says.GOOD:
            yield _said(case, watch)
            return
    yield case.good(f"Warnings watch {', '.join(SIGNALS[:-1])} and {SIGNALS[-1]} of this agent.")


def _warning(case: RulesCase, signal: str) -> Watch:
    missing = f"No warning that is known to watch {signal} is loaded."

    def wanted(rule: AlertRule) -> bool:
        return rule.severity == "warning" and signal_of(rule) == signal

    return best(case.look, wanted, "warning", missing)


@judge_of_rules("observability.alerts.runbooks-created")
def runbooks(case: RulesCase) -> Iterator[Statement]:
    """Whether each critical and warning rule that selects the agent names one."""
    look, some, unsure = case.look, False, None
    for number, rule in enumerate(look.book.alerts):
        if rule.severity not in ("critical", "warning"):
            continue
        if not has_runbook(rule):
            selects = selects_agent(look, number)
            if selects is True:
                yield case.bad(f"The rule {rule.name} selects this agent and has no runbook_url that is a whole URL.")
                return
            unsure = unsure or (selects if isinstance(selects, Watch) else None)
        some = some or number in look.selected
    if unsure is not None or look.book.unread:
        said = unsure.message if unsure is not None else look.book.unread
        yield case.unclear((unsure and unsure.reason) or UnknownReason.NO_DATA, said)
    elif some:
        yield case.good("Each critical and warning rule that selects this agent names a runbook.")
    else:
        yield case.unclear(UnknownReason.NO_DATA, "No critical or warning rule is known to select this agent.")


@judge_of_rules("observability.metrics.slo-defined")
def objectives(case: RulesCase) -> Iterator[Statement]:
    """Whether a rule of a service level objective selects the agent."""
    book = case.look.book.objectives
    sound = [book[number] for number in sorted(case.look.objectives) if book[number].health is Health.OK]
    if sound:
        yield case.good(
            f"The rule {sound[0].name[:80]} measures the objective {sound[0].objective[:60]} of this agent."
        )


def _said(case: RulesCase, watch: Watch) -> Statement:
    if watch.says is Says.GOOD:
        return case.good(watch.message)
    if watch.says is Says.BAD:
        return case.bad(watch.message)
    return case.unclear(watch.reason or UnknownReason.NO_DATA, watch.message)
