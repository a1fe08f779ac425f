import json
from collections.abc import Iterator

import pytest

from tests.config.contract_config import CONTRACT
from watcher.config.schema import DIALECT, config_schema, known_keys
from watcher.text.yaml_reader import YamlReader

Schema = dict[str, object]


def objects(node: object, where: str = "") -> Iterator[tuple[str, Schema]]:
    """Every part of the schema that lists keys."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield where, node
        for key, inner in node.items():
            yield from objects(inner, f"{where}/{key}")


def properties(node: Schema) -> dict[str, Schema]:
    found = node["properties"]
    assert isinstance(found, dict)
    return found


OBJECTS = dict(objects(config_schema()))


@pytest.mark.parametrize("where", OBJECTS)
def test_every_key_has_a_description(where: str) -> None:
    bare = [name for name, key in properties(OBJECTS[where]).items() if not key.get("description")]
    assert bare == []


@pytest.mark.parametrize("where", OBJECTS)
def test_unknown_keys_are_refused_by_the_schema_too(where: str) -> None:
    assert OBJECTS[where]["additionalProperties"] is False


def test_the_schema_says_its_dialect_and_is_json() -> None:
    assert DIALECT == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(config_schema()))["$schema"] == DIALECT


def test_the_schema_has_a_name_titles_and_examples_of_each_unit() -> None:
    schema = config_schema()
    assert schema["$id"].startswith("https://")
    assert schema["title"] == "Config of agentweave-watcher"
    assert [where for where, node in OBJECTS.items() if not node.get("title")] == []
    text = json.dumps(schema)
    assert '"500ms"' in text
    assert '"512Mi"' in text


def test_defaults_are_written_as_in_the_file() -> None:
    settings = properties(OBJECTS["/$defs/OPASettings"])
    assert (settings["interval"]["default"], settings["timeout"]["default"]) == ("30s", "2s")


def test_a_target_may_have_any_setting_of_any_probe() -> None:
    target = properties(OBJECTS["/$defs/StaticTarget"])["probes"]
    assert target["$ref"] == properties(config_schema())["probes"]["$ref"]


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ((), "discovery"),
        (("server",), "port"),
        (("identity",), "workload_api"),
        (("discovery", "static", 7), "spiffe_id"),
        (("discovery", "static", 7, "probes", "opa"), "when_absent"),
        (("probes", "opa", "canaries", 0), "expect"),
    ],
)
def test_the_keys_of_a_place_are_known(place: tuple[str | int, ...], key: str) -> None:
    assert key in known_keys(place)


@pytest.mark.parametrize(
    "place", [("nowhere",), ("server", "port", "deep"), ("discovery", "static", 0, "pool_capacity")]
)
def test_a_place_without_keys_of_its_own_has_none(place: tuple[str | int, ...]) -> None:
    assert known_keys(place) == ()


def test_the_example_of_the_contract_is_valid() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="an independent validator is not installed")
    validator = jsonschema.Draft202012Validator(config_schema())
    validator.check_schema(config_schema())
    assert [str(error) for error in validator.iter_errors(YamlReader(CONTRACT).document())] == []
