"""What the cluster tells of pods that do not become Ready: warnings in Events, read only while a rollout has such pods.

1. One request a second at most, of the agent that has waited for longest; an agent again after half a minute, or
   sooner where nothing was told yet.
2. Asked for are the Events of one pod, found by its uid; in turn where several are not Ready.
3. They are shown beside the line of pods and decide nothing: what they say is a stranger's text.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx
from pydantic_core import from_json

from probes.contract.text import cut
from probes.controls.evidence import AgentRef
from watcher.kube.access import Access
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words, is_denial
from watcher.kube.objects import REPORTER
from watcher.kube.requests import StreamedResponse, answered_within, read_all
from watcher.rollouts.seen.running import RunningPod
from watcher.text.printable import printable

_SECONDS, _AGAIN, _SOON = 5.0, 30.0, 5.0
_LISTED, _SHOWN = 50, 3
"""Events that are listed of one pod, and that are shown of it."""

_MOST = 1 << 20  # bytes of an answer
_READ = 1000  # characters of a message that are looked at
_FORBIDDEN = "Events of its pods may not be listed."


class _Wanted(NamedTuple):
    pods: tuple[tuple[str, str], ...]  # names and uids
    asked_at: float  # steady seconds
    turn: int


class PodEvents:
    """Of all agents whose rollouts have pods that are not Ready."""

    EVERY = 1.0
    """Seconds from one request to the next, at least."""

    def __init__(self, access: Access, now: Callable[[], float]) -> None:
        """`now`: steady seconds."""
        self._access, self._now = access, now
        self._wanted: dict[AgentRef, _Wanted] = {}
        self._told: dict[AgentRef, tuple[str, ...]] = {}
        self._busy = False

    def want(self, agent: AgentRef, pods: Sequence[RunningPod]) -> None:
        """These are not Ready; none: nothing is asked of this agent any more."""
        if not pods:
            self._wanted.pop(agent, None)
            self._told.pop(agent, None)
            return
        before = self._wanted.get(agent, _Wanted((), 0.0, 0))
        self._wanted[agent] = before._replace(pods=tuple((each.name, each.uid) for each in pods))

    def of(self, agent: AgentRef) -> tuple[str, ...]:
        """What was told of its pods, a sentence each."""
        return self._told.get(agent, ())

    async def tick(self) -> None:
        """Ask about the next one."""
        agent = min(self._wanted, key=lambda each: self._wanted[each].asked_at, default=None)
        if agent is None or self._busy:
            return
        wanted = self._wanted[agent]
        if self._now() - wanted.asked_at < (_AGAIN if self._told.get(agent) else _SOON):
            return
        name, uid = wanted.pods[wanted.turn % len(wanted.pods)]
        self._wanted[agent] = wanted._replace(asked_at=self._now(), turn=wanted.turn + 1)
        self._busy = True
        try:
            found = await self._ask(agent.namespace, name, uid)
        finally:
            self._busy = False
        if agent in self._wanted:
            self._told[agent] = found

    async def _ask(self, namespace: str, name: str, uid: str) -> tuple[str, ...]:
        query = {"fieldSelector": f"involvedObject.uid={uid},type=Warning", "limit": str(_LISTED)}
        answer = StreamedResponse(
            self._access, f"/api/v1/namespaces/{namespace}/events", query, httpx.Timeout(_SECONDS)
        )
        try:
            async with answered_within(_SECONDS), answer as response:
                listed: dict[str, Any] = from_json(await read_all(response, _MOST))
            return tuple(_sentences(name, listed.get("items") or ()))
        except RefusedError as error:
            return (_FORBIDDEN if is_denial(error) else f"Events of its pods cannot be read: {in_words(error)}"[:200],)
        except (GoneError, AccessError, httpx.HTTPError, OSError, ValueError, AttributeError, TypeError) as error:
            return (f"Events of its pods cannot be read: {in_words(error)}"[:200],)


def _sentences(name: str, items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The newest of others than the watcher, each reason once."""
    others = [each for each in items if each.get("reportingComponent") != REPORTER]
    newest = sorted(
        others, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""), reverse=True
    )
    by_reason: dict[str, Mapping[str, Any]] = {}
    for each in newest:
        by_reason.setdefault(str(each.get("reason")), each)
    for each in list(by_reason.values())[:_SHOWN]:
        count = each.get("count")
        times = f" ({count} times)" if isinstance(count, int) and count > 1 else ""
        message = printable(str(each.get("message") or "")[:_READ])
        yield cut(f"{name}: {printable(str(each.get('reason'))[:_READ])}{times}: {message}")
