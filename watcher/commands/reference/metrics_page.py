"""`docs/metrics.md`: every family of series that the daemon exports, from the families themselves."""

from collections.abc import Iterable, Iterator

from probes import load_probes
from probes.contract import Metric
from watcher.metrics.families import (
    BOARD_FAMILIES,
    CHECKLIST_FAMILIES,
    CONDITION,
    CONDITION_REASON,
    CONDITION_UNKNOWN,
    CONDITIONS,
    NOT_MET,
    OWN_FAMILIES,
    PREFIX,
    READINESS,
    READINESS_CONTROLS,
    RECORD_EXPIRING,
    RECORD_EXPIRY,
    REGRESSED,
    ROLLOUT_FAMILIES,
    ROLLOUT_INFO,
    ROLLOUT_VERDICT,
    TARGET_INFO,
)

_LABELS = {
    CONDITION: "probe, condition, subject",
    CONDITION_UNKNOWN: "probe, condition, subject, reason",
    CONDITION_REASON: "probe, condition, subject, reason",
    CONDITIONS: "probe, condition, status, reason",
    TARGET_INFO: "node, workload, spiffe_id",
    READINESS: "verdict, profile",
    READINESS_CONTROLS: "section, state",
    NOT_MET: "control, severity, state, reason",
    REGRESSED: "control, from, to",
    RECORD_EXPIRY: "control, kind",
    RECORD_EXPIRING: "control, kind",
    ROLLOUT_INFO: "revision, phase",
    ROLLOUT_VERDICT: "until",
}
"""Of families that are written by hand, for their speed."""

_INTRODUCTION = f"""# Metrics reference

<!-- Written by `make docs` from the families in the code; edit those instead. -->
All names begin with `{PREFIX}`. Times are Unix seconds, never ages. Counters exist at 0 from the first probe
result. A target that is gone leaves no series. *Identity labels* are `namespace`, `agent` and `pod`.

An alert on a condition: `{PREFIX}{CONDITION.name} == 1`. While a condition is unknown it has no series there, but
one of `{PREFIX}{CONDITION_UNKNOWN.name}` with the reason: absent is not zero.
"""


def metrics_page() -> str:
    """The whole page."""
    of_probes = [(probe, probe.metrics) for probe in load_probes() if probe.metrics]
    parts = [
        _INTRODUCTION,
        _section("Conditions and targets", "With identity labels, but for `conditions`.", BOARD_FAMILIES),
        *(
            _section(f"Probe `{probe.name}`", "With identity labels, but for those over the whole fleet.", found)
            for probe, found in of_probes
        ),
        _section("The checklist", "With the labels `namespace` and `agent`.", CHECKLIST_FAMILIES),
        _section("Rollouts", "With the labels `namespace` and `agent`.", ROLLOUT_FAMILIES),
        _section("The watcher itself", "Without identity labels.", OWN_FAMILIES),
    ]
    return "\n".join(parts)


def _section(title: str, about: str, families: Iterable[Metric]) -> str:
    table = "| name | type | labels | meaning |\n|---|---|---|---|\n"
    return f"## {title}\n\n{about}\n\n{table}" + "\n".join(_rows(families)) + "\n"


def _rows(families: Iterable[Metric]) -> Iterator[str]:
    for each in sorted(families, key=lambda metric: metric.name):
        labels = _LABELS.get(each, ", ".join(each.labels))
        fleet = " Over the whole fleet." if each.fleet else ""
        yield f"| `{each.name}` | {each.kind} | {labels} | {each.help}{fleet} |"
