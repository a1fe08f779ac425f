"""A check as JSON: the document of the API, or one object a line for each condition."""

import json
from collections.abc import AsyncIterator

from watcher.commands.check.checked import Checked
from watcher.web.target_json import condition_json, listing


async def as_json(checked: Checked) -> AsyncIterator[str]:
    """The same shape as `/api/v1/targets`; what the probes saw only where it is one target."""
    async for piece in listing(
        checked.board, checked.states, checked.now, checked.told, evidence=len(checked.states) == 1
    ):
        yield piece


async def as_json_lines(checked: Checked) -> AsyncIterator[str]:
    """One object a condition, with the target's names in it; those of the worst targets first."""
    for each in checked.records():
        record = {**each.key._asdict(), "state": each.health, **condition_json(each.condition)}
        yield f"{json.dumps(record)}\n"
