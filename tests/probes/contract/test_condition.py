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


def test_what_many_agents_say_in_the_same_words_is_one_object_and_long_words_of_one_are_not_kept() -> None:
    kind = ConditionKind(name="Slow", severity=Severity.WARNING, true_when="It is slow.", all_clear="It is fast.")
    said = [kind.unknown(Unknown.WARMING_UP, f"Has {count} of the 20 decisions.") for count in (3, 3, 4)]
    assert said[0] is said[1]
    assert said[0] != said[2]
    assert [each.text for each in said[1:]] == ["Has 3 of the 20 decisions.", "Has 4 of the 20 decisions."]
    long = [kind.unknown(Unknown.MALFORMED, "x" * 201) for _ in range(2)]
    assert long[0] == long[1]
    assert long[0] is not long[1]
