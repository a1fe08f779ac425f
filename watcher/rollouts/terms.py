"""The words of rollouts: windows, phases, lines and what is said of them."""

from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType


class Window(StrEnum):
    """When after a deployment a line is judged, in their order; also how far a verdict reaches (`until`)."""

    IMMEDIATE = "immediate"
    SHORT = "short"
    LONG = "long"


class Phase(StrEnum):
    """How far a rollout is."""

    PROGRESSING = "progressing"  # not all of its pods are Ready
    CANARY = "canary"  # two revisions run side by side, and are meant to
    IMMEDIATE = "immediate"
    SHORT_TERM = "short_term"
    LONG_TERM = "long_term"
    VERIFIED = "verified"
    FAILED = "failed"
    UNDECIDED = "undecided"  # all windows are over, and not every line could be decided
    ROLLED_BACK = "rolled_back"  # the revision before runs again
    SUPERSEDED = "superseded"  # another revision came


class LineName(StrEnum):
    """A line of the checklist's post-deploy verification, in its words."""

    PODS_RUNNING = "Pods running"
    HEALTH_CHECKS = "Health checks passing"
    LOGS = "Logs normal"
    METRICS = "Metrics available"
    TRAFFIC = "Traffic routing correctly"
    ERROR_RATE = "Error rate normal"
    LATENCY = "Latency normal"
    AUTHORIZATION = "Authorization working"
    BREAKERS = "No circuit breakers open"
    MEMORY = "Memory stable"
    CPU = "CPU stable"
    POOL = "Connection pool healthy"
    SVID_ROTATION = "SVID rotation working"
    OPA = "No OPA errors"


class LineState(StrEnum):
    """What is known of a line."""

    PASS = auto()
    FAIL = auto()
    UNDECIDED = auto()
    NOT_APPLICABLE = auto()  # such as logs where none are read: no part of any verdict


class Undecided(StrEnum):
    """Why a line is not decided."""

    SETTLING = "Settling"  # its window is not over
    NO_DATA = "NoData"  # it is over, and what was seen decides nothing
    WATCHER_IMPAIRED = "WatcherImpaired"  # the watcher could not see for a part of it


class Outcome(StrEnum):
    """Of a verdict."""

    VERIFIED = "verified"
    FAILED = "failed"
    UNDECIDED = "undecided"
    UNABLE = "unable"  # the watcher cannot judge


LINES: Mapping[Window, tuple[LineName, ...]] = MappingProxyType(
    {
        Window.IMMEDIATE: (LineName.PODS_RUNNING, LineName.HEALTH_CHECKS, LineName.LOGS, LineName.METRICS),
        Window.SHORT: (
            LineName.TRAFFIC,
            LineName.ERROR_RATE,
            LineName.LATENCY,
            LineName.AUTHORIZATION,
            LineName.BREAKERS,
            LineName.MEMORY,
            LineName.CPU,
        ),
        Window.LONG: (LineName.MEMORY, LineName.CPU, LineName.POOL, LineName.SVID_ROTATION, LineName.OPA),
    }
)
"""Which lines are judged in which window, in the checklist's order."""

OUTSIDE_THE_GATE = frozenset({LineName.SVID_ROTATION})
"""They may take days: told, and in the record, but no verdict waits for them."""
