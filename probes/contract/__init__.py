"""What a probe author meets: what a probe and a source are, what they see and what they say."""

from probes.contract.condition import ConditionKind, Severity, Unknown, Verdict
from probes.contract.limits import Limits, SourceSettings
from probes.contract.metric import Metric, Observation, Sample, shared_sample
from probes.contract.probe import Evaluation, EvaluationContext, Probe, Vote
from probes.contract.reading import Fault, Reading
from probes.contract.source import IdentityProvider, NameLookup, OwnIdentity, Source, SourceContext, SourceKind
from probes.contract.target import Target, TargetKey
from probes.contract.units import Bytes, Seconds, say_bytes, say_duration

__all__ = [
    "Bytes",
    "ConditionKind",
    "Evaluation",
    "EvaluationContext",
    "Fault",
    "IdentityProvider",
    "Limits",
    "Metric",
    "NameLookup",
    "Observation",
    "OwnIdentity",
    "Probe",
    "Reading",
    "Sample",
    "Seconds",
    "Severity",
    "Source",
    "SourceContext",
    "SourceKind",
    "SourceSettings",
    "Target",
    "TargetKey",
    "Unknown",
    "Verdict",
    "Vote",
    "say_bytes",
    "say_duration",
    "shared_sample",
]
