"""Does the API server tell us of one collection of objects, and if not, since when and why?"""

import asyncio
import logging
from collections.abc import Callable, Mapping

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
        self.tried = asyncio.Event()  # set once it was listed, or could not be

    def answered(self) -> None:
        """The API server answered."""
        self.last_success = self.now()
        if self.why:
            log.info("discovery recovered", extra=self._log_fields)
        self.failing_since, self.why = None, ""

    def failed(self, why: str) -> None:
        """It does not; what was found stays."""
        if self.failing_since is None:
            self.failing_since = self.now()
        if why != self.why:
            log.warning("discovery failing", extra={**self._log_fields, "why": why})
        self.why = why
        self.tried.set()

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
