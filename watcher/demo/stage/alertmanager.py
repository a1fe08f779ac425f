"""Alertmanager as far as the watcher asks it: the shipped configuration, and counters of what came of notifications."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from watcher.alerting.files import ALERT_FILES
from watcher.demo.stage.server import Answer

_PAGER = "pagerduty"
"""The integration of the receiver of critical alerts."""

_SENT, _TRIED = 12, 8
"""Test pages that were sent before the demo began, and those that fail once the secret is gone."""


class StagedAlertmanager:
    """Pages are sent while the file with the pager's key is there; once it is gone, they fail."""

    def __init__(self, home: Path) -> None:
        """`home`: the directory of its configuration, and of the key."""
        self.secret, self._config = home / "pagerduty-key", home / "alertmanager.yaml"
        self._started, self._failed = time.time(), 0

    def load(self) -> None:
        """Put the shipped configuration there, and a key."""
        self._config.parent.mkdir()
        shutil.copyfile(ALERT_FILES / "alertmanager" / "alertmanager.yaml", self._config)
        self.secret.write_text("not a key of anybody\n")

    def answer(self, path: str, _: Mapping[str, str], /) -> Answer | None:
        """Of its HTTP API, and its metrics page."""
        if path == "/api/v2/status":
            config = self._config.read_text(encoding="utf-8")
            said = {"config": {"original": config}, "cluster": {"status": "ready", "peers": []}}
            return Answer(json.dumps(said).encode())
        return Answer(self._page().encode()) if path == "/metrics" else None

    def _page(self) -> str:
        if not self.secret.exists():
            self._failed = _TRIED
        of = f'{{integration="{_PAGER}"}}'
        return (
            f"process_start_time_seconds {self._started!r}\n"
            f"alertmanager_notifications_total{of} {_SENT + self._failed}\n"
            f"alertmanager_notifications_failed_total{of} {self._failed}\n"
            f"alertmanager_notification_requests_total{of} {_SENT + self._failed}\n"
            f"alertmanager_notification_requests_failed_total{of} {self._failed}\n"
        )
