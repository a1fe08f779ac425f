"""The checklist of a real fleet in a real daemon: what turns is told everywhere, and survives a restart."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, Memory, State, Witness
from probes.controls.findings.packed import pack
from probes.controls.findings.written import tables, to_json
from tests.servers.daemon import DaemonProcess, run_daemon, write_config
from tests.servers.process import eventually
from tests.servers.watched_fleet import SOUND, WatchedFleet, run_fleet
from watcher.checklist.live.kept.findings_file import FILE_NAME, FORMAT, VERSION, Head, KeptAgent, line_of, write
from watcher.checklist.live.turns import NO_PAST

DENY, LOADED = "security.authz.default-deny", "predeploy.opa.policy-loaded"
SEARCH = AgentRef("prod", "search")
CATALOGUE = load_catalogue()


def _left_behind(state_dir: Path, since: float) -> None:
    """As if a watcher had seen this agent for an hour, and its policy missing."""
    state_dir.mkdir()
    unknown = {
        each.id: Finding(each.id, State.UNKNOWN, State.UNKNOWN, since, "SourceMissing", message="Nothing.")
        for each in CATALOGUE.controls
    }
    blamed = Memory(blamed=frozenset({Witness(SourceName.OPA, "search")}))
    unknown[LOADED] = unknown[LOADED]._replace(
        state=State.FAIL, underlying=State.FAIL, reason="Violated", message="Undefined.", memory=blamed
    )
    line = line_of(KeptAgent(SEARCH, {"search": since}, {"team": "a"}, NO_PAST), to_json(pack(list(unknown.values()))))

    async def lines() -> AsyncIterator[bytes]:
        yield line

    head = Head(FORMAT, VERSION, time.time(), CATALOGUE.digest, tables(CATALOGUE.controls))
    asyncio.run(write(state_dir / FILE_NAME, head, (), lines()))


def _finding(daemon: DaemonProcess, control: str) -> Mapping[str, Any]:
    [agent] = daemon.get("/api/v1/readiness/prod/search").raise_for_status().json()["agents"]
    [found] = [each for each in agent["findings"] if each["control"] == control]
    return dict(found)


def _await(daemon: DaemonProcess, control: str, state: str, within: float = 60.0) -> Mapping[str, Any]:
    def found() -> Mapping[str, Any] | None:
        answer = daemon.get("/api/v1/readiness/prod/search")
        if answer.status_code != 200:
            return None
        told = _finding(daemon, control)
        return told if told["state"] == state else None

    try:
        said = eventually(found, within=within)
    except AssertionError as error:
        raise AssertionError(f"{control}: {_finding(daemon, control)}\n{daemon.tail()}") from error
    assert said is not None
    return said


@contextmanager
def _daemon(fleet: WatchedFleet, home: Path, **sections: object) -> Iterator[DaemonProcess]:
    with run_daemon(home, fleet.config(state_dir=str(home / "state"), **sections)) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path_factory.mktemp("fleet"), "search") as running:
        yield running


def test_what_turns_is_told_in_the_api_and_in_metrics_and_survives_a_restart_and_a_reload(
    fleet: WatchedFleet, tmp_path: Path
) -> None:
    since = time.time() - 3600
    _left_behind(tmp_path / "state", since)
    with _daemon(fleet, tmp_path) as daemon:
        mended = _await(daemon, LOADED, "pass")
        assert mended["observed_pods"] == "1 of 1"
        assert _await(daemon, DENY, "pass")["assurance"] == "observed"
        fleet.policy("search", "default allow := true\n")
        failed = _await(daemon, DENY, "fail", within=15.0)
        assert failed["reason"] == "Violated"
        assert [each["source"] for each in failed["evidence"]] == ["opa"]
        page = eventually(lambda: found if (found := daemon.page()).all("control_not_met", control=DENY) else None)
        assert page is not None
        assert page.value("readiness", agent="search", verdict="not_ready") == 1
        [regressed] = page.all("control_regressed_timestamp_seconds", control=DENY)
        assert {("from", "pass"), ("to", "fail")} < regressed
        turned = daemon.get("/api/v1/readiness?since=1h").json()["turned"]
        news = {(each["control"], each["turn"]) for each in turned}
        assert {(LOADED, "is fixed"), (DENY, "newly fails")} <= news
        assert daemon.end() == 0
    with _daemon(fleet, tmp_path) as daemon:
        assert _await(daemon, DENY, "fail")["since"] == failed["since"]
        eventually(lambda: daemon.page().all("control_regressed_timestamp_seconds", control=DENY))
        fleet.policy("search", SOUND)
        _await(daemon, DENY, "pass")
        eventually(lambda: not daemon.page().all("control_regressed_timestamp_seconds", control=DENY))
        profile = {"name": "trial", "namespaces": ["prod"], "required": {"add": [], "remove": []}}
        sections = {"profiles": [profile], "kubernetes": {"rbac": True}}
        config = fleet.config(state_dir=str(tmp_path / "state"), checklist=sections)
        (tmp_path / "search.yaml").write_text("agent: {name: search}\n")
        for listed in config["discovery"]["static"]:  # type: ignore[index]
            listed["agent_config"] = str(tmp_path / "search.yaml")
        write_config(tmp_path, config)
        daemon.reload()
        eventually(lambda: daemon.page().all("readiness", agent="search", profile="trial"))
        assert not daemon.page().all("readiness", agent="search", profile="checklist")
        assert _await(daemon, "predeploy.config.valid", "fail")["reason"] == "Violated"
        [said] = daemon.logged(lambda line: line["msg"] == "config section changed, restart required")
        assert said["section"] == "checklist.kubernetes"
        assert [line for line in daemon.log() if line["level"] in ("error", "critical")] == []


def test_without_a_checklist_there_are_no_series_of_it_and_the_api_says_so(fleet: WatchedFleet, tmp_path: Path) -> None:
    with _daemon(fleet, tmp_path, checklist={"enabled": False}) as daemon:
        assert not [name for name, _, _ in daemon.page().samples if "readiness" in name or "checklist" in name]
        for path in ("/api/v1/readiness", "/api/v1/readiness/prod/search", "/api/v1/controls"):
            answer = daemon.get(path)
            assert (answer.status_code, answer.json()) == (
                404,
                {"error": "the checklist is off, by checklist.enabled of the config"},
            )
