"""The newest lines of one pod of an agent, asked of the API server."""

import asyncio
from collections.abc import Mapping

import httpx

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, LogSample, Missing
from watcher.checklist.live.logs.counting import MOST_BYTES, LineCutter, LogCounts
from watcher.checklist.live.logs.sampled import Sampled
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.access import Access
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words, is_denial
from watcher.kube.requests import StreamedResponse, answered_within
from watcher.runtime.cooperative import TimeSlice

_SECONDS, _DAY = 10.0, 86400
_NO_POD = Missing(UnknownReason.NO_DATA, "No pod of the agent is Ready.")
_NO_CLUSTER = Missing(UnknownReason.SOURCE_MISSING, "It is not found in Kubernetes, and lines are read of its pods.")


class PodLogs:
    """Asks for lines of one pod of the newest revision at a time, of another one each time."""

    REQUESTS = 1
    """Of one sample."""

    def __init__(self, access: Access, lines: int) -> None:
        """`lines`: of a sample, at most."""
        self._access, self._lines, self._turn = access, lines, 0

    async def sample(self, agent: AgentRef, pods: Mapping[str, SeenPod | None]) -> Sampled | Missing:
        """What the newest lines have."""
        if not any(each is not None for each in pods.values()):
            return _NO_CLUSTER
        ready = newest_ready(pods)
        if not ready:
            return _NO_POD
        self._turn += 1
        seen = ready[self._turn % len(ready)]
        container = seen.kept.template.agent_container if seen.kept is not None else ""
        if not container:
            told = "It is not known which container of its pod is the agent's."
            return Missing(UnknownReason.NO_DATA, told)
        place = f"pod/{agent.namespace}/{seen.pod.name}"
        found = await self._ask(f"/api/v1/namespaces/{agent.namespace}/pods/{seen.pod.name}/log", container)
        return found if isinstance(found, Missing) else Sampled(found, f"{place} container {container}")

    async def _ask(self, path: str, container: str) -> LogSample | Missing:
        query = {"container": container, "tailLines": str(self._lines), "sinceSeconds": str(_DAY)}
        query["limitBytes"] = str(MOST_BYTES)
        try:
            answer = StreamedResponse(self._access, path, query, httpx.Timeout(_SECONDS))
            async with answered_within(_SECONDS), answer as response:
                return await _counted(response)
        except RefusedError as error:
            if is_denial(error):
                return Missing(UnknownReason.FORBIDDEN, "The logs of its pods may not be read.")
            why = in_words(error)
        except (GoneError, AccessError, httpx.HTTPError, OSError) as error:
            why = in_words(error)
        return Missing(UnknownReason.UNREACHABLE, f"The logs of its pods cannot be read: {why}"[:200])


async def _counted(response: httpx.Response) -> LogSample:
    cutter, counts, time_slice, length = LineCutter(), LogCounts(), TimeSlice(), 0
    async for piece in response.aiter_bytes():
        length += len(piece)
        for line, cut in cutter.feed(piece):
            counts.add(line, cut=cut)
            await time_slice.checkpoint()
        if length >= MOST_BYTES:
            cutter.leave_off()
            break
    for line, cut in cutter.end():
        counts.add(line, cut=cut)
    await asyncio.sleep(0)
    return counts.sample()


def newest_ready(pods: Mapping[str, SeenPod | None]) -> list[SeenPod]:
    """Pods that are Ready, of the newest revision that is, and do not end; by their names."""
    ready = [
        each
        for each in pods.values()
        if each is not None and each.kept is not None and each.kept.run.ready_since and each.kept.run.ends_since is None
    ]
    newest = max(ready, key=lambda each: each.pod.created_at, default=None)
    revision = newest.kept.run.revision if newest is not None and newest.kept is not None else ""
    of_it = [each for each in ready if each.kept is not None and each.kept.run.revision == revision]
    return sorted(of_it, key=lambda each: each.pod.name)
