"""How is a rollout followed until it is decided?

1. The gate of the daemon is asked, at first and then every few seconds, always for the same rollout.
2. Each line that was decided since the last answer is told, and why nothing is decided while that changes.
3. Verified, failed and superseded (another rollout came after it) end it at once. Nothing else does: a daemon that
   does not answer may be starting anew, and one that is impaired may mend.
4. After the time that was given it is not decided.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from watcher.commands.readiness.asking import AskingError
from watcher.rollouts.terms import LineState, Outcome, Phase

EVERY = 5.0
"""Seconds between two questions."""

MISSING = 12
"""Answers in a row without the rollout that was seen before: a daemon that starts anew first takes up what it knew."""

Ask = Callable[[], bytes]
"""The answer of the gate; AskingError."""


class Followed(NamedTuple):
    """How it ended."""

    outcome: Outcome
    why: str
    revision: str  # that was judged; empty where none was seen
    verified_without: tuple[str, ...] = ()


class Told(Protocol):
    """Who is told how it goes on."""

    def line(self, name: str, window: str, state: str, said: str) -> None:
        """A line was decided."""

    def waiting(self, seconds: float, said: str) -> None:
        """It goes on; `seconds` since the begin."""


def follow(ask: Ask, told: Told, timeout: float, now: Callable[[], float], sleep: Callable[[float], None]) -> Followed:
    """Until it is decided or `timeout` seconds are over; `now`: monotonic seconds. AskingError: it cannot be asked."""
    seen: Followed | None
    began, known = now(), dict[tuple[str, str], str]()
    last, seen, missing = Followed(Outcome.UNABLE, "the daemon was not asked", ""), None, 0
    while True:
        try:
            answer = _read(ask())
        except AskingError as error:
            if error.is_final:
                raise
            last = last._replace(outcome=Outcome.UNABLE, why=str(error))
        else:
            last = _ended(answer)
            _tell_lines(answer, known, told)
            seen, missing = (last, 0) if last.revision else (seen, missing + 1)
            if seen is not None and missing >= MISSING:
                return seen._replace(outcome=Outcome.UNDECIDED, why=last.why)
            if last.outcome in (Outcome.VERIFIED, Outcome.FAILED) or answer.get("phase") == Phase.SUPERSEDED:
                return last
        left = timeout - (now() - began)
        told.waiting(now() - began, f"{last.outcome}: {last.why}")
        if left <= 0:
            return last
        sleep(min(EVERY, left))


def _read(body: bytes) -> Mapping[str, Any]:
    """What the gate says; AskingError where this is no gate."""
    try:
        answer = json.loads(body)
        Outcome(answer["verdict"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise AskingError("what answers is no gate of the watcher", is_final=True) from error
    found: Mapping[str, Any] = answer
    return found


def _ended(answer: Mapping[str, Any]) -> Followed:
    without = tuple(map(str, answer.get("verified_without") or ()))
    why = str(answer.get("message") or answer.get("reason") or answer["verdict"])
    return Followed(Outcome(answer["verdict"]), why, str(answer.get("revision") or ""), without)


def _tell_lines(answer: Mapping[str, Any], known: dict[tuple[str, str], str], told: Told) -> None:
    for each in answer.get("lines") or ():
        place, state = (str(each["line"]), str(each["window"])), str(each["state"])
        if state != LineState.UNDECIDED and known.get(place) != state:
            told.line(*place, state, str(each.get("message", "")))
        known[place] = state
