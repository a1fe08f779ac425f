"""A condition that needs history says how much."""

import pytest

from probes.contract import ConditionKind, Severity, Unknown
from probes.contract.condition import NO_WINDOW, Window


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (NO_WINDOW, "Needs more history before it can be judged."),
        (Window("open_for"), "Needs up to `open_for` of history before it can be judged."),
        (Window(seconds=100800.0), "Needs up to 1d4h of history before it can be judged."),
        (Window(looks=20), "Needs up to 20 probe results of history before it can be judged."),
    ],
)
def test_what_warms_up_says_how_much_history_it_needs(window: Window, said: str) -> None:
    kind = ConditionKind(
        name="DiskFull", severity=Severity.WARNING, true_when="It is.", all_clear="It is not.", window=window
    )
    assert kind.unknown(Unknown.WARMING_UP).text == said
    assert kind.unknown(Unknown.STALE).text == "The newest probe result is older than three intervals."
