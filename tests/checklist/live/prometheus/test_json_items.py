"""Long answers in JSON are read item by item, however they are cut into pieces."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.checklist.live.prometheus.json_items import ItemReader, ItemsError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.lists(st.dictionaries(st.text(max_size=6), VALUES, max_size=3), max_size=6)


def _read(text: str, size: int, most: int = 100, longest: int = 10_000) -> tuple[list[Any], dict[str, Any]]:
    reader, items = ItemReader("result", most, longest), list[Any]()
    for start in range(0, len(text), size):
        items += reader.feed(text[start : start + size])
    return items, reader.envelope()


@given(
    items=ITEMS,
    size=st.integers(1, 200),
    warnings=st.lists(st.text(max_size=5), max_size=2),
    indent=st.sampled_from([None, 1]),
)
def test_the_items_and_what_is_around_them_are_the_same_for_all_pieces(
    items: list[dict[str, Any]], size: int, warnings: list[str], indent: int | None
) -> None:
    answer = {"status": "success", "data": {"resultType": "vector", "result": items}, "warnings": warnings}
    text = json.dumps(answer, separators=(",", ":"), indent=indent)
    answer["data"] = {"resultType": "vector", "result": []}
    assert _read(text, size) == (items, answer)


def test_an_answer_without_the_list_is_an_envelope_alone() -> None:
    assert _read('{"status":"error","error":"bad"}', 5) == ([], {"status": "error", "error": "bad"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"data":{"result":[{"a":1},{"b":', "cut off"),
        ('{"data":{"result":[{"a":1}', "cut off"),
        ("<html>", "it is not JSON"),
        ("[1]", "it is not JSON"),
        ('{"data":{"result":[1,2]}}', "no object"),
        ('{"data":{"result":[{"a":1},{"a":1},{"a":1}]}}', "more than 2 parts"),
        ('{"data":{"result":[{"a":"' + "x" * 300, "longer than 200"),
        ('{"data":{"result":[{"a":' + "[" * 150_000, "longer than 200"),
        ("x" * 70_000, "not what Prometheus answers"),
        ('{"data":{"result":[]' + " " * 70_000, "too long"),
    ],
)
def test_what_has_another_shape_or_too_much_of_it_is_refused(text: str, why: str) -> None:
    with pytest.raises(ItemsError, match=why):
        _read(text, 64, most=2, longest=200)


def test_what_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(ItemsError, match="too deep"):
        _read('{"data":{"result":[{"a":' + "[" * 150_000 + "]" * 150_000 + "}", 1 << 16, longest=1 << 20)
