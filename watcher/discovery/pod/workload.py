"""Which workload and which agent is a pod of? Names that last: the next rollout and the next run have them too."""

import re

from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.pod import KNATIVE_SERVICE, POD_TEMPLATE_HASHES, Pod

_CRON_JOB = re.compile(r"(?P<name>.+)-(?P<minute>[0-9]{8,9})")
_RANDOM = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}")
"""What an API server adds to a `generateName` that ends in a dash (k8s.io/apimachinery, util/rand)."""

_LATE = 8 * 86400.0
"""Seconds: a run may start long after it was due, and its pod may be made anew."""


def agent_name(pod: Pod, config: AgentConfig) -> str:
    """What its config calls it; else its label `instance`, which a chart sets, or `name`; else its workload's name."""
    labels = (pod.labels.get(f"app.kubernetes.io/{label}") for label in ("instance", "name"))
    return config.name or next((label for label in labels if label), None) or workload(pod)


def workload(pod: Pod) -> str:
    """The top owner's name, as far as the pod itself tells it; else the pod's own."""
    if pod.owner is None:
        return pod.name
    kind, name = pod.owner
    match kind:
        case "ReplicaSet" if pod.labels.get(KNATIVE_SERVICE):
            return pod.labels[KNATIVE_SERVICE]
        case "ReplicaSet":
            hashes = (f"-{pod.labels[label]}" for label in POD_TEMPLATE_HASHES if pod.labels.get(label))
            return next((name.removesuffix(each) for each in hashes if name.endswith(each)), name)
        case "Job":
            return _cron_job(name, pod.created_at) or name
        case "Node":  # a static pod, whose name ends in that of its node
            return pod.name.removesuffix(f"-{name}")
    return name


def series(pod: Pod) -> str:
    """The name of all workloads of which one is made for each run: bare pods and Jobs without what is random in it."""
    name = workload(pod)
    random = _RANDOM.fullmatch(name[-6:]) if pod.owner is None or pod.owner[0] == "Job" else None
    return name[:-6] or name if random else name


def workload_object(pod: Pod) -> str:
    """Its workload as kubectl takes it, such as `deployment/search`; empty where the pod has none."""
    if pod.owner is None:
        return ""
    kind, name = pod.owner
    if kind == "ReplicaSet":
        for label, plural in zip(POD_TEMPLATE_HASHES, ("deployment", "rollouts.argoproj.io"), strict=True):
            if pod.labels.get(label) and name.endswith(f"-{pod.labels[label]}"):
                return f"{plural}/{name.removesuffix(f'-{pod.labels[label]}')}"
    return "" if kind == "Node" else f"{kind.lower()}/{name}"


def _cron_job(job: str, created_at: float) -> str:
    """The CronJob whose controller has named this Job: `NAME-MINUTE`, the minute at which it was due; else empty."""
    match = _CRON_JOB.fullmatch(job)
    is_due = match is not None and abs(created_at - 60.0 * int(match["minute"])) < _LATE
    return match["name"] if match is not None and is_due else ""
