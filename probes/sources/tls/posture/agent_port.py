"""How the agent's own port meets clients of different kinds, and which suites it takes."""

from collections.abc import Sequence

from probes.contract import Fault
from probes.readings.handshake import Spoke
from probes.readings.tls_posture import Outcome, Refusal, Tried
from probes.sources.tls.posture import hello
from probes.sources.tls.posture.clients import TLS12, Client, Clients, Versions
from probes.sources.tls.posture.suites import STRONG, WEAK
from probes.sources.tls.posture.told import RESET, told_by, told_by_hello
from probes.sources.tls.posture.wire import Unconnected, Wire

_STRANGERS = (Client.FOREIGN, Client.FORGED)


class AgentPort:
    """Its port, tried in one round."""

    def __init__(self, wire: Wire, clients: Clients) -> None:
        """Come as these clients."""
        self._wire, self._clients, self._all_groups = wire, clients, False
        self.spoke = Spoke.NOTHING

    async def meet(self, client: Client, versions: Versions) -> Tried:
        """How it meets this client.

        A close or a reset is asked for twice: the one is believed only then, the other may be chance. So is an alert
        before the server has chosen anything: it may know none of the groups that were offered first.
        """
        tried = await self._meet(client, versions)
        before_all = not tried.protocol and versions is not TLS12
        if _is_untold(tried) or (tried.refusal is Refusal.ALERT and before_all):
            self._all_groups |= before_all
            tried = await self._meet(client, versions)
        return tried

    async def meet_older(self, client: Client) -> Tried:
        """How it meets TLS 1.2 and older; where the client's suites may be the cause of a refusal, with all suites."""
        tried = await self.meet(client, TLS12)
        if tried.outcome is not Outcome.REFUSED or tried.protocol or tried.refusal is Refusal.VERSION:
            return tried
        offered = await self._offer((*STRONG, *(number for group in WEAK.values() for number in group)))
        return tried if offered.outcome is Outcome.REFUSED else offered

    async def weak_suites(self) -> tuple[tuple[str, ...], Tried]:
        """The weak suites that it chooses, of each group the first, and how the last offer ended."""
        groups = {number: group for group, suites in WEAK.items() for number in suites}
        chosen: list[str] = []
        while groups:
            tried, number = await self._choice(tuple(groups))
            if number not in groups:
                return tuple(chosen), await self._closed_to_weak_alone(tried)
            chosen.append(tried.suite)
            groups = {each: group for each, group in groups.items() if group != groups[number]}
        return tuple(chosen), tried

    async def _closed_to_weak_alone(self, tried: Tried) -> Tried:
        """What was told; a close proves something only where strong suites are still answered after it."""
        if tried.refusal is not Refusal.CLOSED or (await self._offer(STRONG)).outcome is Outcome.ANSWERED:
            return tried
        return Tried(Outcome.UNANSWERED, f"{tried.how}, and so was one that was offered strong suites")

    async def _meet(self, client: Client, versions: Versions) -> Tried:
        context = self._clients.context(client, versions, all_groups=self._all_groups)
        size = self._clients.certificate_size(client)
        shaken = await self._wire.shake_hands(context, client.value, self._wire.place.port, size)
        if isinstance(shaken, Unconnected):
            return _unconnected(shaken)
        if shaken.session.spoke is Spoke.TLS or self.spoke is Spoke.NOTHING:
            self.spoke = shaken.session.spoke
        tried = told_by(shaken.session, silent=shaken.silent)
        if client in _STRANGERS and tried.outcome is Outcome.REFUSED and not shaken.session.certificate_sent:
            return Tried(Outcome.UNANSWERED, f"its certificate was not shown, so it was not that which met {tried.how}")
        return tried

    async def _offer(self, suites: Sequence[int]) -> Tried:
        return (await self._choice(suites))[0]

    async def _choice(self, suites: Sequence[int]) -> tuple[Tried, int | None]:
        found = await self._choose(suites)
        return await self._choose(suites) if _is_untold(found[0]) else found

    async def _choose(self, suites: Sequence[int]) -> tuple[Tried, int | None]:
        words = hello.client_hello(suites, self._wire.place.server_name)
        heard = await self._wire.say(words, self._wire.place.port, hello.is_enough, hello.MOST)
        if isinstance(heard, Unconnected):
            return _unconnected(heard), None
        said = hello.read_answer(heard.data)
        return told_by_hello(said, heard), said.suite


def _is_untold(tried: Tried) -> bool:
    return tried.refusal is Refusal.CLOSED or tried.how == RESET.how


def _unconnected(found: Unconnected) -> Tried:
    ours = found.fault is Fault.OURS
    return Tried(Outcome.OURS if ours else Outcome.UNANSWERED, f"it {found.words}")
