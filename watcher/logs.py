"""How do log lines reach stderr? Whole, one a record, whatever is in them, and without holding up the event loop."""

import contextlib
import json
import logging
import math
import queue
import sys
import threading
from datetime import UTC, datetime
from typing import Literal, TextIO

from watcher.text.printable import printable

LogFormat = Literal["json", "text"]

_OURS = ("watcher", "probes")
_MAX_TEXT = 8192
_MAX_LINES = 10_000
_LAST_WORDS = 1.0
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def setup_logs(log_format: LogFormat) -> None:
    """Log to stderr from now on: our own parts from INFO, those of libraries and Python's warnings from WARNING."""
    handler = LineHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts (RFC 3339), level, logger, msg, the fields given as `extra`, exception."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "ts": _at(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage()[:_MAX_TEXT],
        }
        fields = {**fields, **_extra(record), **fields}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)[-_MAX_TEXT:]
        return json.dumps(fields)


class TextFormatter(logging.Formatter):
    """Time, level, logger, sentence, `key=value`; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        extra = "".join(f"  {key}={value}" for key, value in _extra(record).items())
        at = f"{_at(record).astimezone():%H:%M:%S}"
        line = printable(f"{at} {record.levelname:<8} {record.name}: {record.getMessage()[:_MAX_TEXT]}{extra}")
        trace = self.formatException(record.exc_info)[-_MAX_TEXT:].split("\n") if record.exc_info else []
        return "\n".join([line, *(f"    {printable(each)}" for each in trace)])


class LineHandler(logging.Handler):
    """Writes in a thread of its own: whoever reads stderr may stall, the daemon must not.

    Lines that wait are capped; how many had to be left out is said as soon as one is written again.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_MAX_LINES)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, name="log", daemon=True)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record; never raises, never waits."""
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001  the boundary: what is logged must not break who logs
            line = self._own_line(f"a log record of {record.name} could not be formatted: {type(error).__name__}")
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, for two seconds at most."""
        super().close()
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=_LAST_WORDS)
            self._writer.join(_LAST_WORDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            self._put_out(line)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                self._put_out(self._own_line(f"{dropped} log lines were left out: nobody read them"))

    def _put_out(self, line: str) -> None:
        # A stderr that is gone is no reason to stop watching, and there is nowhere to say so.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    def _own_line(self, sentence: str) -> str:
        return self.format(logging.LogRecord(__name__, logging.WARNING, __file__, 0, sentence, None, None))


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: _plain(value) for key, value in vars(record).items() if key not in _STANDARD}


def _plain(value: object) -> object:
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)[:_MAX_TEXT]
