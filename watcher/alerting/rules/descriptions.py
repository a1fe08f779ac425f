"""What is said of an alert, and what is recorded: all that differs from one rule to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """Numbers that tell how bad it is, as a sentence; where one of them is missing nothing is said."""

    says: str
    """In it {humanizeDuration} and the like are the numbers in turn, as that function of Prometheus writes them.

    {labels spiffe_id} are the values of that label in what was found.
    """

    queries: tuple[str, ...]
    """PromQL, one for each number; {of} are the matchers of the agent, {true} its pods that have the condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAlert:
    """The alert on one condition. In sentences {agent} is the agent, {subject} its callee, pool or bundle."""

    condition: str
    held: str  # `for`
    summary: str  # one sentence, the same for all agents
    was: str  # the same when it is over
    says: str  # what it is, and what comes of it
    hint: str  # where to look first when many agents have it
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeAlerts:
    """The alerts on the conditions of one probe, in their order, and what they are about."""

    title: str
    alerts: tuple[AgentAlert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that is not about one agent, as its rule has it; texts are templates of Prometheus."""

    name: str
    comment: str = ""  # why it is so, for who reads the file
    expression: str
    held: str = ""  # `for`; none: at once
    kept: str = ""  # `keep_firing_for`
    severity: str
    component: str
    condition: str = ""
    control: str = ""  # the line of the checklist that it answers
    carried: Mapping[str, str] = field(default_factory=dict)  # labels beyond these, templates of Prometheus
    summary: str
    description: str
    extent: str = ""  # of how many agents it tells, for titles
    was: str
    link: Mapping[str, str] = field(default_factory=dict)  # parameter of the runbook's link -> label
    dashboard: str  # its uid, and parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A recorded series."""

    name: str
    comment: str = ""
    expression: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Alert | Record, ...]
    every: str = "15s"  # half of the scrape interval that the rules expect
