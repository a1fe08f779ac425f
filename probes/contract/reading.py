"""Readings: the typed, frozen results of one look at one source."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, Self

from probes.contract.units import say_duration

HEAVY = 0.002
"""Seconds of CPU: what took longer to read is heavy to judge, too."""

STALE_AFTER = 3
"""Intervals after which what was seen says nothing any more."""

Result = Literal["ok", "error", "timeout"]


class Fault(StrEnum):
    """Why the network gave no full answer."""

    REFUSED = "refused"  # the host said that nobody listens there: a fact about a live host
    SILENT = "silent"  # no answer to the connection attempt, or no route
    STALLED = "stalled"  # connected, then silent or too slow for the deadline
    RESET = "reset"  # connected, then cut off
    UNRESOLVED = "unresolved"  # the resolver says that the host's name does not exist or has no address
    OURS = "ours"  # the watcher could not even ask; nothing is known of the other side


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one look saw. Sources derive their own from it."""

    fault: Fault | None = None
    error: str = ""  # a sentence for a person; empty when the look got what it asked for
    cpu: float = 0.0  # seconds of CPU that it took to read what the other side sent, as far as that is counted
    asked_in: int = 1  # one of so many looks asks: more than 1 where answers take too much CPU
    asked: bool = True  # False: this look was not one of them, and repeats what the last one said
    age: float = 0.0  # seconds since the look that asked, where this one did not
    waited: float = 0.0  # seconds for which what came lay here, behind other looks: no time of the other side
    their_date: float | None = None  # Unix seconds by the clock of the other side, where it says them

    @property
    def result(self) -> Result:
        """How the look ended, for `looks_total`."""
        if self.fault in (Fault.SILENT, Fault.STALLED):
            return "timeout"
        return "error" if self.error or self.fault else "ok"

    @property
    def is_heavy(self) -> bool:
        """Whether it may take long to judge, so that others must not wait for it."""
        return self.cpu > HEAVY

    @property
    def valid_from(self) -> float | None:
        """The Unix seconds from which on a served certificate is valid; None where there is none."""
        return None

    @property
    def summary(self) -> str:
        """What is to be seen of it in a line, without secrets."""
        return self.error

    def evidence(self) -> Mapping[str, object]:
        """What was seen, as JSON values, a few kB at most; made only when somebody reads it."""
        return {}

    def again(self, age: float) -> Self:
        """What a look says that did not ask, `age` seconds after the one that did: the same, and how old it is."""
        error = f"{self.error} That was {say_duration(age)} ago."
        return replace(self, asked=False, age=age, error=error, cpu=0.0, waited=0.0)

    def remembered(self) -> "Reading":
        """What is held until the next look, once this one is judged: enough for `result` and `evidence`."""
        return self
