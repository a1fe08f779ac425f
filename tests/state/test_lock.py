"""One process for one state directory."""

import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.daemon import run_daemon, write_config
from watcher.state.lock import StateDirError, lock_state_dir


def test_a_directory_is_locked_once_and_free_again_when_the_lock_is_closed(tmp_path: Path) -> None:
    state_dir = tmp_path / "deep" / "state"
    first = lock_state_dir(state_dir)
    assert first is not None
    with pytest.raises(StateDirError) as error:
        lock_state_dir(state_dir)
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert str(error.value) == f"{state_dir} is in use by another watcher ({holder})"
    first.close()
    again = lock_state_dir(state_dir)
    assert again is not None
    again.close()


def test_a_directory_that_cannot_be_locked_is_told_and_no_reason_not_to_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        assert lock_state_dir(tmp_path / "file" / "state") is None
    assert [each.message for each in caplog.records] == ["cannot lock state_dir"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateDirError, match="file is not a directory"):
        lock_state_dir(tmp_path / "file")


def test_the_second_daemon_on_a_directory_is_refused_with_one_line_and_a_killed_one_leaves_it_free(
    tmp_path: Path,
) -> None:
    state_dir = tmp_path / "state"
    config = {"state_dir": str(state_dir)}
    with run_daemon(tmp_path, config) as first:
        other = tmp_path / "other"
        other.mkdir()
        file = write_config(other, config | {"server": {"port": 0}})
        command = [sys.executable, "-m", "watcher", "run", "--config", str(file)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        holder = f"process {first.process.pid} on {socket.gethostname()}"
        said = f"{file}: state_dir: {state_dir} is in use by another watcher ({holder})"
        assert ended.returncode == 2
        assert ended.stderr.splitlines() == [said]
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        with run_daemon(other, config) as second:
            assert second.get("/livez").status_code == 200
