"""Rollouts made by hand, and what pages, gates and records ask of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from watcher.rollouts.rollout import Fired, Line, Period, Pods, Revision, Rollout
from watcher.rollouts.terms import LINES, LineName, LineState, Undecided, Window
from watcher.rollouts.view import AgentFigures

NOW = 1_790_000_000.0
BEGAN = NOW - 7200
IMAGE, EARLIER_IMAGE = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
REVISION = Revision(image=IMAGE, config=f"sha256:{'c' * 64}", reference="registry.example/search:2.1")
EARLIER = Revision(image=EARLIER_IMAGE, reference="registry.example/search:2.0")
HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) @everyone `|` # *a*"

Changed = Mapping[LineName, Line]


def line(window: Window, name: LineName, state: LineState = LineState.PASS, **parts: Any) -> Line:
    """A line that passed, where nothing else is said."""
    decided = state in (LineState.PASS, LineState.FAIL)
    given: dict[str, Any] = {"reason": "", "message": "Good.", "decided_at": BEGAN + 900 if decided else None}
    return Line(window=window, name=name, state=state, **(given | parts))


def settling(window: Window, name: LineName) -> Line:
    """A line whose window is not over."""
    return line(window, name, LineState.UNDECIDED, reason=Undecided.SETTLING, message="")


def lines(*, until: Window = Window.LONG, **changed: Line) -> tuple[Line, ...]:
    """All pass until this window, and settle after it, but for these (by `SHORT_ERROR_RATE` and the like)."""
    reached = list(Window).index(until)
    return tuple(
        changed.get(f"{window.name}_{name.name}")
        or (line(window, name) if place <= reached else settling(window, name))
        for place, window in enumerate(Window)
        for name in LINES[window]
    )


def rollout(**parts: Any) -> Rollout:
    """A good one of `prod/search`, where nothing else is said."""
    given: dict[str, Any] = {
        "namespace": "prod",
        "agent": "search",
        "revision": REVISION,
        "began_at": BEGAN,
        "before": EARLIER,
        "verified_before": EARLIER.id,
        "workload": "deployment/search",
        "pods": Pods(wanted=3, updated=3, ready=3),
        "ready_at": BEGAN + 60,
        "lines": lines(),
        "baseline": "Compared with the pods of the revision before at the same time.",
    }
    return Rollout(**(given | parts))


ERRORS = line(
    Window.SHORT,
    LineName.ERROR_RATE,
    LineState.FAIL,
    message="5.1% of 1,200 requests failed, before 0.2%.",
    evidence=("search-1: 31 of 600 requests failed",),
    conditions=("ErrorRateHigh",),
)
FAILED = rollout(
    lines=lines(until=Window.IMMEDIATE, SHORT_ERROR_RATE=ERRORS),
    fired=(Fired(condition="ErrorRateHigh", pod="search-1", at=BEGAN + 600),),
)
GOING_ON = rollout(lines=lines(until=Window.IMMEDIATE), began_at=NOW - 1200, ready_at=NOW - 1100)
ROLLED_BACK = replace(
    FAILED,
    end="rolled_back",
    ended_at=BEGAN + 1500,
    ended_by=EARLIER.id,
    previous_healthy_at=BEGAN + 1560,
)
SUPERSEDED = replace(GOING_ON, end="superseded", ended_at=NOW - 600, ended_by="0123456789ab")
IMPAIRED = rollout(
    lines=lines(
        SHORT_LATENCY=line(
            Window.SHORT, LineName.LATENCY, LineState.UNDECIDED, reason=Undecided.WATCHER_IMPAIRED, message=""
        )
    ),
    unseen=(Period(BEGAN + 300, BEGAN + 900),),
)
CLAIMED = rollout(
    claimed={"engineer": HOSTILE, "approved-by": "Ann", "version": "2.1", "notes": f"first\nsecond {HOSTILE}"}
)


class MadeView:
    """These, the newest first."""

    def __init__(self, *found: Rollout) -> None:
        self.found = found

    def newest(self, namespace: str, agent: str) -> Rollout | None:
        return next(iter(self._of(namespace, agent)), None)

    def listed(self, namespace: str = "", agent: str = "") -> Sequence[Rollout]:
        newest = {(each.namespace, each.agent): each for each in reversed(self.found)}
        wanted = [each for each in newest.values() if namespace in ("", each.namespace)]
        return sorted((each for each in wanted if agent in ("", each.agent)), key=lambda each: -each.began_at)

    async def of(self, namespace: str, agent: str) -> Sequence[Rollout]:
        return self._of(namespace, agent)

    async def revision(self, namespace: str, agent: str, revision: str) -> Rollout | None:
        return next((each for each in self._of(namespace, agent) if each.revision.id == revision), None)

    async def asked(
        self, namespace: str, agent: str, *, image: str = "", revision: str = "", since: float | None = None
    ) -> Rollout | None:
        for each in self._of(namespace, agent):
            fits = image in ("", each.revision.image) and revision in ("", each.revision.id)
            if fits and (since is None or each.began_at >= since):
                return each
        return None

    def figures(self) -> Iterator[AgentFigures]:
        return iter(())

    def _of(self, namespace: str, agent: str) -> list[Rollout]:
        return [each for each in self.found if (each.namespace, each.agent) == (namespace, agent)]
