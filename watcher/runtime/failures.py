"""What fails again and again is logged once in full, and then with a count: at each look it would fill a disk."""

import logging
import sys
from collections import Counter


class FailuresLogger:
    """Failures by where they were raised, whoever's fault it was: there are as many as lines that raise."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._seen: Counter[object] = Counter()

    def exception(self, message: str, **facts: str) -> None:
        """Of what is handled: log the first with its traceback, then the tenth, the hundredth, ... with a count."""
        error = sys.exception()
        if (count := self._count(message, error)) == 1:
            self._log.error(message, exc_info=error, extra=facts)
        else:
            self._told(logging.ERROR, message, error, count, facts)

    def warning(self, message: str, **facts: str) -> None:
        """The same for what is no fault of ours: a line without a traceback."""
        error = sys.exception()
        self._told(logging.WARNING, message, error, self._count(message, error), facts)

    def _count(self, message: str, error: BaseException | None) -> int:
        key = _place(message, error)
        self._seen[key] += 1
        return self._seen[key]

    def _told(self, level: int, message: str, error: BaseException | None, count: int, facts: dict[str, str]) -> None:
        if str(count).strip("0") == "1":
            said = f"{type(error).__name__}: {error}"[:200]
            self._log.log(level, message, extra={**facts, "error": said, "failures": count})


def _place(message: str, error: BaseException | None) -> object:
    frame = error.__traceback__ if error is not None else None
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return message, type(error), frame and (frame.tb_frame.f_code, frame.tb_lineno)
