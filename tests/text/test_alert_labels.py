import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.text.alert_labels import MOST, alert_label, checked


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("team", "team"),
        ("example.org/team", "team"),
        ("example.org/cost-center", "cost_center"),
        ("app.kubernetes.io/part-of", "part_of"),
        ("Tier.x_1", "Tier_x_1"),
    ],
)
def test_a_label_of_alerts_is_called_like_the_end_of_the_key(key: str, name: str) -> None:
    assert checked([key]) == (key,)
    assert alert_label(key) == name


@pytest.mark.parametrize(
    "key", ["", "/team", "a b", "-a", "a-", "1", "9lives", "_a", "a/b/c", "Team.Org/x", "a" * 64, 'a"', "é", "team\n"]
)
def test_what_is_no_key_of_a_label_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"expected the key of a label, such as example\.org/team, got"):
        checked([key])


@pytest.mark.parametrize("key", ["severity", "a.b/alertname", "job", "cluster", "namespace", "condition", "drill-id"])
def test_a_name_by_which_alerts_are_told_apart_or_routed_is_taken(key: str) -> None:
    with pytest.raises(ValueError, match=f"alerts have a label {alert_label(key)} of their own"):
        checked([key])


def test_there_are_few_and_no_two_of_one_name() -> None:
    assert len(checked([f"a{number}" for number in range(MOST)])) == MOST
    with pytest.raises(ValueError, match=f"expected at most {MOST} labels, got {MOST + 1}"):
        checked([f"a{number}" for number in range(MOST + 1)])
    with pytest.raises(
        ValueError, match=r"x/cost-center and y/cost\.center would both be the label cost_center of alerts"
    ):
        checked(["x/cost-center", "y/cost.center"])


@given(st.lists(st.text(max_size=10), max_size=7))
def test_whatever_is_taken_is_a_label_that_prometheus_takes(keys: list[str]) -> None:
    try:
        taken = checked(keys)
    except ValueError:
        return
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", alert_label(key)) for key in taken)
