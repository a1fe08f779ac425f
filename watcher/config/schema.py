"""What is the JSON Schema of the config file, and which keys does it know where?"""

from functools import cache
from typing import Any

from watcher.config.sections import sections
from watcher.text.key_path import Location

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "https://agentweave.io/schemas/agentweave-watcher/config.json"
"""Names the schema; nobody is asked for it."""

_DURATIONS = (("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001))
_SIZES = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10), ("", 1))

Schema = dict[str, Any]


@cache
def config_schema() -> Schema:
    """Draft 2020-12, with a description of every key; defaults are written as in the file."""
    schema = {"$schema": DIALECT, "$id": ID, **sections().model_json_schema(), "title": "Config of agentweave-watcher"}
    # A target may have any setting of any probe, so what holds for the section holds there.
    target = schema["$defs"]["StaticTarget"]["properties"]
    target["probes"] = {**schema["properties"]["probes"], "description": target["probes"]["description"]}
    _write_defaults_as_in_the_file(schema)
    return schema


def known_keys(place: Location) -> tuple[str, ...]:
    """The keys that may stand in the mapping at `place`; none where any may."""
    node = config_schema()
    for part in place:
        node = _inner(node, part)
    return tuple(_plain(node).get("properties", ()))


def _inner(node: Schema, part: str | int) -> Schema:
    node = _plain(node)
    if isinstance(part, int):
        items: Schema = node.get("items", {})
        return items
    extra = node.get("additionalProperties")
    inner: Schema = node.get("properties", {}).get(part) or (extra if isinstance(extra, dict) else {})
    return inner


def _plain(node: Schema) -> Schema:
    """`node` without references, and of alternatives the one that has keys or items."""
    if "$ref" in node:
        return _plain(config_schema()["$defs"][node["$ref"].rpartition("/")[2]])
    for choice in map(_plain, node.get("anyOf", ())):
        if choice.keys() & {"properties", "items", "additionalProperties"}:
            return choice
    return node


def _write_defaults_as_in_the_file(node: object) -> None:
    if isinstance(node, dict):
        default, examples = node.get("default"), node.get("examples", ())
        if "500ms" in examples and isinstance(default, (int, float)):
            node["default"] = _written(default, _DURATIONS)
        elif "512Mi" in examples and isinstance(default, int):
            node["default"] = _written(default, _SIZES)
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _write_defaults_as_in_the_file(inner)


def _written(value: float, units: tuple[tuple[str, float], ...]) -> str:
    unit, size = next((unit, size) for unit, size in units if (value and value % size == 0) or size == units[-1][1])
    return f"{value / size:g}{unit}"
