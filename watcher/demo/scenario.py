"""What goes wrong in the demo, and when: a script that repeats."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from watcher.demo.agent import POOL
from watcher.demo.fleet import MEMORY_LIMIT, READY, DemoFleet
from watcher.demo.opa import Policy

Step = Callable[[DemoFleet], Awaitable[None]]

ROUND = 125.0
"""Seconds after which the script begins again."""

SLOW_ENOUGH = 20
"""Times as slow as this script, each fault lasts until its alert fires, with a scrape every 30 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """Something that is made to happen to one agent, and cleared later."""

    at: float  # seconds into the round
    until: float
    agent: str
    words: str
    detected_as: tuple[str, ...]  # the conditions by which the watcher should tell it
    inject: Step
    clear: Step
    once: bool = False  # in the first round alone


def _tell(agent: str, **order: object) -> Step:
    return lambda fleet: fleet.agents[agent].tell(**order)


def _policy(agent: str, policy: Policy) -> Step:
    return lambda fleet: fleet.decisions.set(agent, policy)


async def _stop_rotating(fleet: DemoFleet) -> None:
    fleet.agents["search"].rotates = False


async def _rotate_again(fleet: DemoFleet) -> None:
    fleet.agents["search"].rotates = True
    await fleet.agents["search"].rotate()


async def _steal_identity(fleet: DemoFleet) -> None:
    await fleet.agents["billing"].serve(fleet.agents["orders"].spiffe_id)


async def _strange_authority(fleet: DemoFleet) -> None:
    await fleet.agents["speech"].serve(authority=fleet.stranger)


def _itself(agent: str) -> Step:
    return lambda fleet: fleet.agents[agent].serve()


async def _leak(fleet: DemoFleet) -> None:
    # In two steps, so that the page shows the rise.
    agent = fleet.agents["vision"]
    missing = int(MEMORY_LIMIT * 0.95) - agent.memory()
    await agent.tell(do="hold", size=missing // 2)
    await asyncio.sleep(3)
    await agent.tell(do="hold", size=missing)


async def _kill(fleet: DemoFleet) -> None:
    await fleet.agents["crawler"].kill()


async def _restart(fleet: DemoFleet) -> None:
    await fleet.agents["crawler"].start()


async def _roll_out_a_bad_version(fleet: DemoFleet) -> None:
    fleet.pods.roll_out("summary", "2.1")
    await fleet.agents["summary"].tell(do="fail", requests=True)


async def _roll_back(fleet: DemoFleet) -> None:
    fleet.pods.roll_out("summary", "2.0")
    await fleet.agents["summary"].tell(do="fail", requests=False)


async def _is_not_there_yet(_: DemoFleet) -> None:
    """Nobody has started it."""


async def _start_its_opa(fleet: DemoFleet) -> None:
    await fleet.own_opa.start()


_EXPIRY = ("SVIDRotationOverdue", "SVIDExpiryImminent", "SVIDExpired")
SCRIPT = (
    InjectedFault(
        # Longer than a minute: before that, what the agent says of its own health is not held against it, nor for it.
        at=0, until=90, agent=READY, words="its OPA starts late, and its /health says so", once=True,
        detected_as=("OPAUnreachable",), inject=_is_not_there_yet, clear=_start_its_opa,
    ),
    InjectedFault(
        at=3, until=80, agent="search", words="its SVID is no longer rotated", detected_as=_EXPIRY,
        inject=_stop_rotating, clear=_rotate_again,
    ),
    InjectedFault(
        at=6, until=22, agent="billing", words="it serves the identity of another agent",
        detected_as=("SVIDWrongIdentity",), inject=_steal_identity, clear=_itself("billing"),
    ),
    InjectedFault(
        at=12, until=28, agent="guard", words="its policy allows every caller", detected_as=("OPAWrongAllow",),
        inject=_policy("guard", Policy.ALLOWS_ALL), clear=_policy("guard", Policy.SOUND),
    ),
    InjectedFault(
        at=20, until=38, agent="orders", words="its policy is gone from OPA", detected_as=("OPAPolicyMissing",),
        inject=_policy("orders", Policy.MISSING), clear=_policy("orders", Policy.SOUND),
    ),
    InjectedFault(
        at=22, until=120, agent="router", words="its breaker and pool gauges vanish",
        detected_as=("SignalAbsent",),
        inject=_tell("router", do="gauges", shown=False), clear=_tell("router", do="gauges", shown=True),
    ),
    InjectedFault(
        at=28, until=48, agent="planner", words="its circuit breaker to ranker opens",
        detected_as=("CircuitBreakerOpen",),
        inject=_tell("planner", do="breaker", callee="ranker", state=1),
        clear=_tell("planner", do="breaker", callee="ranker", state=0),
    ),
    InjectedFault(
        at=36, until=58, agent="vision", words="it leaks memory, close to its limit", detected_as=("MemoryHigh",),
        inject=_leak, clear=_tell("vision", do="hold", size=0),
    ),
    InjectedFault(
        at=50, until=86, agent="translate", words="its connection pool fills up",
        detected_as=("PoolSaturated", "PoolExhausted"),
        inject=_tell("translate", do="pool", in_use=POOL), clear=_tell("translate", do="pool", in_use=3),
    ),
    InjectedFault(
        at=72, until=112, agent="summary", words="version 2.1 is rolled out, whose requests fail",
        detected_as=("ErrorRateHigh",), inject=_roll_out_a_bad_version, clear=_roll_back,
    ),
    InjectedFault(
        at=82, until=118, agent="crawler", words="its process is killed",
        detected_as=("AgentUnreachable", "MetricsUnavailable"),
        inject=_kill, clear=_restart,
    ),
    InjectedFault(
        at=92, until=108, agent="speech", words="its SVID is signed by an untrusted CA",
        detected_as=("SVIDNotTrusted",),
        inject=_strange_authority, clear=_itself("speech"),
    ),
)  # fmt: skip
