import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.logs import JsonFormatter, LineHandler, TextFormatter


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def record(message: object, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("watcher.daemon").makeRecord(
        "watcher.daemon", logging.WARNING, __file__, 1, message, arguments, None, extra=extra
    )


def fail(message: str) -> None:
    raise LookupError(message)


def failed(message: str) -> logging.LogRecord:
    try:
        fail(message)
    except LookupError:
        it = record("it failed")
        it.exc_info = sys.exc_info()
    return it


def as_json(it: logging.LogRecord) -> dict[str, object]:
    line = JsonFormatter().format(it)
    assert "\n" not in line
    fields = json.loads(line)
    assert isinstance(fields, dict)
    return fields


def test_a_json_line_has_time_level_logger_message_and_the_extra_fields() -> None:
    fields = as_json(record("looked at %s", "search", targets=3, ratio=0.5, isolated=False, node=None))
    at = datetime.fromisoformat(str(fields.pop("ts")))
    assert at.utcoffset() == timedelta(0)
    assert fields == {
        "level": "warning",
        "logger": "watcher.daemon",
        "msg": "looked at search",
        "targets": 3,
        "ratio": 0.5,
        "isolated": False,
        "node": None,
    }


def test_an_exception_is_one_field() -> None:
    exception = as_json(failed("a thing"))["exception"]
    assert str(exception).startswith("Traceback")
    assert str(exception).endswith("LookupError: a thing")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {"a": {1}}, b"\xff", [float("nan")]])
def test_what_json_cannot_hold_is_text(value: object) -> None:
    assert as_json(record("m", value=value))["value"] == str(value)


def test_extra_fields_cannot_pose_as_ours() -> None:
    fields = as_json(record("m", ts="never", level="info", logger="other"))
    assert (fields["level"], fields["logger"]) == ("warning", "watcher.daemon")
    assert fields["ts"] != "never"


def test_long_texts_are_cut() -> None:
    assert len(JsonFormatter().format(record("m" * 10**6, value="v" * 10**6))) < 20_000
    assert len(TextFormatter().format(record("m" * 10**6, value="v" * 10**6))) < 20_000
    assert len(TextFormatter().format(failed("m" * 10**6))) < 20_000


def test_a_text_line_is_for_people() -> None:
    line = TextFormatter().format(record("looked", targets=3))
    assert line[8:] == " WARNING  watcher.daemon: looked  targets=3"


def test_a_traceback_is_indented_so_that_nothing_in_it_looks_like_a_line_of_ours() -> None:
    lines = TextFormatter().format(failed("a\n12:00:00 INFO watcher: all is well\x1b[2J")).split("\n")
    assert len(lines) > 3
    assert all(line.startswith("    ") and line.isprintable() for line in lines[1:])


@given(st.text(st.characters()), st.text(st.characters()))
def test_nothing_from_outside_forges_a_line_or_steers_a_terminal(message: str, value: str) -> None:
    text = TextFormatter().format(record("%s", message, value=value))
    assert text.isprintable()
    assert len(text.splitlines()) == 1
    fields = as_json(record("%s", message, value=value))
    assert (fields["msg"], fields["value"]) == (message, value)


@pytest.mark.parametrize(
    "it", [record("%d", "x"), record("%s %s", "x"), record(Unprintable()), record("m", it=Unprintable())]
)
def test_a_record_that_cannot_be_formatted_is_said_and_does_not_raise(it: logging.LogRecord) -> None:
    stream = io.StringIO()
    handler = LineHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.handle(it)
    handler.close()
    assert json.loads(stream.getvalue())["msg"].startswith("a log record of watcher.daemon could not be formatted:")


@pytest.fixture
def stalled() -> Iterator[tuple[LineHandler, int]]:
    """A handler whose reader does not read, and the reader's end of the pipe."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        handler = LineHandler(stream)
        handler.setFormatter(JsonFormatter())
        yield handler, reader
        drain = threading.Thread(
            target=lambda: [None for _ in iter(lambda: os.read(reader, 1 << 20), b"")], daemon=True
        )
        drain.start()
        handler.close()
    drain.join(5)
    os.close(reader)


def test_a_reader_of_stderr_that_stalls_does_not_stall_who_logs(stalled: tuple[LineHandler, int]) -> None:
    handler, reader = stalled
    began = time.thread_time()
    for _ in range(12_000):
        handler.handle(record("m" * 100))
    assert time.thread_time() - began < 5
    left_out = b""
    while b"log lines were left out: nobody read them" not in left_out:
        left_out = left_out[-100:] + os.read(reader, 1 << 16)
        handler.handle(record("still here"))


def test_a_stderr_that_is_closed_is_no_reason_to_stop() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream)
    handler.setFormatter(JsonFormatter())
    stream.close()
    handler.handle(record("m"))
    handler.close()


SETUP = "import logging, warnings\nfrom watcher.logs import setup_logs\nsetup_logs('json')\n"


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("logging.getLogger('watcher.daemon').info('m')", ["m"]),
        ("logging.getLogger('probes.opa').info('m')", ["m"]),
        ("logging.getLogger('httpx').info('m')", []),
        ("logging.getLogger('apscheduler.scheduler').info('m')", []),
        ("logging.getLogger('uvicorn.error').warning('m')", ["m"]),
        ("setup_logs('json'); logging.getLogger('watcher').info('m')", ["m"]),
        ("raise SystemExit(logging.getLogger('watcher').info('m'))", ["m"]),
    ],
)
def test_we_log_from_info_and_libraries_from_warning(said: str, logged: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", SETUP + said], capture_output=True, text=True, check=True, timeout=60)
    assert [json.loads(line)["msg"] for line in done.stderr.splitlines()] == logged


def test_pythons_own_warnings_are_log_lines_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SETUP + "warnings.warn('mind this')"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    line = json.loads(done.stderr)
    assert line["logger"] == "py.warnings"
    assert "mind this" in line["msg"]
