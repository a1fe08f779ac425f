"""Label selectors select what Kubernetes says they do (docs of meta/v1 LabelSelector)."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.kube.selectors import Operator, SelectorError, read_selector, selects

LABELS = {"app": "search", "tier": ""}


@pytest.mark.parametrize(
    ("raw", "selected"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchLabels": {"app": "search"}}, True),
        ({"matchLabels": {"app": "search", "none": "x"}}, False),
        ({"matchLabels": {"tier": ""}}, True),
        ({"matchLabels": {"none": ""}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "search"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["search"]}]}, False),
        ({"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["search"]}]}, True),
        ({"matchExpressions": [{"key": "none", "operator": "In", "values": [""]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist", "values": []}]}, False),
        ({"matchLabels": {"app": "search"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_selector_selects_what_kubernetes_says(raw: object, *, selected: bool) -> None:
    assert selects(read_selector(raw), LABELS) is selected


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("app=search", "expected matchLabels and matchExpressions, got 'app=search'"),
        ({"matchFields": {}}, "got 'matchFields'"),
        ({"matchLabels": ["app"]}, "expected a mapping as matchLabels"),
        ({"matchLabels": {"app": 5}}, "expected the value of a label, got 5"),
        ({"matchLabels": {"": "x"}}, "expected the key of a label"),
        ({"matchLabels": {f"k{number}": "x" for number in range(101)}}, "at most 100 requirements"),
        ({"matchExpressions": {"key": "app"}}, "a list as matchExpressions"),
        ({"matchExpressions": ["app"]}, "expected key, operator and values, got 'app'"),
        ({"matchExpressions": [{"operator": "Exists"}]}, "expected the key of a label, got nothing"),
        ({"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]}, "NotIn, Exists.*got 'Gt'"),
        ({"matchExpressions": [{"key": "app"}]}, "got nothing"),
        ({"matchExpressions": [{"key": "app", "operator": "In"}]}, "expected some values with the operator In"),
        ({"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["x"]}]}, "expected no values"),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": "x"}]}, "a list of at most"),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": [{}]}]}, "value of a label, got a mapping"),
    ],
)
def test_what_is_no_selector_is_refused_with_what_was_expected(raw: object, why: str) -> None:
    with pytest.raises(SelectorError, match=why):
        read_selector(raw)


_NAMES = st.sampled_from(("app", "tier", "env"))
_VALUES = st.sampled_from(("", "a", "b"))
_SETS = st.lists(_VALUES, min_size=1, max_size=3)
_REQUIREMENTS = st.one_of(
    st.builds(lambda key, operator, values: {"key": key, "operator": operator, "values": values},
              _NAMES, st.sampled_from(("In", "NotIn")), _SETS),
    st.builds(lambda key, operator: {"key": key, "operator": operator},
              _NAMES, st.sampled_from(("Exists", "DoesNotExist"))),
)  # fmt: skip
_OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}


@given(_REQUIREMENTS, st.dictionaries(_NAMES, _VALUES))
def test_a_requirement_and_its_opposite_never_hold_both(raw: dict[str, Any], labels: dict[str, str]) -> None:
    opposite = {**raw, "operator": _OPPOSITE[raw["operator"]]}
    both = [selects(read_selector({"matchExpressions": [each]}), labels) for each in (raw, opposite)]
    assert sorted(both) == [False, True]


@given(st.lists(_REQUIREMENTS, max_size=4), st.dictionaries(_NAMES, _VALUES), st.dictionaries(_NAMES, _VALUES))
def test_all_requirements_must_hold(raws: list[Any], alike: dict[str, str], labels: dict[str, str]) -> None:
    each = [selects(read_selector({"matchExpressions": [raw]}), labels) for raw in raws]
    whole = selects(read_selector({"matchLabels": alike, "matchExpressions": raws}), labels)
    assert whole == (all(each) and alike.items() <= labels.items())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(("key", "In", "Exists", "matchLabels", "")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(("matchLabels", "matchExpressions", "key", "operator", "values", "x")), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(_JSON)
def test_anything_is_a_selector_or_refused(raw: object) -> None:
    with suppress(SelectorError):
        selects(read_selector(raw), LABELS)


def test_the_operators_are_those_of_kubernetes() -> None:
    assert set(Operator) == {"In", "NotIn", "Exists", "DoesNotExist"}
