"""How many connections may the pools of an agent have?"""

from collections.abc import Mapping
from typing import NamedTuple

from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.annotations import Overrides
from watcher.discovery.pod.pod import WATCH


class Pools(NamedTuple):
    """A size for all pools or one for each; None where the agent's config has none, or where it is not known."""

    capacity: int | Mapping[str, int] | None
    unlearnt: str = ""  # why it is not known, a part of a sentence
    problems: tuple[str, ...] = ()


def pool_capacity(overrides: Overrides, config: AgentConfig) -> Pools:
    """By our annotation, else by the agent's own config."""
    if overrides.pool_capacity:
        return Pools(overrides.pool_capacity)
    if overrides.pool_capacity == 0 and config.max_connections:
        problem = f"annotation {WATCH}-pool-capacity: none is ignored: its config has a pool"
        return Pools(config.max_connections, problems=(problem,))
    if overrides.pool_capacity == 0:
        return Pools(None)
    return Pools(config.max_connections, config.doubt("transport.connection_pool.max_connections"))
