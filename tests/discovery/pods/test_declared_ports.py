"""Which ports of a pod are tried in plaintext: those that its lasting containers declare, each once."""

from typing import Any

import pytest

from probes.contract.target import DeclaredPort
from tests.discovery.pods.test_target import find, pod
from watcher.discovery.pod.declared_ports import MOST, declared_ports
from watcher.discovery.pod.pod import read_pod


def container(name: str, *ports: int | str | dict[str, Any], **more: object) -> dict[str, Any]:
    return {
        "name": name,
        "ports": [each if isinstance(each, dict) else {"containerPort": each} for each in ports],
        **more,
    }


def get(port: int | str, **more: object) -> dict[str, Any]:
    return {"httpGet": {"path": "/health", "port": port, **more}}


def test_the_pod_of_the_public_manifests_declares_its_ports_and_those_of_opa() -> None:
    found = find(pod())
    assert found.target is not None
    assert found.target.declared_ports == (
        DeclaredPort(8443, "agent"),
        DeclaredPort(9090, "agent"),
        DeclaredPort(8181, "opa"),
    )


@pytest.mark.parametrize(
    ("probe", "probed"),
    [
        (get(8080), True),
        (get("8080"), True),
        (get("web"), True),
        (get(8080, scheme="HTTP"), True),
        (get(8080, scheme="HTTPS"), False),
        (get(8080, host="10.0.0.1"), False),
        (get("admin"), False),
        (get(8081), False),
        ({"tcpSocket": {"port": 8080}}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("kind", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_a_kubelet_asks_a_port_where_a_probe_does_so_over_plain_http(
    kind: str, probe: dict[str, Any], probed: bool
) -> None:
    one = container("agent", {"containerPort": 8080, "name": "web"}, **{kind: probe})
    assert declared_ports({"containers": [one]}) == (DeclaredPort(8080, "agent", probed),)


def test_init_containers_have_no_ports_and_native_sidecars_do() -> None:
    started, lasting = container("setup", 7000), container("mesh", 15001, restartPolicy="Always")
    spec = {"initContainers": [started, lasting], "containers": [container("agent", 8443)]}
    assert [each.number for each in declared_ports(spec)] == [8443, 15001]


def test_a_port_is_told_once_and_only_where_it_is_one_of_tcp() -> None:
    udp = {"containerPort": 53, "protocol": "UDP"}
    spec = {
        "containers": [container("agent", 8443, udp, 0, 70_000, "x"), container("b", 8443, livenessProbe=get(8443))]
    }
    assert declared_ports(spec) == (DeclaredPort(8443, "agent", probed=True),)


def test_pods_of_one_template_share_their_ports_and_no_pod_has_too_many() -> None:
    assert read_pod(pod()).declared_ports is read_pod(pod()).declared_ports
    many = container("agent", *range(1, 2000))
    assert len(declared_ports({"containers": [many]})) == MOST
