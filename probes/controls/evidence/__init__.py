"""What was seen of one agent, by source, or why it was not: what judges of controls are handed."""

from probes.controls.evidence.agent_config import AgentConfigFile
from probes.controls.evidence.agent_objects import AgentObjects, Container, KubeObject, Listing, PodTemplate, ReadText
from probes.controls.evidence.alerts.alertmanager import AlertmanagerLook
from probes.controls.evidence.alerts.prometheus import PrometheusLook
from probes.controls.evidence.endings import LastTry, Routed, Took
from probes.controls.evidence.gathered import AgentRef, EvidenceSet, Missing, Pod, Seen
from probes.controls.evidence.identity_entries import IdentityEntries, IdentityEntry
from probes.controls.evidence.live_pod import LivePod
from probes.controls.evidence.looks import MetricsLook, OPALook, ServedPort, Spoken, Traffic, Verdicts
from probes.controls.evidence.own_identity import OwnWorkload
from probes.controls.evidence.past import ConditionPast, PodConditions, PodHistory, Stretch
from probes.controls.evidence.rollout_record import FiredAlert, RolloutLine, RolloutRecord
from probes.controls.evidence.witnesses.document_links import DeadLink, DocumentLinks
from probes.controls.evidence.witnesses.log_sample import Arrived, LogSample, Retention, Share
from probes.controls.evidence.witnesses.scanner_reports import RunningImage, ScannerReports
from probes.controls.evidence.witnesses.trace_sample import TraceSample

__all__ = [
    "AgentConfigFile",
    "AgentObjects",
    "AgentRef",
    "AlertmanagerLook",
    "Arrived",
    "ConditionPast",
    "Container",
    "DeadLink",
    "DocumentLinks",
    "EvidenceSet",
    "FiredAlert",
    "IdentityEntries",
    "IdentityEntry",
    "KubeObject",
    "LastTry",
    "Listing",
    "LivePod",
    "LogSample",
    "MetricsLook",
    "Missing",
    "OPALook",
    "OwnWorkload",
    "Pod",
    "PodConditions",
    "PodHistory",
    "PodTemplate",
    "PrometheusLook",
    "ReadText",
    "Retention",
    "RolloutLine",
    "RolloutRecord",
    "Routed",
    "RunningImage",
    "ScannerReports",
    "Seen",
    "ServedPort",
    "Share",
    "Spoken",
    "Stretch",
    "Took",
    "TraceSample",
    "Traffic",
    "Verdicts",
]
