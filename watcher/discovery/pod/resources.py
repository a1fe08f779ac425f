"""How much memory and CPU was the agent given? A spec says what is asked for, a status what is so."""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from watcher.kube.objects import Raw

_QUANTITY = re.compile(r"(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?)(?P<unit>[KMGTPE]i|[numkMGTPE]?|[eE][-+]?[0-9]{1,2})")
_UNITS = {
    **{
        unit: Decimal(1000) ** power for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
    },
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}
_REASONED = 200
_OF_BEFORE = "its previous value counts"
_AS_ASKED = "its previous value is unknown, so the requested one counts"
_LONGEST = 70  # characters, which no quantity has


class GivenLimits(NamedTuple):
    """What binds the agent's container now; None: nothing does."""

    memory: int | None  # bytes
    cpu: float | None  # cores
    problem: str = ""  # another limit was asked for and not given, a sentence


def given_limits(container: Raw, container_status: Raw, spec: Raw, status: Raw) -> GivenLimits:
    """By the container's status where a kubelet says it there, else by its spec; else by those of the whole pod.

    In-place resize (KEP-1287) changes the spec at once and the status when the kubelet has done it, which may be never.
    """
    own = _limits(container_status, container)
    of_pod = _limits(status, spec)  # pod-level resources (KEP-2837): a container without a limit has the pod's
    memory = quantity(own.get("memory") or of_pod.get("memory"))
    whose = status if of_pod and not own else container_status
    problem = _resize_problem(status, _OF_BEFORE if isinstance(whose.get("resources"), dict) else _AS_ASKED)
    return GivenLimits(_whole(memory), quantity(own.get("cpu") or of_pod.get("cpu")), problem)


def quantity(text: object) -> float | None:
    """A Kubernetes quantity such as `512Mi`, `500m` or `1e9`, over 0; None for anything else."""
    return None if text is None else _quantity(str(text)[:_LONGEST])


@lru_cache(maxsize=1024)  # a fleet has a dozen
def _quantity(text: str) -> float | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    try:
        unit = _UNITS[match["unit"]] if match["unit"] in _UNITS else Decimal("1" + match["unit"])
        return float(Decimal(match["number"]) * unit) or None
    except (InvalidOperation, OverflowError):
        return None


def _limits(status: Raw, spec: Raw) -> Raw:
    # A kubelet that reports resources reports all of them: an empty report is no limit, not no report.
    reported = status.get("resources")
    resources = reported if isinstance(reported, dict) else spec.get("resources")
    return (resources.get("limits") or {}) if resources else {}


def _resize_problem(status: Raw, what_counts: str) -> str:
    for each in status.get("conditions") or ():
        kind, reason = each.get("type"), str(each.get("reason") or "")
        if each.get("status") != "True":
            continue
        if kind == "PodResizePending" or (kind == "PodResizeInProgress" and reason == "Error"):
            said = ": ".join(filter(None, (reason, str(each.get("message") or ""))))[:_REASONED]
            return f"its resize is pending ({said or 'no reason given'}): {what_counts}"
    if (before_1_33 := status.get("resize")) in ("Deferred", "Infeasible"):
        return f"its resize is pending ({before_1_33}): {what_counts}"
    return ""


def _whole(number: float | None) -> int | None:
    return int(number) or None if number else None
