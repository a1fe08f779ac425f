"""Which labels of a workload are told? Anybody may put anything there, and reports, API and state have them."""

from collections.abc import Mapping

from probes.controls.judges.secret_texts.rules import secret_rule

_MOST, _LONGEST, _LONGEST_NAME = 100, 63, 317
"""Labels that are told, and characters of a value and a name: Kubernetes takes no more, and a manifest may have any."""


def told_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """The labels as texts; in place of what looks like a secret, that it is one."""
    some = list(labels.items())[:_MOST]
    return {_told(name)[:_LONGEST_NAME]: _told(value)[:_LONGEST] for name, value in some}


def _told(text: object) -> str:
    return "<secret>" if secret_rule(str(text)) else str(text)
