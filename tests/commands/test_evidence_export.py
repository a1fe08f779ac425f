"""`evidence export` and `?at=`, of a real daemon that kept some days."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from watcher.cli import main

TODAY = datetime.now(UTC).date()
BEFORE, LONG_AGO = (TODAY - timedelta(days=2)).isoformat(), (TODAY - timedelta(days=3)).isoformat()
NOBODY = {"namespace": "prod", "agent": "search", "address": "127.0.0.1:9"}  # discard: refuses


class Kept(NamedTuple):
    """A daemon, and where it keeps its days."""

    daemon: DaemonProcess
    url: str


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """It has a snapshot of today, and one of two days ago."""
    home = tmp_path_factory.mktemp("kept")
    database = home / "state" / "history.db"
    config = {"discovery": {"static": [NOBODY]}, "state_dir": str(home / "state")}
    soon = {"sources": {"handshake": {"interval": "1s", "timeout": "500ms"}}}
    (home / "state").mkdir()
    with run_daemon(home, {**config, **soon}) as daemon:
        eventually(lambda: database.exists() and _days(database), within=60)
        with sqlite3.connect(database) as rows:
            rows.execute("INSERT INTO day SELECT ?, namespace, agent, at - 172800, digest FROM day", (BEFORE,))
        yield Kept(daemon, f"http://127.0.0.1:{daemon.address[1]}")


def _days(database: Path) -> int:
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as rows:
            return int(rows.execute("SELECT count(*) FROM day").fetchone()[0])
    except sqlite3.Error:
        return 0


def _export(kept: Kept, directory: Path, *arguments: str) -> int:
    return main(["evidence", "export", "--url", kept.url, *arguments, str(directory)])


def test_a_day_of_the_past_has_the_shape_of_today(kept: Kept) -> None:
    now = kept.daemon.get("/api/v1/readiness/prod/search").json()
    past = kept.daemon.get(f"/api/v1/readiness/prod/search?at={BEFORE}").json()
    [agent], [today] = past["agents"], now["agents"]
    assert past["day"] == BEFORE
    assert agent.pop("seen_at").startswith(BEFORE)
    assert past["catalogue"] == agent.pop("catalogue") == now["catalogue"]
    assert agent.keys() == today.keys()
    assert [each["control"] for each in agent["findings"]] == [each["control"] for each in today["findings"]]
    assert agent["findings"][0].keys() == today["findings"][0].keys()
    of_all = kept.daemon.get(f"/api/v1/readiness?at={BEFORE}T23:59:00Z").json()
    assert [each["agent"] for each in of_all["agents"]] == ["search"]


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        (f"/prod/search?at={LONG_AGO}", 404, f"no snapshot of prod/search of {LONG_AGO}; there are some from {BEFORE}"),
        (f"/prod/other?at={BEFORE}", 404, f"no snapshot of prod/other of {BEFORE}"),
        (f"?at={LONG_AGO}", 404, f"no snapshot of {LONG_AGO}"),
        (f"?at={BEFORE}&namespace=dev", 404, f"no snapshot of {BEFORE}"),
        ("?at=9999-12-31", 400, "9999-12-31 is in the future"),
        ("?at=yesterday", 400, "expected a day such as 2026-11-23"),
        ("?at=2026-11-23T09:00:00", 400, "expected a day such as 2026-11-23, or a time with an offset"),
    ],
)
def test_of_a_day_without_a_snapshot_nothing_is_said(kept: Kept, path: str, code: int, said: str) -> None:
    answer = kept.daemon.get(f"/api/v1/readiness{path}")
    assert answer.status_code == code
    assert f"at: {said}" in answer.json()["error"]


def test_what_is_exported_can_be_checked_and_names_the_days_that_are_missing(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "evidence"
    assert _export(kept, folder, "--since", LONG_AGO) == 0
    missing = [LONG_AGO, (TODAY - timedelta(days=1)).isoformat()]
    assert capsys.readouterr().err == f"no snapshot of 2 of the days: {', '.join(missing)}\n"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["days_without_snapshot"] == missing
    assert (manifest["since"], manifest["until"], manifest["url"]) == (LONG_AGO, TODAY.isoformat(), f"{kept.url}/")
    days = [f"findings/{BEFORE}.json", f"findings/{TODAY}.json"]
    assert [each["path"] for each in manifest["files"]] == [
        *days,
        "records.json",
        "catalogue.json",
        "changes/0000.json",
    ]
    for each in manifest["files"]:
        data = (folder / each["path"]).read_bytes()
        assert (each["bytes"], each["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert json.loads(data)
    if check := shutil.which("sha256sum"):
        told = subprocess.run([check, "--check", "SHA256SUMS"], cwd=folder, capture_output=True, check=True, text=True)
        assert "manifest.json: OK" in told.stdout
    assert _export(kept, folder, "--since", BEFORE) == 2
    assert capsys.readouterr().err.endswith(f"{folder}: expected an empty folder, or none\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", BEFORE, "--until", LONG_AGO], "expected --until after --since"),
        (["--since", "1990-01-01"], "expected at most 4000 days"),
    ],
)
def test_days_that_make_no_sense_are_refused(
    kept: Kept, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _export(kept, tmp_path / "none", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_daemon_that_keeps_no_days_says_so_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_daemon(tmp_path, {"discovery": {"static": [NOBODY]}}) as daemon:
        url = f"http://127.0.0.1:{daemon.address[1]}"
        assert main(["evidence", "export", "--url", url, "--since", BEFORE, str(tmp_path / "none")]) == 2
    assert "404 Not Found: at: no day is kept without state_dir in the config" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
