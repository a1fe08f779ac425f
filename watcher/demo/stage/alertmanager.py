"""Alertmanager as far as the watcher asks it: the shipped configuration, and counters of what came of notifications."""

import json
import time
from collections.abc import Mapping

from watcher.alerting.files import ALERT_FILES
from watcher.demo.stage.server import Answer

_PAGER = "pagerduty"
"""The integration of the receiver of critical alerts."""

_SENT, _TRIED = 12, 8
"""Test pages that were sent before the demo began, and that are tried once a secret is gone."""


class StagedAlertmanager:
    """Its receiver of critical alerts may lose its secret: notifications fail from then on."""

    def __init__(self) -> None:
        """All that was sent arrived."""
        self._started, self._failed = time.time(), 0

    def lose_secret(self) -> None:
        """The file with the pager's key is gone, and somebody was to be told."""
        self._failed += _TRIED

    def answer(self, path: str, _: Mapping[str, str], /) -> Answer | None:
        """Of its HTTP API, and its metrics page."""
        if path == "/api/v2/status":
            config = (ALERT_FILES / "alertmanager" / "alertmanager.yaml").read_text(encoding="utf-8")
            said = {"config": {"original": config}, "cluster": {"status": "ready", "peers": []}}
            return Answer(json.dumps(said).encode())
        return Answer(self._page().encode()) if path == "/metrics" else None

    def _page(self) -> str:
        of = f'{{integration="{_PAGER}"}}'
        return (
            f"process_start_time_seconds {self._started!r}\n"
            f"alertmanager_notifications_total{of} {_SENT + self._failed}\n"
            f"alertmanager_notifications_failed_total{of} {self._failed}\n"
            f"alertmanager_notification_requests_total{of} {_SENT + self._failed}\n"
            f"alertmanager_notification_requests_failed_total{of} {self._failed}\n"
        )
