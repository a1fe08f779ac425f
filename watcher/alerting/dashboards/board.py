"""What differs from one dashboard to the next."""

from dataclasses import dataclass

from watcher.alerting.dashboards.panels import GREY, Json
from watcher.alerting.dashboards.queries import CRITICAL, WARNING, series, watched
from watcher.alerting.rules.core import WATCHED


@dataclass(frozen=True, slots=True)
class Variable:
    """What may be chosen: a label of these series, many of its values at once or one."""

    name: str
    about: str
    among: str
    many: bool = True


@dataclass(frozen=True, slots=True)
class Annotation:
    """From when to when something was so: while the query gives a number."""

    name: str
    query: str
    colour: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard."""

    name: str
    about: str
    shows: str  # how far back
    variables: tuple[Variable, ...]
    annotations: tuple[Annotation, ...]
    panels: tuple[Json, ...]


CLUSTER = Variable(
    "cluster",
    "Only of use where one data source holds several clusters; All where there is no such label.",
    WATCHED.name,
)
_OF_CLUSTER = f'{WATCHED.name}{{cluster=~"$cluster"}}'
JOB = Variable("job", "Watchers, by the job of their series: each watches agents of its own.", _OF_CLUSTER)
ONE_JOB = Variable("job", "The watcher of the agent, by the job of its series.", _OF_CLUSTER, many=False)

_TARGETS = 'agentweave_watcher_target_info{cluster=~"$cluster", job=~"$job"'
_NAMESPACES, _AGENTS = _TARGETS + "}", _TARGETS + ', namespace=~"$namespace"}'
FLEET_NAMESPACES = Variable("namespace", "Namespaces that have watched agents.", _NAMESPACES)
FLEET_AGENTS = Variable("agent", "Watched agents of these namespaces.", _AGENTS)
ONE_NAMESPACE = Variable("namespace", "The namespace of the agent.", _NAMESPACES, many=False)
ONE_AGENT = Variable("agent", "The agent that is shown.", _AGENTS, many=False)

GAPS = Annotation("Not watched", f"1 - {watched()} > 0", GREY, "Not watched", "{{cluster}} {{job}}")
"""A watcher of the chosen ones was gone, or a part of it."""


def turned(recorded: str, by: str, text: str) -> tuple[Annotation, ...]:
    """From when to when conditions were true, in the colour of their severity; the recorded series has a condition."""

    def one(name: str, conditions: str, colour: str) -> Annotation:
        true = series(recorded, f'condition=~"{conditions}"')
        return Annotation(f"{name} conditions", f"max by ({by}) ({true})", colour, "{{condition}}", text)

    return one("Critical", CRITICAL, "red"), one("Warning", WARNING, "orange")
