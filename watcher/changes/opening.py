"""The past of a daemon: opened, driven and closed."""

from watcher.changes.recorder import ChangeRecorder
from watcher.changes.store import ChangeStore
from watcher.config.settings import Settings
from watcher.engine.engine import Engine
from watcher.scheduling.schedule import Schedule


class Changes:
    """What records and what keeps."""

    def __init__(self, recorder: ChangeRecorder, store: ChangeStore) -> None:
        self.recorder, self.store = recorder, store

    def start(self, schedule: Schedule) -> None:
        """Record from now on; nothing waits for the disk."""
        schedule.every(ChangeRecorder.EVERY, self.recorder.tick, "changes")
        schedule.every(ChangeStore.BEAT_EVERY, self.store.beat, "past")

    async def close(self) -> None:
        """Keep what turned until now."""
        await self.recorder.tick()
        await self.store.close()


def open_changes(settings: Settings, engine: Engine) -> Changes:
    """All that turns on the board of this engine."""
    store = ChangeStore(settings.changes, settings.state_dir, engine.own_metrics, engine.clock.wall)
    recorder = ChangeRecorder(engine.board, engine.clock, store)
    engine.on_gone.append(recorder.hear_gone)
    return Changes(recorder, store)
