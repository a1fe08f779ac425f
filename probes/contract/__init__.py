"""What a probe and a source are, what they see and what they say: all that probes share with the daemon."""

from probes.contract.condition import ConditionKind, Message, Severity, Status, Unknown, Verdict
from probes.contract.limits import Limits, SourceSettings
from probes.contract.metric import Metric, Observation, Sample, shared_sample
from probes.contract.probe import Evaluation, EvaluationContext, Probe, Vote
from probes.contract.reading import Fault, Reading, Result
from probes.contract.source import IdentityProvider, OwnIdentity, Source, SourceContext, SourceKind
from probes.contract.target import DEFAULT_DECISION_PATH, Target, TargetKey
from probes.contract.units import Bytes, Seconds, parse_duration, parse_size, say_bytes, say_duration

__all__ = [
    "DEFAULT_DECISION_PATH",
    "Bytes",
    "ConditionKind",
    "Evaluation",
    "EvaluationContext",
    "Fault",
    "IdentityProvider",
    "Limits",
    "Message",
    "Metric",
    "Observation",
    "OwnIdentity",
    "Probe",
    "Reading",
    "Result",
    "Sample",
    "Seconds",
    "Severity",
    "Source",
    "SourceContext",
    "SourceKind",
    "SourceSettings",
    "Status",
    "Target",
    "TargetKey",
    "Unknown",
    "Verdict",
    "Vote",
    "parse_duration",
    "parse_size",
    "say_bytes",
    "say_duration",
    "shared_sample",
]
