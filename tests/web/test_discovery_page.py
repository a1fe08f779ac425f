"""The page and the list of all pods that are seen: none is missing, and each says what it is and why."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.test_daemon_kubernetes import CONFIG_MAP, config, pod
from tests.discovery.pods.test_target import CONFIG
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from tests.servers.process import eventually
from tests.web.markup import Markup

LONG_AGO = "2026-11-18T08:00:00Z"
SCRIPT = "<script>alert(1)</script>"


def changed(number: int, **parts: Any) -> dict[str, Any]:
    raw = deepcopy(pod(number))
    for part, changes in parts.items():
        raw[part] |= changes
    return raw


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    home: Path = tmp_path_factory.mktemp("discovery")
    with run_lying_kubernetes() as lies:
        lies.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        _fill(lies)
        with run_daemon(home, config(lies, home)) as found:
            yield found


def _fill(lies: LyingKubernetes) -> None:
    lies.put(pod(1))
    no_agent = changed(2, spec={"containers": [{"name": SCRIPT, "image": "x"}]})
    no_agent["metadata"] |= {"namespace": "other", "creationTimestamp": LONG_AGO}
    lies.put(no_agent)
    refused = changed(3, status={"podIP": "169.254.169.254"})
    refused["metadata"]["creationTimestamp"] = LONG_AGO
    lies.put(refused)
    lies.put(changed(4, status={"podIP": ""}))
    lies.put(changed(5, status={"phase": "Succeeded"}))
    ending = changed(6)
    ending["metadata"]["deletionTimestamp"] = LONG_AGO
    lies.put(ending)


WHY = {
    "pod-1": ("target", ""),
    "pod-2": ("not_agent", "neither AGENTWEAVE_CONFIG_PATH nor the annotation agentweave.io/watch: true"),
    "pod-3": (
        "refused",
        "169.254.169.254 is a link-local address; discovery.kubernetes.allow_cidrs does not list it",
    ),
    "pod-4": ("pending", "it has no address yet"),
    "pod-5": ("finished", "its phase is Succeeded"),
    "pod-6": ("terminating", "it is being deleted"),
}


def pods(daemon: DaemonProcess, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(daemon.get(f"/api/v1/pods{query}").text)["pods"]
    return found


def test_the_api_lists_every_pod_with_its_state_and_why(daemon: DaemonProcess) -> None:
    assert {each["pod"]: (each["state"], each["why"]) for each in pods(daemon)} == WHY
    [target] = pods(daemon, "?state=target")
    assert (target["agent"], target["workload"], target["node"]) == ("example-agent", "agentweave-example", "node-a")
    [refused] = pods(daemon, "?state=refused")
    assert (refused["since"], refused["agent"]) == (LONG_AGO, "")
    assert [each["pod"] for each in pods(daemon, "?namespace=other")] == ["pod-2"]
    assert pods(daemon, "?namespace=other&state=target") == []


def test_a_state_that_does_not_exist_is_a_mistake_of_the_caller(daemon: DaemonProcess) -> None:
    answer = daemon.get("/api/v1/pods?state=asleep")
    assert answer.status_code == 400
    assert answer.json()["error"] == (
        "state: expected one of target, pending, terminating, finished, not_agent, refused, got 'asleep'"
    )


def test_the_page_shows_what_is_not_watched_first_and_counts_all(daemon: DaemonProcess) -> None:
    text = daemon.get("/discovery").text
    rows = [name for name in WHY if name in text]
    assert rows == list(WHY)
    assert sorted(WHY, key=text.index) == ["pod-3", "pod-2", "pod-4", "pod-6", "pod-5", "pod-1"]
    seen = Markup(text)
    assert "<b>6</b> pods" in text
    assert "allow_cidrs does not list it" in seen.text
    assert not seen.tags & {"script"}
    links = {link: daemon.get(link).status_code for link in seen.own_links}
    assert "/agents/agentweave/pod-1" in links
    assert links == dict.fromkeys(links, 200)
    assert "pod-1" not in daemon.get("/discovery?state=refused").text


def test_the_filters_of_the_page_are_kept_by_its_links(daemon: DaemonProcess) -> None:
    links = Markup(daemon.get("/discovery?namespace=other&state=not_agent").text).own_links
    assert "/discovery?namespace=other&state=refused" in links
    assert "/discovery?namespace=other" in links
    fleet = Markup(daemon.get("/?namespace=agentweave&problems=true").text).own_links
    assert "/?severity=critical&namespace=agentweave&problems=true" in fleet
    assert "/?problems=true" in fleet
    assert "/?namespace=agentweave" in fleet


def test_pods_that_are_not_watched_are_counted_after_a_quarter_of_an_hour(daemon: DaemonProcess) -> None:
    told = {(labels["namespace"], labels["state"]): value for labels, value in _all(daemon, "pods_not_watched")}
    assert told == {("other", "not_agent"): 1, ("agentweave", "refused"): 1}, "the pending one was made just now"


def test_targets_with_problems_are_counted_and_can_be_listed_alone(daemon: DaemonProcess) -> None:
    [(labels, value)] = _all(daemon, "target_problems")
    assert (labels["pod"], value) == ("pod-1", 1)
    assert [each["pod"] for each in daemon.targets("?problems=true")] == ["pod-1"]
    assert (
        daemon.targets()[0]["origins"]["metrics"]
        == "its port named metrics; of its path: its annotations prometheus.io"
    )
    assert daemon.targets("?problems=false") == []
    assert "pod-1" not in daemon.get("/?problems=false").text
    refusal = daemon.get("/api/v1/targets?problems=maybe")
    assert (refusal.status_code, refusal.json()["error"]) == (400, "problems: expected true or false, got 'maybe'")
    for path in ("/?problems=true", "/"):
        assert "<b>1</b> with problems" in daemon.get(path).text
    listed, fleet = (Markup(daemon.get(path).text).text for path in ("/?problems=true", "/"))
    [problem] = daemon.targets()[0]["problems"]
    assert (problem in listed, problem in fleet) == (True, False)
    assert daemon.get("/?problems=true").text.count('here"') == 1
    agent = Markup(daemon.get("/agents/agentweave/pod-1").text).text
    assert "source of the metrics URL" in agent
    assert "its port named metrics" in agent
    assert "memory limit512.0 MiB" in agent
    assert "CPU limit0.5" in agent


def test_links_at_the_head_of_a_page_look_alike_wherever_they_lead(daemon: DaemonProcess) -> None:
    assert "href" not in daemon.get("/style.css").text


def _all(daemon: DaemonProcess, family: str) -> list[tuple[dict[str, str], float]]:
    return [(dict(labels), value) for labels, value in daemon.page().all(family).items()]


def test_that_nothing_could_be_listed_is_said_where_no_pod_is_seen(tmp_path: Path) -> None:
    with run_lying_kubernetes() as lies:
        lies.list_status = 403
        with run_daemon(tmp_path, config(lies, tmp_path), wait_for="/livez") as blind:
            eventually(lambda: "403" in blind.get("/discovery").text)
            page = Markup(blind.get("/discovery").text).text
            assert "Pods may be missing here: all namespaces: " in page
            assert "No pod is known." in page
            document = blind.get("/api/v1/pods").json()
            assert document["pods"] == []
            assert "403" in document["failure"]
            lies.list_status = 200
            eventually(lambda: "failure" not in blind.get("/api/v1/pods").json())
            assert "may lack" not in blind.get("/discovery").text


def test_only_where_pods_are_left_out_it_is_said_so(tmp_path: Path) -> None:
    with run_lying_kubernetes() as lies:
        for number in range(200):
            lies.put(changed(number, status={"podIP": ""}))
        with run_daemon(tmp_path, config(lies, tmp_path)) as full:
            assert "are shown" not in full.get("/discovery").text
            lies.put(changed(200, status={"podIP": ""}))
            eventually(lambda: "The first 200 of 201 are shown." in full.get("/discovery").text)


def test_without_kubernetes_no_pod_is_seen(tmp_path: Path) -> None:
    static = {"namespace": "prod", "agent": "a", "address": "127.0.0.1:1"}
    with run_daemon(tmp_path, {"discovery": {"static": [static]}}) as alone:
        assert pods(alone) == []
        assert "No pod matches." in alone.get("/discovery").text
