"""Which probes of a pod can be asked as its kubelet asks them."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract.target import KubeletProbe
from tests.discovery.pods.test_target import CONFIG, find, pod
from watcher.discovery.pod.containers import kubelet_probes

PORTS = [{"name": "health", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]
LIVENESS, READINESS = "livenessProbe", "readinessProbe"


def read(**asked: Mapping[str, object]) -> tuple[KubeletProbe, ...]:
    return kubelet_probes({"name": "agent", "ports": PORTS, **asked})


@pytest.mark.parametrize(
    ("http_get", "secure", "port", "path"),
    [
        ({"path": "/health", "port": 8443, "scheme": "HTTPS"}, True, 8443, "/health"),
        ({"path": "/health", "port": "health"}, False, 8080, "/health"),
        ({"path": "live", "port": "9000"}, False, 9000, "/live"),
        ({"port": 8080, "httpHeaders": []}, False, 8080, "/"),
        ({"path": "/h?deep=1", "port": 1}, False, 1, "/h?deep=1"),
    ],
)
def test_a_probe_by_http_is_asked_where_and_how_the_template_says(
    http_get: dict[str, object], secure: bool, port: int, path: str
) -> None:
    found = read(livenessProbe={"httpGet": http_get}, readinessProbe={"httpGet": http_get})
    assert found == tuple(KubeletProbe(kind, secure, port, path) for kind in ("liveness", "readiness"))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"exec": {"command": ["true"]}},
        {"tcpSocket": {"port": 8443}},
        {"grpc": {"port": 8443}},
        {"httpGet": None},
        {"httpGet": {"path": "/health"}},
        {"httpGet": {"path": "/health", "port": "nobody"}},
        {"httpGet": {"path": "/health", "port": "dns"}},
        {"httpGet": {"path": "/health", "port": 0}},
        {"httpGet": {"path": "/health", "port": 65536}},
        {"httpGet": {"path": "/health", "port": 8080, "host": "169.254.169.254"}},
        {"httpGet": {"path": "/health", "port": 8080, "httpHeaders": [{"name": "Authorization", "value": "s3cret"}]}},
        {"httpGet": {"path": "/a\r\nHost: elsewhere", "port": 8080}},
        {"httpGet": {"path": "/a b", "port": 8080}},
        {"httpGet": {"path": "/ä", "port": 8080}},
        {"httpGet": {"path": "/" + "a" * 256, "port": 8080}},
    ],
)
def test_what_cannot_be_asked_as_the_kubelet_asks_it_is_not_asked(asked: dict[str, object]) -> None:
    assert read(livenessProbe=asked) == ()


def test_a_target_carries_the_probes_of_the_agents_own_container() -> None:
    http_get = {"path": "/health", "port": 8443, "scheme": "HTTPS"}
    raw = pod(spec__containers__0__readinessProbe={"httpGet": http_get})
    target = find(raw, CONFIG).target
    assert target is not None
    assert KubeletProbe("readiness", secure=True, port=8443, path="/health") in target.kubelet_probes


def test_a_target_carries_the_restarts_of_the_agents_own_container_as_they_bring_another_process() -> None:
    again = {"name": "agent", "restartCount": 3, "state": {"running": {"startedAt": "2026-11-18T09:00:00Z"}}}
    target = find(pod(status__containerStatuses__0=again), CONFIG).target
    assert target is not None
    assert target.restarts == 3


def test_equal_probes_of_a_fleet_are_one_object() -> None:
    def one() -> tuple[KubeletProbe, ...]:
        return read(livenessProbe={"httpGet": {"path": "/health", "port": 8080}})

    assert one() is one()


_values = st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2)


@given(st.dictionaries(st.sampled_from(["path", "port", "host", "scheme", "httpHeaders"]), _values))
def test_whatever_stands_there_is_one_line_of_a_request_or_nothing(http_get: dict[str, object]) -> None:
    for found in read(livenessProbe={"httpGet": http_get}):
        assert found.path.startswith("/")
        assert found.path.isascii()
        assert found.path.isprintable()
        assert " " not in found.path
        assert 0 < found.port < 65536
