"""The series of an instant answer, and of which agent or pod each is."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef
from watcher.checklist.live.prometheus.asking_error import AskingError

PodRef = tuple[str, str]
"""Namespace and pod."""


class Sample(NamedTuple):
    """One series now."""

    labels: Mapping[str, str]
    value: float

    def label(self, name: str) -> str:
        """Empty where it has no such label."""
        return self.labels.get(name, "")

    @property
    def agent(self) -> AgentRef | None:
        """Whose it is, where its labels say so."""
        return AgentRef(self.label("namespace"), self.label("agent")) if self.label("agent") else None

    @property
    def pod(self) -> PodRef:
        """Of which pod."""
        return self.label("namespace"), self.label("pod")


def sample(item: Any) -> Sample | None:
    """One item of an answer, None where its value is no finite number; AskingError where it has another shape."""
    labels, value = item.get("metric"), item.get("value")
    if not isinstance(labels, dict) or not isinstance(value, list) or len(value) != 2:
        raise AskingError(UnknownReason.UNPARSEABLE, "Prometheus gives series of another shape.")
    if not all(isinstance(each, str) for each in labels.values()):
        raise AskingError(UnknownReason.UNPARSEABLE, "Prometheus gives series of another shape.")
    try:
        number = float(value[1])
    except (TypeError, ValueError) as error:
        raise AskingError(UnknownReason.UNPARSEABLE, "Prometheus gives values that are no numbers.") from error
    return Sample(labels, number) if math.isfinite(number) else None
