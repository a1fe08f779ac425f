"""What series say of an agent beside its rules: alerts that come and go, CPU that is throttled, scrapes that fail."""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, Pod
from probes.controls.evidence.alerts.prometheus import WATCHDOG, Health
from probes.controls.judges.prometheus.case import RulesCase, judge_of_rules
from probes.controls.judging import Statement
from probes.controls.records import Record, listed

_DAYS = 3
"""Days of 7 on which an alert may not start too often."""

_DAY = 86400.0
_HOUR, _EARLY = 3600.0, 300.0
"""Seconds after a rollout in which no alert may fire, and in which one from before it may end."""

_FAILED_SPANS, _ENOUGH_SPANS = 0.01, 100
_TESTED = "peak_requests_per_second"
"""Of a record of a load test."""


@judge_of_rules("observability.alerts.thresholds-tuned")
def thresholds_tuned(case: RulesCase) -> Iterator[Statement]:
    """Whether an alert fired for a fifth of a week, or started more than ten times a day on three days."""
    for each in case.look.flapped:
        if each.share:
            yield case.bad(f"The alert {each.name} fired for {each.share:.0%} of the last 7 days.")
            return
        if each.days >= _DAYS:
            yield case.bad(f"The alert {each.name} started more than 10 times a day on {each.days} of the last 7 days.")
            return


@judge_of_rules("testing.load.peak-tested", reads_record=True)
def live_peak(case: RulesCase) -> Iterator[Statement]:
    """Whether more than half of what was tested was met in 30 days; a peak of fewer days does not show the contrary."""
    record, peak = case.evidence.of(SourceName.RECORD, Record), case.look.peak
    tested = None if isinstance(record, Missing) else record.value.counts.get(_TESTED)
    if tested is None:
        return
    live = peak.requests_per_second
    if live is not None and live > tested / 2:
        told = f"In the last 30 days it had up to {live:.4g} requests a second"
        yield case.bad(f"{told}, more than half of the {tested:.4g} that were tested.")
    elif not peak.whole:
        yield case.unclear(UnknownReason.OBSERVING, "The live peak is not known of all of the last 30 days.")


@judge_of_rules("observability.metrics.business-exported", reads_record=True)
def stated_families(case: RulesCase) -> Iterator[Statement]:
    """Whether Prometheus had series of each family that the record lists, once it has scraped a pod for a day."""
    record, look = case.evidence.of(SourceName.RECORD, Record), case.look
    names = None if isinstance(record, Missing) else listed(record.value.statement, "families")
    if not names:
        return
    old = [pod for pod in case.evidence.pods.values() if pod.name in look.scraped and _ready_for(case, pod) >= _DAY]
    if look.exported is None or not old:
        yield case.unclear(UnknownReason.OBSERVING, "No pod is known that Prometheus has scraped for 24 h.")
    elif lacking := sorted(names - look.exported):
        yield case.bad(f"Prometheus had no series of {lacking[0][:80]} in 24 h, which the record lists.")


def _ready_for(case: RulesCase, pod: Pod) -> float:
    """Seconds."""
    return case.facts.now - pod.ready_since if pod.ready_since is not None and not pod.terminating else 0.0


@judge_of_rules("observability.alerts.tested")
def watchdog(case: RulesCase) -> Iterator[Statement]:
    """Whether the alert that always fires does, where it is loaded."""
    for rule in case.look.book.alerts:
        if rule.name == WATCHDOG and rule.health is not Health.UNKNOWN and (rule.late or not rule.firing):
            yield case.bad(f"The alert {WATCHDOG} does not fire, and it always should.")
            return


@judge_of_rules("postdeploy.immediate.metrics-available")
def scraped(case: RulesCase) -> Iterator[Statement]:
    """Whether Prometheus has its targets of a new pod up."""
    for pod, why in case.look.unscraped.items():
        if pod in _newest(case.evidence):
            yield case.bad(f"Prometheus cannot scrape {pod}: {why}.")
            return


@judge_of_rules("postdeploy.long.cpu-stable")
def throttled(case: RulesCase) -> Iterator[Statement]:
    """Whether a new pod was throttled for over a quarter of the periods of an hour."""
    for pod, share in case.look.throttled.items():
        if pod in _newest(case.evidence):
            yield case.bad(f"{share:.0%} of the CPU periods of {pod} were throttled in the last hour.")
            return


@judge_of_rules("release.post.no-alerts-fired")
def no_alerts_fired(case: RulesCase) -> Iterator[Statement]:
    """Whether an alert of the agent fired in the first hour of the newest revision."""
    start = max((pod.revision_at for pod in case.evidence.pods.values() if pod.revision), default=0.0)
    for each in case.look.fired if start else ():
        within = each.first_at <= start + _HOUR and each.last_at >= start
        from_before = each.first_at < start and each.last_at <= start + _EARLY
        if within and not from_before:
            yield case.bad(f"The alert {each.name} fired in the first hour of the rollout.")
            return


@judge_of_rules("observability.tracing.exported")
def spans_exported(case: RulesCase) -> Iterator[Statement]:
    """Whether collectors failed to pass on a hundredth of enough spans."""
    spans = case.look.cluster.spans
    if spans is not None and spans.all >= _ENOUGH_SPANS and spans.bad >= _FAILED_SPANS * spans.all:
        yield case.bad(f"Collectors could not export {spans.bad / spans.all:.1%} of the spans of the last hour.")


@judge_of_rules("deployment.secrets.encrypted-at-rest")
def written_in_the_clear(case: RulesCase) -> Iterator[Statement]:
    """Whether API servers write Secrets by the identity transformer alone."""
    writes = case.look.cluster.secret_writes
    if writes is not None and writes.all >= 1 and writes.bad >= writes.all:
        yield case.bad("All Secrets that API servers wrote in 24 h were stored by the identity transformer.")


@judge_of_rules("observability.metrics.resource-exported")
def measured(case: RulesCase) -> Iterator[Statement]:
    """Whether the kubelets' figures of CPU and memory are there of every pod."""
    pods = {pod.name for pod in case.evidence.pods.values() if not pod.terminating}
    if pods and pods <= case.look.measured:
        yield case.good("Prometheus has CPU and memory of each pod.")


def _newest(evidence: EvidenceSet) -> set[str]:
    """Ready pods of the newest revision."""
    at = max((pod.revision_at for pod in evidence.pods.values()), default=0.0)
    return {pod.name for pod in evidence.pods.values() if pod.revision_at == at and pod.ready_since is not None}
