"""Grafana's own model of a dashboard (grafana-foundation-sdk) knows each key of ours, and takes each value."""

import copy
import enum
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.alerting.dashboards import FILES, Json, panels, read

OF_PROMETHEUS_ANNOTATIONS = {"step", "titleFormat", "textFormat"}
"""Keys that the model leaves to the data source."""

register_default_plugins()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_model_of_grafana_knows_each_key_and_takes_each_value(file: Path) -> None:
    assert list(objections(read(file))) == []


PLANTED: dict[str, tuple[Callable[[Json], object], str]] = {
    "a key of the dashboard": (lambda at: at.update(tittle="Fleet"), ".tittle"),
    "a key of a panel": (lambda at: panels(at)[0].update(desription="-"), ".panels[0].desription"),
    "an option of a kind of panel": (lambda at: panels(at)[0]["options"].update(graphmode="none"), ".graphmode"),
    "a key of a query": (lambda at: panels(at)[0]["targets"][0].update(expression="up"), ".expression"),
    "a word that is none of these": (lambda at: panels(at)[0]["options"].update(graphMode="lines"), "graph_mode"),
    "a text for a number": (lambda at: panels(at)[0]["gridPos"].update(w="3"), "w: '3'"),
    "a number for a text": (lambda at: at.update(title=5), "title: 5"),
}


@pytest.mark.parametrize(("plant", "named"), PLANTED.values(), ids=PLANTED)
def test_what_it_does_not_know_or_take_is_named(plant: Callable[[Json], object], named: str) -> None:
    dashboard = copy.deepcopy(read(FILES[0]))
    plant(dashboard)
    assert any(named in each for each in objections(dashboard))


def objections(dashboard: Json) -> Iterator[str]:
    """Keys that the model does not have, values that are not of its types."""
    model = Dashboard.from_json(dashboard)
    yield from _lost("", dashboard, json.loads(json.dumps(model, cls=JSONEncoder)))
    yield from _mistyped("", model)


def _lost(path: str, ours: object, theirs: object) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from _lost(f"{path}.{key}", value, theirs[key])
            elif key not in OF_PROMETHEUS_ANNOTATIONS or ".annotations." not in path:
                yield f"{path}.{key}: is not known"
    elif isinstance(ours, list) and isinstance(theirs, list):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(f"{path}[{number}]", one, other)
    elif ours != theirs:
        yield f"{path}: {ours} is read as {theirs}"


def _mistyped(path: str, model: object) -> Iterator[str]:
    """Values of a part of the model that are not of the types that it says they have."""
    module = inspect.getmodule(type(model))
    for name, wanted in typing.get_type_hints(type(model), vars(module)).items():
        yield from _unfit(f"{path}.{name}", getattr(model, name), wanted)


def _unfit(path: str, value: object, wanted: object) -> Iterator[str]:
    origin, of = typing.get_origin(wanted), typing.get_args(wanted)
    if isinstance(value, dict) and hasattr(wanted, "from_json"):
        value = wanted.from_json(value)  # some lists the model leaves as they are
    if origin in (typing.Union, types.UnionType):
        against = [list(_unfit(path, value, each)) for each in of]
        # What is of the right type as a whole is wrong farther down.
        yield from max(against, key=lambda each: len(each[0].partition(": ")[0])) if all(against) else ()
    elif origin is list and isinstance(value, list):
        for number, each in enumerate(value):
            yield from _unfit(f"{path}[{number}]", each, of[0])
    elif origin is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from _unfit(f"{path}.{key}", each, of[1])
    elif origin is typing.Literal:
        yield from [f"{path}: {value!r} is none of {of}"] * (value not in of)
    elif not _is_of(value, wanted):
        yield f"{path}: {value!r} is no {wanted}"
    elif hasattr(value, "to_json"):
        yield from _mistyped(path, value)


def _is_of(value: object, wanted: object) -> bool:
    if wanted in (object, typing.Any):
        return True
    if not isinstance(wanted, type):
        return False
    if issubclass(wanted, enum.Enum):
        return value in [each.value for each in wanted]
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
