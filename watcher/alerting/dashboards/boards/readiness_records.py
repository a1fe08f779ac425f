"""What people and pipelines say of controls: the part of the dashboard on readiness that is about records."""

from watcher.alerting.dashboards.panels import Asked, lines, row
from watcher.alerting.dashboards.queries import INSTALLATIONS, led, noted, or_zero, ours, troubles
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, INSTALLATION

_ENDS = f"min by ({AGENT}, control, kind) ({ours('record_expiry_timestamp_seconds')})"
_EXPIRING = f"count by (control) (group by ({AGENT}, control) ({ours('record_expiring_timestamp_seconds')}))"
_RECORDS = led(ours("records", of=INSTALLATIONS))
_INVALID = led(ours("records_invalid", of=INSTALLATIONS))
_WRITES = ours("evidence_writes_total", of=INSTALLATIONS)
_REVIEW = led(ours("review_due_timestamp_seconds", of=INSTALLATIONS))

RECORDS = (
    row("What people and pipelines say"),
    lines(
        "Records by state",
        "Documents with records: valid, invalid, removed since they were seen, or unread: their source gives no "
        "answer.",
        [Asked(f"sum by (state) (max by ({INSTALLATION}, state) ({_RECORDS}))", "{{state}}")],
        size=(8, 9),
    ),
    lines(
        "Agents whose records end soon",
        "By control: agents that meet it by a record which is in its last 14 days or its last fifth.",
        [Asked(or_zero(_EXPIRING, "control"), "{{control}}")],
        size=(8, 9),
    ),
    table(
        "Next review",
        "When the checklist of the whole fleet is to be reviewed next.",
        "",
        {"ends": noted(f"1000 * max by ({INSTALLATION}) ({_REVIEW})")},
        sort="ends",
        runbook="ReviewOverdue",
        size=(8, 9),
    ),
    table(
        "Records that end next",
        "The 50 records that end first, of those that a control of an agent rests on.",
        "namespace agent control kind",
        {"ends": troubles(f"1000 * bottomk(50, {_ENDS})")},
        sort="ends",
        runbook="RecordExpiring",
    ),
    lines(
        "Reports and snapshots",
        "Report objects of the cluster and daily snapshots: written, refused by the API server, or failed, a second. "
        "The page /readiness says why.",
        [Asked(f"sum by (kind, result) (rate({_WRITES}[$__rate_interval]))", "{{kind}} {{result}}")],
        unit="cps",
    ),
    table(
        "Invalid records",
        "Invalid records, by reason: they do not count. The page /records names each.",
        "reason",
        {"documents": troubles(f"max by ({INSTALLATION}, reason) ({_INVALID}) > 0")},
        sort="-documents",
    ),
)
