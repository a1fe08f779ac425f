"""Every family that the daemon exports beside those of the probes: names, texts and labels, in one place."""

from probes.contract import Metric

PREFIX = "agentweave_watcher_"

CONDITION = Metric(name="condition", help="1 = failing, 0 = passing; no series while unknown.")
CONDITION_UNKNOWN = Metric(name="condition_unknown", help="1 while the condition is unknown, with the reason.")
CONDITION_REASON = Metric(name="condition_reason_info", help="Why a condition is failing.")
CONDITIONS = Metric(name="conditions", help="Targets with this verdict.")
TARGET_INFO = Metric(name="target_info", help="A target that is expected, from discovery.")
SUBJECTS_DROPPED = Metric(
    name="subjects_dropped", help="Callees, pools and bundles of a target that are judged but not exported."
)
TARGET_PROBLEMS = Metric(name="target_problems", help="Discovery problems of a target.")
BOARD_FAMILIES = (
    *(CONDITION, CONDITION_UNKNOWN, CONDITION_REASON, CONDITIONS, TARGET_INFO, SUBJECTS_DROPPED),
    TARGET_PROBLEMS,
)
"""What the board shows of each target."""

READINESS = Metric(name="readiness", help="Verdict over all findings of an agent; 1 for the current one.")
READINESS_CONTROLS = Metric(
    name="readiness_controls", help="Controls of an agent by state; states without any are absent."
)
READINESS_LOWER = Metric(name="readiness_lower_ratio", help="Share of controls that are met, of those that apply.")
READINESS_UPPER = Metric(name="readiness_upper_ratio", help="Share of controls that are met if all that is unknown is.")
READINESS_COVERAGE = Metric(
    name="readiness_coverage_ratio", help="Share of controls that are known, of those that apply."
)
NOT_MET = Metric(name="control_not_met", help="A required control that is not met; at most 60 an agent are exported.")
CONTROLS_DROPPED = Metric(name="controls_dropped", help="Required controls that are not met but not exported.")
REGRESSED = Metric(name="control_regressed_timestamp_seconds", help="When a required control stopped being met.")
RECORD_EXPIRY = Metric(name="record_expiry_timestamp_seconds", help="When a record that decides a finding expires.")
RECORD_EXPIRING = Metric(
    name="record_expiring_timestamp_seconds",
    help="record_expiry_timestamp_seconds in the last 14 days or last fifth of the record, whichever is shorter.",
)
CHECKLIST_FAMILIES = (
    *(READINESS, READINESS_CONTROLS, READINESS_LOWER, READINESS_UPPER, READINESS_COVERAGE),
    *(NOT_MET, CONTROLS_DROPPED, REGRESSED, RECORD_EXPIRY, RECORD_EXPIRING),
)
"""What the checklist shows of each agent."""

ROLLOUT_INFO = Metric(name="rollout_info", help="The newest rollout of an agent, with its phase.")
ROLLOUT_VERDICT = Metric(name="rollout_verdict", help="Verdict up to this window: 1 verified, 0.5 undecided, 0 failed.")
ROLLOUT_STARTED = Metric(name="rollout_started_timestamp_seconds", help="When the newest rollout of an agent began.")
ROLLOUT_FAILING = Metric(
    name="rollout_failing", help="A failed rollout: 1 while its revision serves and what failed still fails, else 0."
)
ROLLOUT_FAMILIES = (ROLLOUT_INFO, ROLLOUT_VERDICT, ROLLOUT_STARTED, ROLLOUT_FAILING)
"""What is told of the newest rollout of each agent."""

_LAGS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
_LOOKS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(name=name, help=text, labels=labels, fleet=True)


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(name=name, help=text, kind="counter", labels=labels, fleet=True)


def _seconds(name: str, text: str, buckets: tuple[float, ...]) -> Metric:
    return Metric(name=name, help=text, kind="histogram", labels=("source",), buckets=buckets, fleet=True)


TARGETS = _gauge("targets", "Targets that are watched.")
LOOKS = _counter("looks_total", "Probe attempts, by result.", "source", "result")
LOOK_SECONDS = _seconds("look_duration_seconds", "Duration of probe attempts.", _LOOKS)
LAG = _seconds("schedule_lag_seconds", "How late probe attempts started.", _LAGS)
SKIPPED = _counter(
    "schedule_skipped_total",
    "Probe attempts skipped because they were late or the previous one was still running.",
    "source",
)
HEARTBEAT = _gauge("heartbeat_timestamp_seconds", "When the scheduler last made progress.")
DISCOVERED = _gauge("discovery_last_success_timestamp_seconds", "When discovery last succeeded.")
DISCOVERED_IN = _gauge(DISCOVERED.name, "When the agents of a namespace were last listed.", "namespace")
PODS = _gauge("discovery_pods", "Pods that discovery sees, by state.", "state")
PODS_NOT_WATCHED = _gauge("pods_not_watched", "Pods seen for 15 minutes that are not targets.", "namespace", "state")
CONFIG_OK = _gauge("config_last_reload_successful", "Whether the newest config was loaded.")
CONFIG_AT = _gauge("config_last_reload_success_timestamp_seconds", "When a config was last loaded.")
BUNDLE_START = _gauge(
    "trust_bundle_not_before_timestamp_seconds", "When the newest CA of the trust domain became valid.", "trust_domain"
)
BUNDLE_END = _gauge(
    "trust_bundle_not_after_timestamp_seconds", "When the newest CA of the trust domain expires.", "trust_domain"
)
BUILD_INFO = _gauge("build_info", "Version of the watcher and of Python.", "version", "python")
SHARDS = _gauge("shards", "Configured number of shards.")
ACTIVE = _gauge("active", "1 while this process probes and exports, 0 on standby.", "shard")
IMPAIRED = _gauge("impaired", "1 while the watcher itself is impaired for this reason, else 0.", "reason")
DRILL_SUCCESS = _gauge(
    "drill_last_success_timestamp_seconds", "When Alertmanager last accepted and routed a test alert.", "severity"
)
DRILL_FAILURES = _gauge("drill_failures", "Drills in a row that failed; only where drills are configured.")
EVENTS = _counter("events_total", "Events on pods, by result.", "result")
CHANGES = _counter("changes_total", "Changes of verdicts, by whether they were kept or dropped.", "result")
SOURCE_UP = _gauge(
    "evidence_source_up", "1 while this source gives evidence for the checklist, else 0.", "source", "reason"
)
CHECKLIST_EVALUATIONS = _counter("checklist_evaluations_total", "Agents judged by the checklist.", "result")
CHECKLIST_COMPLETE = _gauge(
    "checklist_last_complete_timestamp_seconds", "When all controls of all agents were last judged."
)
CHECKLIST_INFO = _gauge("checklist_catalogue_info", "Version of the catalogue of controls in use.", "version", "digest")
RECORDS = _gauge(
    "records", "Records by state: valid, invalid, removed since they were seen, or unreadable now.", "state"
)
RECORDS_INVALID = _gauge("records_invalid", "Invalid records, by reason.", "reason")
REVIEW_DUE = _gauge("review_due_timestamp_seconds", "When the next review of the fleet's checklist is due.")
EVIDENCE_WRITES = _counter(
    "evidence_writes_total",
    "Report objects and daily snapshots, by result: written, refused or failed.",
    "kind",
    "result",
)
STALL = _gauge("loop_stall_seconds", "The longest stall of the event loop in the last 30 s.")
OWN_FAMILIES = (
    *(TARGETS, LOOKS, LOOK_SECONDS, LAG, SKIPPED, HEARTBEAT, DISCOVERED, PODS, CONFIG_OK, CONFIG_AT),
    *(BUNDLE_START, BUNDLE_END, BUILD_INFO, SHARDS, ACTIVE, IMPAIRED, STALL),
    *(DRILL_SUCCESS, DRILL_FAILURES, EVENTS, PODS_NOT_WATCHED),
    CHANGES,
    *(SOURCE_UP, CHECKLIST_EVALUATIONS, CHECKLIST_COMPLETE, CHECKLIST_INFO),
    *(RECORDS, RECORDS_INVALID, REVIEW_DUE, EVIDENCE_WRITES),
)
"""What the daemon says of itself and of the fleet as a whole."""

FAMILIES = (*BOARD_FAMILIES, *CHECKLIST_FAMILIES, *ROLLOUT_FAMILIES, *OWN_FAMILIES)
