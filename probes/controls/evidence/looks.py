"""What the watcher's own looks at one pod saw, with what its probes said of the same look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from probes.contract import Verdict
from probes.controls.evidence.endings import LastTry

if TYPE_CHECKING:  # commands that only read files start faster without them
    from probes.readings.decision import OPAReading
    from probes.readings.metrics_page import Families

Verdicts = Mapping[str, tuple[Verdict, ...]]
"""By condition; several where it has subjects. What is not in here does not apply, or is not judged."""


class Spoken(StrEnum):
    """What came out of a port."""

    NOTHING = "nothing"
    TLS = "TLS"
    PLAIN = "plaintext"


@dataclass(frozen=True, slots=True)
class ServedPort:
    """Source `handshake`."""

    spoken: Spoken
    error: str = ""  # what was in the way of a handshake, a sentence; empty where nothing was
    uris: tuple[str, ...] | None = None  # URI SANs of the leaf that was served; None where no leaf was read
    uri_count: int = 0
    verdicts: Verdicts = field(default_factory=dict)
    expected: tuple[str, ...] = ()  # SPIFFE IDs of which the agent should serve one
    unlearnt: str = ""  # why it is not known which, a sentence
    last_tries: tuple[LastTry, ...] = ()  # of all pods of the agent that were asked to end, the newest last


class Traffic(NamedTuple):
    """What was counted of an agent's requests while it was watched; None where nothing tells."""

    requests: float | None = None  # that it handled in the last hour
    made: float | None = None  # that it made of others in the last hour
    made_before: float | None = None  # the same of the hour before
    made_by_callee: Mapping[str, float] = MappingProxyType({})  # of the last 24 h, by callee
    failed: float | None = None  # of those that it made in the last hour
    retries: float | None = None  # in the last hour
    retries_before: float | None = None  # in the hour before
    retried: frozenset[str] = frozenset()  # classes of errors whose retries grew in each of the last two 5 min


NOT_COUNTED = Traffic()


@dataclass(frozen=True, slots=True)
class MetricsLook:
    """Source `agent_metrics`."""

    status: int  # of HTTP; 0 where none came
    error: str  # why there is no page, a sentence; empty where there is one
    families: "Families"
    verdicts: Verdicts = field(default_factory=dict)
    traffic: Traffic = NOT_COUNTED
    own_port: bool = False  # the page is on the port that the agent serves its peers at
    with_credentials: bool = False  # the watcher showed a certificate or a token
    in_turn: bool = False  # several processes answer in turn, so what is counted is of neither


@dataclass(frozen=True, slots=True)
class OPALook:
    """Source `opa`."""

    reading: "OPAReading"
    verdicts: Verdicts = field(default_factory=dict)
    looks: int = 0  # of the last 24 h
    undecided: int = 0  # of these, those that got no decision
    logs_at: float | None = None  # Unix seconds: when OPA was asked for its config
