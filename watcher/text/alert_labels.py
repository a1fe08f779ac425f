"""Which labels of a pod do the alerts on its agent carry, and by which names?"""

import re
from collections.abc import Sequence

from watcher.text.key_path import plain_name

MOST = 5
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
TAKEN = frozenset(
    {
        *("alertname", "alertstate", "cluster", "job", "instance", "namespace", "agent", "pod", "node", "shard"),
        *("probe", "condition", "subject", "reason", "severity", "component", "source", "state", "drill", "drill_id"),
        "agentweave_control",
    }
)
"""By these alerts are told apart, routed or found."""


def alert_label(key: str) -> str:
    """The name of the label of alerts: `team` for `example.org/team`."""
    return re.sub(r"[^A-Za-z0-9_]", "_", key.rpartition("/")[2])


def checked(keys: Sequence[str]) -> tuple[str, ...]:
    """These keys of labels of pods; ValueError for too many, for what is none, and for names that are taken."""
    if len(keys) > MOST:
        raise ValueError(f"expected at most {MOST} labels, got {len(keys)}")
    names: dict[str, str] = {}
    for key in keys:
        name = alert_label(key)
        if not _KEY.fullmatch(key) or not re.match("[A-Za-z]", name):
            raise ValueError(f"expected the key of a label, such as example.org/team, got {plain_name(key)}")
        if name in TAKEN:
            raise ValueError(f"alerts have a label {name} of their own, got {plain_name(key)}")
        if name in names:
            raise ValueError(f"{names[name]} and {key} would both be the label {name} of alerts")
        names[name] = key
    return tuple(keys)
