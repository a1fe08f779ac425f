"""Changes as tests want them, and a store of them."""

from pathlib import Path

from probes.contract import Bytes
from tests.engine.toy import PAGES, TOY
from watcher.changes.change import Change, Kind
from watcher.changes.store import ChangeStore
from watcher.config.changes import ChangesSettings
from watcher.metrics.families import CHANGES, PREFIX
from watcher.metrics.own import OwnMetrics

NOW = 1_790_000_000.0


def change(at: float = NOW, pod: str = "pod-0", name: str = "Fire", **parts: object) -> Change:
    """One, of an agent that caught fire."""
    given: dict[str, object] = {
        "namespace": "prod",
        "agent": "search",
        "kind": Kind.CONDITION.value,
        "subject": "",
        "before": "false",
        "after": "true",
        "reason": name,
        "message": "It burns.",
        "lasted": 60.0,
    }
    return Change(at=at, pod=pod, name=name, **given | parts)  # type: ignore[arg-type]  # parts by name


class Store(ChangeStore):
    """One whose time is what a test says."""

    def __init__(self, state_dir: Path | None = None, *, keep: float = 86400.0, max_bytes: Bytes = 8 << 20) -> None:
        self.now = NOW
        self.own_metrics = OwnMetrics([TOY], [PAGES.name])
        settings = ChangesSettings.model_construct(keep=keep, max_bytes=max_bytes)
        super().__init__(settings, state_dir, self.own_metrics, self._now)

    def _now(self) -> float:
        return self.now

    def count(self, result: str) -> float | None:
        """What the counter says."""
        return self.own_metrics.registry.get_sample_value(PREFIX + CHANGES.name, {"result": result})
