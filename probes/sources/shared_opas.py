"""A question that several targets would ask of one OPA is asked once an interval."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence

from probes.contract import Target, TargetKey
from probes.readings.decision import Reply
from probes.sources.single_flight import SingleFlight

Replies = Mapping[bytes, Reply]
Server = tuple[str, bool, tuple[str, ...]]
"""A server's URL, whether it is sent a token, and the SPIFFE IDs of which it must have one for that."""
Where = tuple[Server, bytes]
"""A server and the path that is asked."""


class SharedOPAs:
    """The newest replies of OPAs that several targets share."""

    def __init__(self, interval: float) -> None:
        """`interval`: seconds from one look at a target to the next."""
        self._interval = interval
        self._shared: frozenset[str] = frozenset()
        self._flights: SingleFlight[tuple[Where, bytes], Reply] = SingleFlight()
        self._looked: dict[TargetKey, float] = {}  # by the loop's clock

    def expect(self, targets: Sequence[Target]) -> None:
        """These are the targets now."""
        urls = Counter(target.opa for target in targets if target.opa)
        self._shared = frozenset(url for url, sharing in urls.items() if sharing > 1)
        here = {target.key for target in targets}
        self._looked = {key: at for key, at in self._looked.items() if key in here}
        self._flights.keep(lambda key: key[0][0][0] in self._shared)

    def has(self, url: str) -> bool:
        """Whether several targets ask this one."""
        return url in self._shared

    async def ask(
        self,
        target: TargetKey,
        where: Where,
        bodies: Sequence[bytes],
        ask: Callable[[Sequence[bytes]], Coroutine[None, None, Replies]],
    ) -> tuple[Replies, Sequence[bytes]]:
        """The replies to these bodies, and which of the bodies were asked for this look.

        No target is given the same reply at two looks, so that one bad answer is not counted as two in a row.
        """

        async def ask_due(due: Sequence[tuple[Where, bytes]]) -> Mapping[tuple[Where, bytes], Reply]:
            replies = await ask([body for _, body in due])
            return {(where, body): reply for body, reply in replies.items()}

        now = asyncio.get_running_loop().time()
        newer_than = max(self._looked.get(target, 0.0), now - self._interval)
        self._looked[target] = now
        replies, due = await self._flights.get(
            [(where, body) for body in bodies], ask_due, now=now, newer_than=newer_than
        )
        return {body: reply for (_, body), reply in replies.items()}, [body for _, body in due]

    async def close(self) -> None:
        """End what is under way."""
        await self._flights.close()
