"""A value of a wrong type is refused by its path, each of them; one call of Helm tells all that are wrong at once."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.chart.render import CHART, HELMS, helm

DEFAULTS: Mapping[str, Any] = yaml.load((CHART / "values.yaml").read_text(), Loader=yaml.CSafeLoader)
SCHEMA: Mapping[str, Any] = json.loads((CHART / "values.schema.json").read_text())


def leaves(section: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is not a section of its own."""
    for key, value in section.items():
        if isinstance(value, dict) and value and properties((*above, key)):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def properties(path: tuple[str, ...]) -> object:
    section = SCHEMA
    for key in path:
        section = section["properties"][key]
    return section.get("properties")


def wrong(value: Any) -> Any:
    """Of another type than the default, and than all that could be meant."""
    if isinstance(value, str):
        return {"a": {"b": "c"}}
    return [["no"]] if isinstance(value, dict) else {"no": "such"} if isinstance(value, bool | int) else "none"


def placed(found: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, value in found.items():
        section = values
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = value
    return values


def unnamed(version: str, found: Mapping[tuple[str, ...], Any]) -> list[str]:
    """Which of these values Helm took, or did not name."""
    told = helm(version, "template", "w", CHART, values=placed(found))
    assert told.returncode != 0
    assert "panic" not in told.stderr
    spelt = {path: (f"- {'.'.join(path)}: ", f"'/{'/'.join(path)}'") for path in found}
    return [".".join(path) for path, ways in spelt.items() if not any(way in told.stderr for way in ways)]


@pytest.mark.parametrize("version", HELMS)
def test_every_value_of_a_wrong_type_is_named(version: str) -> None:
    found = {path: wrong(value) for path, value in leaves(DEFAULTS)}
    assert len(found) > 130
    assert unnamed(version, found) == []


@pytest.mark.parametrize("version", HELMS)
def test_a_text_where_a_section_should_be_is_named(version: str) -> None:
    sections: dict[tuple[str, ...], Any] = {
        (key,): "text" for key, value in DEFAULTS.items() if isinstance(value, dict)
    }
    assert unnamed(version, sections) == []


@pytest.mark.parametrize("version", HELMS)
def test_items_of_a_wrong_type_are_refused(version: str) -> None:
    lists = {path: [17] for path, value in leaves(DEFAULTS) if value == []}
    assert len(lists) > 15
    told = helm(version, "template", "w", CHART, values=placed(lists))
    ways = {path: (f"- {'.'.join(path)}.0: ", f"'/{'/'.join(path)}/0'") for path in lists}
    assert [path for path, names in ways.items() if not any(name in told.stderr for name in names)] == []
