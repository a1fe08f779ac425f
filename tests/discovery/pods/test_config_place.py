"""Where an agent's own config is, as pods say it: in ConfigMaps of volumes and variables, or out of sight."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.discovery.pods.test_target import pod
from watcher.discovery.pod.config_place import ConfigPlace
from watcher.discovery.pod.pod import Pod, read_pod

PATH = "AGENTWEAVE_CONFIG_PATH"
FILE = "/etc/agentweave/config.yaml"


def volume(**source: object) -> dict[str, object]:
    return {"spec__volumes__0": {"name": "agent-config", **source}}


def projected(*sources: Mapping[str, object]) -> dict[str, object]:
    return volume(projected={"sources": list(sources)})


def mounted(path: str, **sub_path: str) -> dict[str, object]:
    return {"spec__containers__0__volumeMounts": [{"name": "agent-config", "mountPath": path, **sub_path}]}


def env(*entries: Mapping[str, object], **env_from: object) -> dict[str, object]:
    """The variables of the agent's container."""
    return {
        "spec__containers__0__env": list(entries),
        **({"spec__containers__0__envFrom": [env_from]} if env_from else {}),
    }


def place(read: Pod, **contents: Mapping[str, str] | str) -> ConfigPlace | None:
    """Of the config of this pod; `contents`: what its ConfigMaps of variables have, where they are asked for."""
    if read.question is None:
        return read.place
    assert set(read.question.environment.config_maps) <= set(contents)
    return read.question.answer(contents)


@pytest.mark.parametrize(
    ("changes", "refs"),
    [
        ({}, [("agentweave-example-config", "config.yaml")]),
        (volume(configMap={"name": "a", "items": [{"key": "k", "path": "config.yaml"}]}), [("a", "k")]),
        (volume(configMap={"name": "a", "items": [{"key": "k", "path": str(number)} for number in range(150)]
                           + [{"key": "k", "path": "config.yaml"}]}), [("a", "k")]),
        (projected(*({"configMap": {"name": str(number), "items": [{"key": "k", "path": "x"}]}}
                     for number in range(60)), {"configMap": {"name": "last"}}), [("last", "config.yaml")]),
        (projected({"configMap": {"name": "p"}}), [("p", "config.yaml")]),
        (projected({"configMap": {"name": "env"}}, {"configMap": {"name": "cfg"}}),
         [("env", "config.yaml"), ("cfg", "config.yaml")]),
        (projected({"configMap": {"name": "x", "items": [{"key": "k", "path": "a"}]}}, {"configMap": {"name": "c"}}),
         [("c", "config.yaml")]),
        (mounted(FILE, subPath="mine.yaml"), [("agentweave-example-config", "mine.yaml")]),
        (mounted(FILE, subPathExpr="$(F)") | env({"name": "F", "value": "f.yaml"}, {"name": PATH, "value": FILE}),
         [("agentweave-example-config", "f.yaml")]),
        (env({"name": "D", "value": "/etc/agentweave"}, {"name": PATH, "value": "$(D)/config.yaml"}),
         [("agentweave-example-config", "config.yaml")]),
        (env({"name": PATH, "value": "/nowhere"}, {"name": PATH, "value": FILE}),
         [("agentweave-example-config", "config.yaml")]),
        (env({"name": PATH, "value": "/etc/agentweave/$$(D).yaml"}), [("agentweave-example-config", "$(D).yaml")]),
        (env({"name": PATH, "value": "/etc/agentweave/$(NO).yaml"}), [("agentweave-example-config", "$(NO).yaml")]),
    ],
)  # fmt: skip
def test_a_config_is_found_through_items_projections_sub_paths_and_variables(
    changes: dict[str, object], refs: list[tuple[str, str]]
) -> None:
    found = place(read_pod(pod(**changes)))
    assert found is not None
    assert list(found.refs) == refs


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (volume(secret={"secretName": "s"}), "it is in the Secret s, which is never read"),
        (projected({"secret": {"name": "s"}}), "it is in the Secret s, which is never read"),
        (volume(csi={"driver": "d"}), "it is in a volume of the kind csi, which cannot be read from outside"),
        (volume(emptyDir={}), "it is in a volume of the kind emptyDir, which cannot be read from outside"),
        (volume(configMap={"name": "a", "items": [{"key": "k", "path": "other"}]}),
         "the volume at /etc/agentweave has no file config.yaml"),
        ({"spec__containers__0__volumeMounts": []},
         f"no volume is mounted at {FILE}, so it is a part of the image, or nowhere"),
        (env({"name": PATH, "valueFrom": {"fieldRef": {}}}), f"only the pod itself knows {PATH}, by fieldRef"),
        (env({"name": PATH, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
         f"{PATH} is in the Secret s, which is never read"),
        (env({"name": "D", "valueFrom": {"fieldRef": {}}}, {"name": PATH, "value": "$(D)/c"}),
         "only the pod itself knows D, by fieldRef"),
        (env({"name": PATH, "value": "/" + "x" * 2000}), f"{PATH} is longer than 1000 characters"),
    ],
)  # fmt: skip
def test_a_config_out_of_sight_has_a_place_too_and_it_is_said_where(changes: dict[str, object], why: str) -> None:
    assert place(read_pod(pod(**changes))) == ConfigPlace(why=why)


BY_KEY = {"name": PATH, "valueFrom": {"configMapKeyRef": {"name": "vars", "key": "path"}}}
MAYBE_BY_KEY = {"name": PATH, "valueFrom": {"configMapKeyRef": {"name": "vars", "key": "path", "optional": True}}}
FOUND = ConfigPlace((("agentweave-example-config", "config.yaml"),))  # type: ignore[arg-type]  # equal tuples


@pytest.mark.parametrize(
    ("changes", "contents", "expected"),
    [
        (env(BY_KEY), {"path": FILE}, FOUND),
        (env(configMapRef={"name": "vars"}), {PATH: FILE}, FOUND),
        (env(prefix="AGENTWEAVE_", configMapRef={"name": "vars"}), {"CONFIG_PATH": FILE}, FOUND),
        (env({"name": PATH, "value": "$(DIR)/config.yaml"}, configMapRef={"name": "vars"}), {"DIR": "/etc/agentweave"},
         FOUND),
        (env(configMapRef={"name": "vars"}), {"OTHER": FILE}, None),
        (env(BY_KEY), {"path": "/" + "x" * 1000}, ConfigPlace(why=f"{PATH} is longer than 1000 characters")),
        (env(configMapRef={"name": "vars"}), {PATH: "/" + "x" * 1000},
         ConfigPlace(why=f"{PATH} is longer than 1000 characters")),
        (env(MAYBE_BY_KEY), {}, None),
        (env(MAYBE_BY_KEY, configMapRef={"name": "vars"}), {PATH: FILE}, FOUND),
        (env({"name": PATH, "value": FILE}, MAYBE_BY_KEY), {}, FOUND),
        (env(MAYBE_BY_KEY), "vars cannot be read: 403", ConfigPlace(why="vars cannot be read: 403")),
        (env(BY_KEY), {}, ConfigPlace(why="the ConfigMap vars has no text under path")),
        (env(BY_KEY), "vars cannot be read: 403", ConfigPlace(why="vars cannot be read: 403")),
        (env(BY_KEY, configMapRef={"name": "vars"}), {"path": FILE, PATH: "/nowhere"}, FOUND),
    ],
)  # fmt: skip
def test_a_path_in_a_config_map_is_known_when_that_was_read(
    changes: dict[str, object], contents: Mapping[str, str] | str, expected: ConfigPlace | None
) -> None:
    assert place(read_pod(pod(**changes)), vars=contents) == expected


def imports(*sources: Mapping[str, object]) -> dict[str, object]:
    return {"spec__containers__0__env": [], "spec__containers__0__envFrom": list(sources)}


FIRST, SECOND = {"configMapRef": {"name": "first"}}, {"configMapRef": {"name": "second"}}
UNREAD = "second cannot be read: 403"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (imports(FIRST, SECOND), ConfigPlace(why=UNREAD)),
        (imports(SECOND, FIRST), FOUND),
        (imports(FIRST, {"prefix": "X_", **SECOND}), FOUND),
        (imports(FIRST, {"prefix": "AGENTWEAVE_", **SECOND}), ConfigPlace(why=UNREAD)),
        (imports(SECOND), None),
    ],
)
def test_a_config_map_that_cannot_be_read_may_set_what_one_before_it_has_set(
    changes: dict[str, object], expected: ConfigPlace | None
) -> None:
    assert place(read_pod(pod(**changes)), first={PATH: FILE}, second=UNREAD) == expected


def test_of_more_than_is_read_nothing_is_said_but_that() -> None:
    many = [{"configMapRef": {"name": f"vars-{number}"}} for number in range(31)]
    question = read_pod(pod(**imports(*many))).question
    assert question is not None
    assert len(question.environment.config_maps) == 30
    assert question.environment.excess == "its envFrom has more than 30 ConfigMaps, which are not read"
    chain = [{"name": f"V{number}", "value": f"$(V{number - 1})"} for number in range(101)]
    found = read_pod(pod(**env(*chain, {"name": PATH, "value": "$(V100)"})))
    why = "its config hangs on more than 100 variables, which are not read"
    assert (found.place, found.question) == (ConfigPlace(why=why), None)
    sources = [{"configMap": {"name": str(number)}} for number in range(1001)]
    found = read_pod(pod(**projected(*sources) | env({"name": "F", "value": FILE}, {"name": PATH, "value": "$(F)"})))
    why = "its volumes have more than 1000 files, which are not read"
    assert (found.place, found.question) == (ConfigPlace(why=why), None)


def test_variables_that_double_each_other_lead_to_no_file_and_cost_nothing() -> None:
    doubled = [{"name": f"V{number}", "value": f"$(V{number - 1})" * 2} for number in range(1, 20)]
    first: dict[str, object] = {"name": "V0", "value": FILE}
    found = read_pod(pod(**env(first, *doubled, {"name": PATH, "value": "$(V19)"})))
    why = "with the values of its variables it is longer than 1000 characters"
    assert (found.place, found.question) == (ConfigPlace(why=why), None)


def test_a_variable_that_env_sets_needs_no_config_map() -> None:
    plain: dict[str, Any] = {"name": PATH, "value": FILE}
    assert read_pod(pod(**env(plain, configMapRef={"name": "vars"}))).question is None
