"""Which policy an OPA has that cannot be asked: by the ConfigMaps that its container mounts, where they tell it."""

from collections.abc import Mapping
from copy import deepcopy
from hashlib import sha256
from typing import Any

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef, Missing
from tests.discovery.pods.test_target import POD
from watcher.checklist.live.gathering import Gathering
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.live.kubernetes.configs.kept_config_map import KeptConfigMap, keep_config_map
from watcher.checklist.live.kubernetes.configs.policies import policies_in
from watcher.checklist.live.provider import NOTHING, Presence, Provided
from watcher.discovery.pod.kept.pod import keep_pod
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.access import Access

REGO = "package authz\n"
DIGEST = frozenset({f"sha256:{sha256(REGO.encode()).hexdigest()}"})
BEFORE, AFTER = "2026-11-18T07:00:00Z", "2026-11-18T09:00:00Z"  # OPA starts at 08:00
PLAIN = "decision_logs: {console: true}\n"


class Maps(ConfigMapReader):
    """What was read of these, by name."""

    def __init__(self, held: Mapping[str, KeptConfigMap | Missing]) -> None:
        super().__init__(Access(None), 300.0, lambda: 0.0, float, lambda _: None)
        self.held = held

    def of(self, name: tuple[str, str]) -> KeptConfigMap | Missing:
        return self.held[name[1]]


def kept(name: str, at: str = BEFORE, **data: str) -> KeptConfigMap:
    managed = [{"manager": "kubectl", "time": at, "fieldsV1": {"f:data": {}}}]
    meta = {"namespace": "agentweave", "name": name, "creationTimestamp": BEFORE, "managedFields": managed}
    files = {key.replace("__", "."): value for key, value in data.items()}
    return keep_config_map({"metadata": meta, "data": files}, (), 0.0)


def seen(*arguments: str, mounts: tuple[str, ...] = ("policies",), projected: bool = False) -> SeenPod:
    raw: dict[str, Any] = deepcopy(POD)
    opa = raw["spec"]["containers"][1]
    opa["args"] = ["run", "--server", "--addr=localhost:8181", *arguments, "/policies"]
    opa["volumeMounts"] = [{"name": each, "mountPath": f"/{each}"} for each in mounts]
    for each in mounts:
        named = {"configMap": {"name": each}}
        raw["spec"]["volumes"].append({"name": each, **({"projected": {"sources": [named]}} if projected else named)})
    return SeenPod(read_pod(raw), kept=keep_pod(raw))


def policies(pod: SeenPod, *held: KeptConfigMap) -> frozenset[str] | Missing | None:
    return policies_in([pod], Maps({each.name: each for each in held}))


@pytest.mark.parametrize("projected", [False, True])
def test_it_is_told_by_the_modules_in_its_config_map_without_its_tests_and_other_files(projected: bool) -> None:
    held = kept("policies", authz__rego=REGO, authz_test__rego="package authz_test\n", data__json="{}")
    assert policies(seen(projected=projected), held) == DIGEST


def test_what_its_container_does_not_mount_says_nothing_of_it() -> None:
    found = policies(seen(mounts=("other",)), kept("policies", authz__rego=REGO), kept("other", readme="no policy"))
    assert isinstance(found, Missing)
    assert found.message == "OPA's container mounts no ConfigMap with a policy."


@pytest.mark.parametrize(
    ("arguments", "config", "known"),
    [
        (("--config-file=/etc/opa/opa.yaml",), PLAIN, True),
        (("-c", "/etc/opa/opa.yaml"), PLAIN, True),
        (("--config-file=/etc/opa/opa.yaml",), "bundles: {authz: {service: s}}\n", False),
        (("--config-file=/etc/opa/opa.yaml",), '{"discovery": {"resource": "/d"}}', False),
        (("--config-file=/etc/opa/elsewhere.yaml",), PLAIN, False),
        (("--set=bundles.authz.resource=b.tar.gz",), PLAIN, False),
        (("--set", "bundles.authz.resource=b.tar.gz"), PLAIN, False),
        (("--set=decision_logs.console=true",), PLAIN, True),
    ],
)
def test_of_an_opa_that_may_fetch_bundles_files_tell_nothing(
    arguments: tuple[str, ...], config: str, known: bool
) -> None:
    pod = seen(*arguments, mounts=("policies", "opa"))
    found = policies(pod, kept("policies", authz__rego=REGO), kept("opa", opa__yaml=config))
    assert found == DIGEST if known else isinstance(found, Missing) and found.reason is UnknownReason.NO_DATA


def test_a_policy_that_changed_after_opa_started_is_not_known_unless_opa_watches_it() -> None:
    changed = kept("policies", at=AFTER, authz__rego=REGO)
    found = policies(seen(), changed)
    assert isinstance(found, Missing)
    assert found.reason is UnknownReason.NOT_LOADED
    assert (
        found.message
        == "ConfigMap policies changed after OPA started, which does not watch it: what it has is not known."
    )
    assert policies(seen("--watch"), changed) == DIGEST
    assert policies(seen("-w"), changed) == DIGEST


def test_of_several_config_maps_each_counts_by_its_name() -> None:
    held = kept("policies", authz__rego=REGO), kept("more", more__rego="package more\n")
    found = policies(seen(mounts=("policies", "more")), *held)
    assert isinstance(found, frozenset)
    assert found != DIGEST
    other = policies(seen(mounts=("policies", "more")), held[0], kept("more", more__rego="package mores\n"))
    assert other != found


def test_one_that_cannot_be_read_leaves_it_open() -> None:
    missing = Missing(UnknownReason.FORBIDDEN, "ConfigMap policies may not be read.")
    assert policies_in([seen()], Maps({"policies": missing})) is missing
    assert policies_in([], Maps({})) is None


class _Place:
    """A provider that knows of one digest, or why not."""

    def __init__(self, told: frozenset[str] | Missing | None) -> None:
        self._told = told

    def agents(self) -> tuple[AgentRef, ...]:
        return ()

    def presence(self, _: AgentRef, /) -> Presence:
        return Presence.GONE

    def evidence_of(self, _: AgentRef, __: object, /) -> Provided:
        return NOTHING if self._told is None else Provided(digests={Bind.POLICY_DIGEST: self._told})

    def take_changed(self) -> tuple[AgentRef, ...]:
        return ()

    def sources_up(self) -> dict[str, str]:
        return {}


ONE, TWO = frozenset({"sha256:1"}), frozenset({"sha256:2"})
SILENT, REFUSED = Missing(UnknownReason.UNREACHABLE, "It is silent."), Missing(UnknownReason.FORBIDDEN, "Not shown.")


@pytest.mark.parametrize(
    ("mounted", "asked", "expected"),
    [
        (ONE, TWO, TWO),
        (ONE, None, ONE),
        (ONE, REFUSED, ONE),
        (ONE, SILENT, SILENT),
        (SILENT, TWO, TWO),
        (SILENT, REFUSED, REFUSED),
        (None, SILENT, SILENT),
    ],
)
def test_what_an_opa_mounts_stands_for_one_that_never_tells_and_not_for_one_that_is_silent(
    mounted: object, asked: object, expected: object
) -> None:
    places = [_Place(mounted), _Place(asked)]  # type: ignore[arg-type]
    gathered = Gathering(places, lambda _, __: True).of(AgentRef("prod", "search"), {}, [], 0.0)
    assert gathered.evidence.digests == {Bind.POLICY_DIGEST: expected}
