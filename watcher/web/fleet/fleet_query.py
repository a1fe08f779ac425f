"""Which targets are asked for? The query of a URL, checked: the same for the fleet's page and for the API."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from probes.contract import Target
from probes.contract.condition import Status
from watcher.engine.outcomes import Outcome
from watcher.web.fleet.target_health import Summary, TargetHealth

LONGEST = 300
"""Characters of one filter: names of Kubernetes and SPIFFE IDs of people are shorter."""

MOST_WORDS = 8
"""Words of a search, all of which a target must have."""

MOST_SKIPPED = 10_000_000
_YES_OR_NO = ("true", "false")

FILTERS = ("q", "severity", "condition", "probe", "reason", "status", "namespace", "agent", "node", "problems")
"""What narrows a listing, in the order in which pages show it."""


class FilterError(ValueError):
    """A filter that cannot be used, as a sentence."""


@dataclass(frozen=True, slots=True)
class FleetQuery:
    """What is asked for; a filter that is not there is empty."""

    given: Mapping[str, str] = field(default_factory=dict)  # the filters as they were given, those that are not empty
    words: tuple[str, ...] = ()  # of `q`, case folded
    limit: int | None = None
    offset: int = 0

    def of(self, name: str) -> str:
        """One filter; empty where it is not given."""
        return self.given.get(name, "")

    @property
    def asks_for_outcomes(self) -> bool:
        """Whether targets are asked for by what a condition of theirs says."""
        return any(name in self.given for name in ("condition", "probe", "reason", "status"))

    def wants(self, probe: str, outcome: Outcome) -> bool:
        """Whether this outcome of a probe is one that is asked for.

        A condition or probe means those that are true, unless `status` or `reason` says otherwise.
        """
        kind, status, reason = outcome
        wanted = self.of("status") or ("" if "reason" in self.given else Status.TRUE)
        return (
            wanted in ("", status)
            and self.of("condition") in ("", kind.name)
            and self.of("probe") in ("", probe)
            and self.of("reason") in ("", reason)
        )

    def names(self, target: Target) -> bool:
        """Whether the target is meant, as far as what it is tells."""
        asked, (namespace, agent, _) = self.of, target.key
        if asked("namespace") not in ("", namespace) or asked("agent") not in ("", agent):
            return False
        if asked("node") not in ("", target.node):
            return False
        return asked("problems") in ("", "true" if target.problems else "false")

    @property
    def names_some(self) -> bool:
        """Whether it matters what a target is."""
        return any(name in self.given for name in ("namespace", "agent", "node", "problems"))

    @property
    def tells_some(self) -> bool:
        """Whether it matters what is said of a target, beside its state."""
        return bool(self.words) or self.asks_for_outcomes

    def admits(self, target: Target, summary: Summary) -> bool:
        """Whether what is said of the target is asked for, by all filters but its severity."""
        if self.asks_for_outcomes and not summary.wanted:
            return False
        if not self.words:
            return True
        said = (*target.key, target.node, target.workload, *target.spiffe_ids, summary.words)
        text = "\n".join(said).casefold()
        return all(word in text for word in self.words)


def fleet_query(parameters: Mapping[str, str], conditions: Collection[str], probes: Collection[str]) -> FleetQuery:
    """The query of a URL; FilterError where a filter cannot be meant. `conditions`, `probes`: all their names."""
    given = {name: value for name in FILTERS if (value := parameters.get(name, ""))}
    for name, value in given.items():
        if len(value) > LONGEST:
            raise FilterError(f"{name}: expected at most {LONGEST} characters, got {len(value)}")
    _one_of(given, "severity", tuple(TargetHealth))
    _one_of(given, "status", tuple(Status))
    _one_of(given, "problems", _YES_OR_NO)
    _known(given, "condition", conditions)
    _known(given, "probe", probes)
    words = tuple(given.get("q", "").casefold().split())
    if len(words) > MOST_WORDS:
        raise FilterError(f"q: expected at most {MOST_WORDS} words, got {len(words)}")
    limit = _number(parameters, "limit", 1)
    return FleetQuery(given, words, limit, _number(parameters, "offset", 0) or 0)


def _one_of(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> None:
    value = given.get(name)
    if value is not None and value not in allowed:
        expected = "true or false" if allowed == _YES_OR_NO else f"one of {', '.join(allowed)}"
        raise FilterError(f"{name}: expected {expected}, got {_short(value)}")


def _known(given: Mapping[str, str], name: str, known: Collection[str]) -> None:
    value = given.get(name)
    if value is not None and value not in known:
        near = get_close_matches(value, known, n=3, cutoff=0.5)
        example = " or ".join(near or sorted(known)[:1])
        raise FilterError(f"{name}: there is no {_short(value)}; expected the name of a {name} such as {example}")


def _number(parameters: Mapping[str, str], name: str, least: int) -> int | None:
    text = parameters.get(name, "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 8 and least <= int(text) <= MOST_SKIPPED:
        return int(text)
    raise FilterError(f"{name}: expected a whole number from {least} to {MOST_SKIPPED}, got {_short(text)}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
