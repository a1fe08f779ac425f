"""The pictures of an agent as a whole, for its report: those of the pod that is worst off."""

from watcher.engine.engine import Engine
from watcher.pictures.shown import PicturedAgent
from watcher.web.fleet.target_health import Summaries
from watcher.web.pictures.of_target import Pictures


async def pictured_agent(engine: Engine, namespace: str, agent: str, page: str = "picture") -> PicturedAgent | None:
    """Made when it is asked for; None where no pod of it is watched. `page`: tells it from others in the same place."""
    states = [state for key, state in engine.board.states.items() if key[:2] == (namespace, agent)]
    if not states:
        return None
    summaries = Summaries(engine.board, engine.clock.steady())
    worst = min(states, key=lambda state: (summaries.of(state).health.rank, state.target.key.pod))
    return PicturedAgent(worst.target.key.pod, len(states), await Pictures(engine).of(worst, page))
