"""Does the API server tell us of one collection of objects, and if not, since when and why?"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from watcher.kube.errors import RefusedError, is_denial, is_outage

log = logging.getLogger(__name__)

STALE_AFTER = 10.0
"""Seconds of silence that are no trouble yet, where it has answered before."""


class Reachability:
    """What is known of the calls of one list and watch."""

    def __init__(self, what: str, log_fields: Mapping[str, str], now: Callable[[], float]) -> None:
        self._what, self._log_fields, self.now = what, log_fields, now
        self.last_success: float | None = None  # steady seconds
        self.failing_since: float | None = None  # steady seconds
        self.why = ""
        self.denied = False  # it said once that we may not ask (401, 403)
        self._outage, self._code = False, 0  # of the newest failure: whether it says nothing of us; of HTTP, 0: none
        self.tried = asyncio.Event()  # set once it was listed, or could not be

    def answered(self) -> None:
        """The API server answered."""
        self.last_success = self.now()
        if self.why:
            log.info("discovery recovered", extra=self._log_fields)
        self.failing_since, self.why = None, ""

    def failed(self, why: str, error: Exception) -> None:
        """It does not, for this reason (a sentence) and by this error; what was found stays."""
        self.denied |= is_denial(error)
        self._outage = is_outage(error)
        self._code = error.code if isinstance(error, RefusedError) else 0
        if self.failing_since is None:
            self.failing_since = self.now()
        if why != self.why:
            log.warning("discovery failing", extra={**self._log_fields, "why": why})
        self.why = why
        self.tried.set()

    @property
    def refused(self) -> bool:
        """Whether it says right now that we may not ask (401, 403)."""
        return bool(self.why) and self._code in (401, 403)

    @property
    def excuses_cache(self) -> bool:
        """Whether what an earlier process found may stand for the first answer: until it comes or is denied."""
        return self._outage and not self.denied

    @property
    def unanswered(self) -> str:
        """Why there was no answer yet, in words that anybody may read; empty where there was one."""
        if self.last_success is not None:
            return ""
        said = "has not answered yet" if self.failing_since is None else "cannot be asked"
        return f"{self._what}: the API server {f'answers {self._code}' if self._code else said}"

    @property
    def failure(self) -> str:
        """Why it does not right now; empty where it does."""
        return f"{self._what}: {self.why}" if self.why else ""

    @property
    def trouble(self) -> str:
        """The same, but only where it lasts, or it never answered."""
        if self.failing_since is None:
            return ""
        lasts = self.last_success is None or self.now() - self.failing_since > STALE_AFTER
        return f"{self._what}: {self.why}" if lasts else ""
