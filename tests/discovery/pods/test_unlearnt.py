"""What cannot be read at first, or ever: no name is fixed by it, no condition left out, and no pod forgotten."""

import asyncio
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from probes.contract import Target
from tests.discovery.pods.test_discoverer import CONFIG_MAP, SERVICE, pod, until, watching
from tests.discovery.pods.test_target import CONFIG
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from watcher.discovery.pods.cache_file import RELEASE
from watcher.discovery.pods.discoverer import Discoverer
from watcher.discovery.pods.scope import not_watched

VARIABLES = "/api/v1/namespaces/agentweave/configmaps/variables"


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        kubernetes.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        yield kubernetes


def by_pod(engine: Discoverer) -> dict[str, Target]:
    return {target.key.pod: target for target in engine.targets()}


def agents(engine: Discoverer) -> dict[str, str]:
    return {name: target.key.agent for name, target in by_pod(engine).items()}


def without_env(number: int, **env_from: object) -> dict[str, Any]:
    """A pod whose agent has its variables by `envFrom`."""
    raw = pod(number)
    container = raw["spec"]["containers"][0]
    del container["env"]
    container["envFrom"] = [env_from]
    return raw


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_name_that_was_guessed_for_want_of_an_answer_is_corrected_once(
    lies: LyingKubernetes, tmp_path: Path, status: int
) -> None:
    lies.refused[CONFIG_MAP] = status
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        [guessed] = engine.targets()
        assert (guessed.key.agent, guessed.formerly) == ("agentweave-example", "")
        assert f"its ConfigMap agentweave-example-config cannot be read: {status}" in guessed.problems[0]
        assert "could not be discovered" in guessed.unlearnt["pool_capacity"]
        assert "opa" not in guessed.unlearnt, "the pod has an OPA sidecar"
        del lies.refused[CONFIG_MAP]
        await until(lambda: agents(engine) == {"pod-1": "example-agent"}, within=5)
        [right] = engine.targets()
        assert (right.formerly, right.pool_capacity, dict(right.unlearnt)) == ("agentweave-example", 100, {})
        lies.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG.replace("example-agent", "third")}}
        lies.put(pod(1, podIP="10.9.9.9"))
        await until(lambda: by_pod(engine)["pod-1"].address == "10.9.9.9:8443")
        assert agents(engine) == {"pod-1": "example-agent"}, "it is final, whatever is written later"

    watching(lies, tmp_path, script)


def test_a_guess_does_not_become_final_by_a_restart_of_the_watcher(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.refused[CONFIG_MAP] = 403
    lies.put(pod(1))

    async def first(engine: Discoverer) -> None:
        assert agents(engine) == {"pod-1": "agentweave-example"}

    async def second(engine: Discoverer) -> None:
        assert agents(engine) == {"pod-1": "agentweave-example"}
        lies.put({**pod(1), "status": {**pod(1)["status"], "containerStatuses": restarted()}})
        await until(lambda: agents(engine) == {"pod-1": "example-agent"})
        assert engine.targets()[0].formerly == "agentweave-example"

    watching(lies, tmp_path, first)
    del lies.refused[CONFIG_MAP]
    watching(lies, tmp_path, second)


def restarted() -> list[dict[str, Any]]:
    statuses: list[dict[str, Any]] = deepcopy(pod(1)["status"]["containerStatuses"])
    statuses[0]["restartCount"] = 1
    return statuses


def test_all_pods_of_a_config_map_have_one_name_while_rights_come_and_go(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        lies.refused[CONFIG_MAP] = 403
        lies.put({**pod(1), "status": {**pod(1)["status"], "containerStatuses": restarted()}})
        await until(lambda: "403" in str(by_pod(engine)["pod-1"].problems))
        lies.put(pod(2))
        await until(lambda: len(by_pod(engine)) == 2)
        assert agents(engine) == {"pod-1": "example-agent", "pod-2": "example-agent"}
        assert "403" in " ".join(by_pod(engine)["pod-2"].problems)
        for target in by_pod(engine).values():  # each may have started with another text than the one of then
            assert target.pool_capacity is None
            assert "cannot be read: 403" in target.unlearnt["pool_capacity"]
        del lies.refused[CONFIG_MAP]
        await until(lambda: not any("403" in str(each.problems) for each in engine.targets()), within=10)
        assert agents(engine) == {"pod-1": "example-agent", "pod-2": "example-agent"}
        assert {each.formerly for each in engine.targets()} == {""}
        assert {each.pool_capacity for each in engine.targets()} == {100}

    watching(lies, tmp_path, script)


def test_a_refusal_for_ever_is_asked_less_and_less_and_once_for_all_pods_of_a_config_map(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.refused[CONFIG_MAP] = 403
    for number in range(20):
        lies.put(pod(number))

    async def script(engine: Discoverer) -> None:
        await asyncio.sleep(4.5)
        asked = sum(path == CONFIG_MAP for path, _ in lies.asked)
        assert 2 <= asked <= 8, "at 0, 1 and 3 seconds"
        assert len(engine.targets()) == 20

    watching(lies, tmp_path, script)


def test_a_service_that_cannot_be_read_leaves_it_unknown_who_an_agent_should_be(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.objects[SERVICE] = {"metadata": {"annotations": {"spiffe.io/service-id": "spiffe://hvs.solutions/agent/x"}}}
    lies.refused[SERVICE] = 403
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        [target] = engine.targets()
        assert target.spiffe_ids == ()
        assert target.unlearnt["spiffe_ids"] == (
            "Which SPIFFE ID it should serve could not be discovered: "
            "its Service agentweave-example cannot be read: 403: not this one."
        )
        del lies.refused[SERVICE]
        await until(lambda: engine.targets()[0].spiffe_ids == ("spiffe://hvs.solutions/agent/x",), within=5)
        lies.refused[SERVICE] = 403
        assert engine.targets()[0].unlearnt == {}

    watching(lies, tmp_path, script)


FAULT = "a bug of the watcher itself keeps its ConfigMap or Service from being read; the log has more"


def test_a_fault_of_the_watcher_makes_no_fact_known_and_costs_none_that_was(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.objects[SERVICE] = {"metadata": ["no mapping, which reading it does not expect"]}
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        [target] = engine.targets()
        assert target.problems == (FAULT,)
        assert (target.spiffe_ids, target.pool_capacity) == ((), None)
        assert target.unlearnt == {
            "pool_capacity": f"The size of its connection pools could not be discovered: {FAULT}.",
            "spiffe_ids": f"Which SPIFFE ID it should serve could not be discovered: {FAULT}.",
        }
        lies.objects[SERVICE] = {
            "metadata": {"annotations": {"spiffe.io/service-id": "spiffe://hvs.solutions/agent/x"}}
        }
        await until(lambda: engine.targets()[0].spiffe_ids == ("spiffe://hvs.solutions/agent/x",), within=5)
        assert engine.targets()[0].pool_capacity == 100
        lies.objects[SERVICE] = {"metadata": ["again"]}
        lies.put({**pod(1), "status": {**pod(1)["status"], "containerStatuses": restarted()}})
        await until(lambda: FAULT in engine.targets()[0].problems)
        assert engine.targets()[0].spiffe_ids == ("spiffe://hvs.solutions/agent/x",), "as far as was known before"

    watching(lies, tmp_path, script)


def test_a_service_that_was_never_read_is_no_fact_after_a_restart_of_the_watcher(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.refused[SERVICE] = 403
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        assert "403" in engine.targets()[0].unlearnt["spiffe_ids"]

    watching(lies, tmp_path, script)
    lies.list_status = 500
    watching(lies, tmp_path, script)


def test_an_agent_is_found_by_a_variable_in_a_config_map_of_env_from(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.objects[VARIABLES] = {"data": {"AGENTWEAVE_CONFIG_PATH": "/etc/agentweave/config.yaml"}}
    lies.put(without_env(1, configMapRef={"name": "variables"}))
    lies.put(without_env(2, secretRef={"name": "variables"}))
    lies.put(without_env(3, configMapRef={"name": "absent", "optional": True}))

    async def script(engine: Discoverer) -> None:
        assert agents(engine) == {"pod-1": "example-agent"}
        assert by_pod(engine)["pod-1"].pool_capacity == 100
        why = {seen.pod.name: seen.found.why for seen in engine.seen_pods() if seen.found is not None}
        assert why["pod-2"].endswith("; Secrets of its envFrom are never read")
        assert why["pod-3"].endswith(", nor is the variable in the ConfigMaps of its envFrom")
        assert engine.states()["not_agent"] == 2

    watching(lies, tmp_path, script)


def test_a_config_that_was_changed_since_its_agent_started_is_not_believed_after_a_restart_of_the_watcher(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.put(pod(1))

    async def first(engine: Discoverer) -> None:
        assert by_pod(engine)["pod-1"].pool_capacity == 100

    async def second(engine: Discoverer) -> None:
        lies.objects[SERVICE] = {
            "metadata": {"annotations": {"spiffe.io/service-id": "spiffe://hvs.solutions/agent/x"}}
        }
        seen = engine.seen_pods()[0]
        seen.tried_at -= 60  # as much later: then what an earlier process read is read again
        await until(lambda: engine.targets()[0].spiffe_ids, within=5)
        assert by_pod(engine)["pod-1"].pool_capacity == 100

    async def third(engine: Discoverer) -> None:
        await until(lambda: by_pod(engine)["pod-1"].pool_capacity == 7, within=5)

    watching(lies, tmp_path, first)
    lies.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG.replace("100", "7")}}
    watching(lies, tmp_path, second)
    lies.put({**pod(1), "status": {**pod(1)["status"], "containerStatuses": restarted()}})
    watching(lies, tmp_path, third)


def test_a_config_that_another_release_read_is_read_again(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))

    async def first(engine: Discoverer) -> None:
        assert by_pod(engine)["pod-1"].pool_capacity == 100

    async def second(engine: Discoverer) -> None:
        assert not engine.unready
        engine.seen_pods()[0].tried_at -= 60  # as much later
        await until(lambda: by_pod(engine)["pod-1"].pool_capacity == 7, within=5)

    watching(lies, tmp_path, first)
    cache = tmp_path / "discovery.json"
    cache.write_bytes(cache.read_bytes().replace(f'"release":"{RELEASE}"'.encode(), b'"release":"0.0.1"'))
    lies.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG.replace("100", "7")}}
    watching(lies, tmp_path, second)


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        (31, "its envFrom has more than 30 ConfigMaps, which are not read"),
        (1, "its ConfigMap variables has more than 500 keys, which are not read"),
    ],
)
def test_a_pod_with_more_variables_than_are_read_is_not_said_to_be_no_agent(
    lies: LyingKubernetes, tmp_path: Path, sources: int, why: str
) -> None:
    lies.objects[VARIABLES] = {"data": {f"V{number}": "x" for number in range(501 if sources == 1 else 5)}}
    raw = without_env(1, configMapRef={"name": "variables"})
    maybe = [{"configMapRef": {"name": f"v{number}", "optional": True}} for number in range(sources - 1)]
    raw["spec"]["containers"][0]["envFrom"] += maybe
    lies.put(raw)

    async def script(engine: Discoverer) -> None:
        [seen] = engine.seen_pods()
        assert seen.found is not None
        assert (seen.state.value, seen.found.why) == ("pending", f"it is not known whether it is an agent: {why}")
        assert seen.details is not None
        assert seen.details.complete, "another attempt would tell no more"

    watching(lies, tmp_path, script)


@pytest.mark.parametrize("status", [429, 403])
def test_a_later_config_map_of_env_from_that_cannot_be_read_leaves_the_config_open(
    lies: LyingKubernetes, tmp_path: Path, status: int
) -> None:
    lies.objects[VARIABLES] = {"data": {"AGENTWEAVE_CONFIG_PATH": "/etc/agentweave/config.yaml"}}
    later = VARIABLES.replace("variables", "later")
    lies.refused[later] = status
    raw = without_env(1, configMapRef={"name": "variables"})
    raw["spec"]["containers"][0]["envFrom"].append({"configMapRef": {"name": "later"}})
    lies.put(raw)

    async def script(engine: Discoverer) -> None:
        [target] = engine.targets()
        assert target.pool_capacity is None
        assert f"its ConfigMap later cannot be read: {status}" in target.unlearnt["pool_capacity"]
        del lies.refused[later]
        lies.objects[later] = {"data": {"OTHER": "x"}}
        await until(lambda: engine.targets()[0].pool_capacity == 100, within=5)

    watching(lies, tmp_path, script)


def test_an_absent_optional_config_map_of_a_variable_is_no_failure(lies: LyingKubernetes, tmp_path: Path) -> None:
    raw = pod(1)
    by_key = {"name": "absent", "key": "path", "optional": True}
    raw["spec"]["containers"][0]["env"].append(
        {"name": "AGENTWEAVE_CONFIG_PATH", "valueFrom": {"configMapKeyRef": by_key}}
    )
    lies.put(raw)

    async def script(engine: Discoverer) -> None:
        [seen] = engine.seen_pods()
        assert seen.details is not None
        assert seen.details.complete
        assert agents(engine) == {"pod-1": "example-agent"}
        assert engine.targets()[0].unlearnt == {}

    watching(lies, tmp_path, script)


def test_an_agent_of_env_from_is_one_after_a_restart_without_the_server(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.objects[VARIABLES] = {"data": {"AGENTWEAVE_CONFIG_PATH": "/etc/agentweave/config.yaml"}}
    lies.put(without_env(1, configMapRef={"name": "variables"}))
    found: list[Target] = []

    async def first(engine: Discoverer) -> None:
        found.extend(engine.targets())

    async def second(engine: Discoverer) -> None:
        assert engine.targets() == found

    watching(lies, tmp_path, first)
    lies.list_status = 500
    watching(lies, tmp_path, second)
    assert [target.key.agent for target in found] == ["example-agent"]


def test_whether_a_pod_is_an_agent_is_open_while_its_variables_cannot_be_read(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.objects[VARIABLES] = {"data": {"AGENTWEAVE_CONFIG_PATH": "/etc/agentweave/config.yaml"}}
    lies.refused[VARIABLES] = 429
    old = without_env(1, configMapRef={"name": "variables"})
    old["metadata"]["creationTimestamp"] = "2025-11-18T08:00:00Z"
    lies.put(old)

    async def script(engine: Discoverer) -> None:
        [seen] = engine.seen_pods()
        assert seen.since > time.time() - 60, "it is pending since we cannot read it, not since it was made"
        assert not not_watched([seen], time.time())
        assert seen.found is not None
        assert (seen.state.value, seen.found.why) == (
            "pending",
            "it is not known whether it is an agent: its ConfigMap variables cannot be read: 429: not this one",
        )
        del lies.refused[VARIABLES]
        await until(lambda: agents(engine) == {"pod-1": "example-agent"}, within=5)

    watching(lies, tmp_path, script)


@pytest.mark.parametrize(
    ("status", "env", "state", "long"),
    [
        ({"podIP": ""}, None, "pending", True),
        ({"podIP": "127.0.0.1"}, None, "refused", True),
        ({}, [], "not_agent", True),
        ({"phase": "Succeeded"}, None, "finished", False),
    ],
)
def test_a_pod_is_what_its_object_says_since_it_was_made_but_for_its_end(
    lies: LyingKubernetes, tmp_path: Path, status: dict[str, str], env: list[object] | None, state: str, long: bool
) -> None:
    old = pod(1, **status)
    old["metadata"]["creationTimestamp"] = "2025-11-18T08:00:00Z"
    if env is not None:
        old["spec"]["containers"][0]["env"] = env
    lies.put(old)

    async def script(engine: Discoverer) -> None:
        [seen] = engine.seen_pods()
        assert (seen.state.value, seen.since < time.time() - 86400) == (state, long)

    watching(lies, tmp_path, script)


def test_of_a_projected_volume_the_last_source_that_has_the_file_counts(lies: LyingKubernetes, tmp_path: Path) -> None:
    maps = "/api/v1/namespaces/agentweave/configmaps"
    lies.objects[f"{maps}/first"] = {"data": {"config.yaml": CONFIG.replace("example-agent", "first")}}
    lies.objects[f"{maps}/second"] = {"data": {"config.yaml": CONFIG.replace("example-agent", "second")}}
    lies.objects[f"{maps}/third"] = {"data": {"other.yaml": "x"}}
    raw = pod(1)
    sources = [{"configMap": {"name": name}} for name in ("first", "second", "third")]
    raw["spec"]["volumes"][0] = {"name": "agent-config", "projected": {"sources": sources}}
    lies.put(raw)

    async def script(engine: Discoverer) -> None:
        assert agents(engine) == {"pod-1": "second"}

    watching(lies, tmp_path, script)


def test_a_pod_whose_object_cannot_be_read_is_listed_as_refused(lies: LyingKubernetes, tmp_path: Path) -> None:
    odd = pod(1)
    odd["spec"]["containers"] = [{"name": "agent", "ports": [{"name": "https"}]}]
    lies.put(odd)
    lies.put(pod(2))

    async def script(engine: Discoverer) -> None:
        assert set(by_pod(engine)) == {"pod-2"}
        [refused] = [seen for seen in engine.seen_pods() if seen.state.value == "refused"]
        assert refused.found is not None
        assert refused.found.why == "its object cannot be read: KeyError: 'containerPort'"

    watching(lies, tmp_path, script)
