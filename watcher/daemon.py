"""The daemon: engine, poll loops, HTTP server and state file, wired; started, reloaded and ended together."""

import asyncio
import logging
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

from probes import load_probes
from probes.contract.address import join_host_port
from watcher.alerting.drill_schedule import Drills, Plan
from watcher.changes.opening import open_changes
from watcher.checklist.live.on_off import OnOffChecklist
from watcher.config.file import ConfigError
from watcher.config.settings import Settings
from watcher.engine.engine import Engine
from watcher.events.recorder import Events, open_events
from watcher.health import Health
from watcher.rollouts.opening import OnOffRollouts
from watcher.rollouts.seen.cluster import AgentPods
from watcher.runtime.clock import boot_id, system_clock
from watcher.runtime.gc_tuning import GCTuning
from watcher.runtime.shutdown import end_in_steps, leave
from watcher.scheduling.poll_loops import PollLoops
from watcher.scheduling.schedule import Schedule
from watcher.standby.election import open_election
from watcher.state.file import read_scale
from watcher.state.writer import StateWriter
from watcher.targets import TargetSet, TargetSync
from watcher.web.server import open_server
from watcher.web.serving.access import Access

log = logging.getLogger(__name__)

_BEAT, _FIRST_IDENTITY = 0.05, 3.0
_THREADS = 32  # for files: a dozen writes may wait on a disk that hangs, and a token is read all the same

Reload = Callable[[], Awaitable[Settings]]


class Daemon:
    """Runs until it is stopped."""

    def __init__(
        self, settings: Settings, reload: Reload, first_drill: float = Drills.FIRST, simulated: AgentPods | None = None
    ) -> None:
        """`first_drill`: seconds from the start to the first drill; `simulated`: pods in place of a cluster's."""
        self.engine = Engine(settings, load_probes(), system_clock(boot_id(), read_scale(settings.state_dir)))
        self._reload, self._reloading, self._reload_asked = reload, asyncio.Lock(), False
        self._reload_task: asyncio.Task[None] | None = None
        self._schedule, self._stop = Schedule(), asyncio.Event()
        self._poll_loops = PollLoops(self.engine, self._schedule)
        self._state_writer = StateWriter(self.engine, settings.state_dir)
        self._target_set = TargetSet(settings, self.engine.own_metrics, self.engine.clock)
        self._target_sync = TargetSync(self._target_set, self.engine, self._poll_loops)
        self._access = Access(settings.server, self.engine.descriptors.readers)
        self._checklist = OnOffChecklist(settings, self.engine, self._target_set, lambda: not self._target_sync.unready)
        self._changes = open_changes(settings, self.engine)
        self._checklist.tell_changes(self._changes.recorder.hear)
        self.rollouts = OnOffRollouts(settings, self.engine, self._target_set, self._checklist, simulated)
        past, kept = self._changes.store, (self._checklist, self.rollouts)
        beside = lambda: self._access.trouble, lambda: past.trouble or kept[0].unwritable or kept[1].unwritable
        self._health = Health(self.engine, self._state_writer, self._target_set, *beside)
        self._events = open_events(settings, self.engine, self._target_set, self.rollouts.view)
        self._drills = Drills(self._schedule, self.engine.own_metrics, self.engine.clock.steady, first_drill)
        self._election = open_election(settings.standby, self.engine.role, self._follow_role)
        self._gc_tuning = GCTuning(asyncio.get_running_loop())
        self._failure: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, listener: socket.socket, health_listener: socket.socket | None = None) -> None:
        """Look, serve and keep state until SIGTERM or SIGINT; SIGHUP reloads the config."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_THREADS, "aside"))  # by itself it has few on few cores
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._ask_for_reload)
        unready, refresh = lambda: self._target_sync.unready, self._health.refresh
        shown = self._access, self._target_set, self._checklist.view, self._changes.store, self.rollouts.view
        server = open_server(self.engine, self._poll_loops, unready, refresh, *shown)
        try:
            self._spawn(server.serve(listener, health_listener))
            log.info("serving", extra={"address": join_host_port(*listener.getsockname()[:2])})
            await self._start()
            await self._stop.wait()
            log.info("shutting down")
        finally:
            server.stop()
            if not await self._end():
                leave(self._failure or sys.exception())
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End cleanly, within some seconds."""
        self._stop.set()

    def _ask_for_reload(self) -> None:
        self._reload_asked = True
        if self._reload_task is None or self._reload_task.done():
            self._reload_task = self._spawn(self._reload_while_asked())

    async def _reload_while_asked(self) -> None:
        while self._reload_asked:  # anew, if asked meanwhile: the file may have changed since it was read
            await self.reload()

    async def reload(self) -> None:
        """Reload the config; a bad one is rejected and the previous one kept."""
        async with self._reloading:
            self._reload_asked = False
            try:
                settings = await self._reload()
            except ConfigError as error:
                log.warning("config reload rejected, keeping the previous one", extra={"errors": len(error.mistakes)})
                self._health.reject_config(error.mistakes)
                return
            await self._access.adopt(settings.server)
            settings = self._with_what_stays(settings)
            for name, replaced in self.engine.adopt(settings).items():
                await self._target_sync.restart(name)
                await replaced.close()
            self._follow_role()
            self._target_set.adopt(settings)
            self._checklist.adopt(settings)
            self.rollouts.adopt(settings)
            self._changes.store.adopt(settings.changes)
            await self._target_sync.replace({})
            self._health.take_config()
            self._gc_tuning.freeze()
            log.info("config reloaded", extra={"targets": len(self.engine.board.states)})

    def _with_what_stays(self, settings: Settings) -> Settings:
        before = self.engine.settings
        for name in ("state_dir", "identity", "kubernetes", "shard", "standby"):
            if getattr(settings, name) != getattr(before, name):
                log.warning("config section changed, restart required", extra={"section": name})
        settings = replace(
            settings, server=settings.server.at(before.server), state_dir=before.state_dir, identity=before.identity
        )
        return replace(settings, kubernetes=before.kubernetes, shard=before.shard, standby=before.standby)

    async def _start(self) -> None:
        async with self._reloading:
            await self._discover_first()
        self._poll_loops.start()
        self._schedule.every(5.0, self._housekeeping, "housekeeping")
        if self._state_writer.writes:
            self._schedule.every(self._state_writer.EVERY, self._state_writer.write, "state")
            self._schedule.every(self._state_writer.EVERY, self._target_set.remember, "discovery")
        self._follow_role()
        if self._events is not None:
            self._schedule.every(Events.EVERY, self._events.tick, "events")
        self._changes.start(self._schedule)
        await self._checklist.start(self._schedule)
        await self.rollouts.start(self._schedule)
        self._schedule.start()
        self._spawn(self._beat())
        if self._election is not None:  # not before something is known that could be told
            self._spawn(self._election.run())
        log.info("watching", extra={"targets": len(self.engine.board.states)})

    async def _discover_first(self) -> None:
        await self.engine.identity.start()
        await self.engine.identity.wait_first(_FIRST_IDENTITY)
        restored = self._state_writer.restore()
        await self._unless_stopped(self._target_set.start())
        await self._target_sync.replace(restored)
        self._spawn(self._target_sync.follow(restored))
        self._health.take_config()

    async def _unless_stopped(self, job: Coroutine[Any, Any, None]) -> None:
        first, stop = asyncio.create_task(job), asyncio.create_task(self._stop.wait())
        await asyncio.wait((first, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not first.done():
            first.cancel()
        with suppress(asyncio.CancelledError):
            await first

    def _follow_role(self) -> None:
        self._drills.follow(Plan.of(self.engine.settings) if self.engine.role.active else None)

    async def _end(self) -> bool:
        """Whether each step of the shutdown came to its end."""
        given_back = asyncio.create_task(self._election.close()) if self._election else None
        last = (
            ("reload", self._end_reload()),
            ("schedule", self._end_schedule()),
            ("drill", self._drills.close()),
            ("looks", self._poll_loops.drain()),
            ("state", self._state_writer.write_last()),
            ("rollouts", self.rollouts.close()),
            ("checklist", self._checklist.close()),
            ("changes", self._changes.close()),
            ("discovery", self._target_set.close()),
            ("close", self.engine.close()),
            *([("lease", given_back)] if given_back else ()),
        )
        ended, failure = await end_in_steps(last)
        self._failure = self._failure or failure
        await self._join()
        return ended

    async def _end_reload(self) -> None:
        """One under way would change what ends."""
        if self._reload_task is not None:
            self._reload_task.cancel()
            await asyncio.gather(self._reload_task, return_exceptions=True)

    async def _end_schedule(self) -> None:
        self._schedule.shutdown()

    async def _housekeeping(self) -> None:
        self._health.refresh()
        self._gc_tuning.collect_if_grown()

    async def _beat(self) -> None:
        while not self._stop.is_set():
            self.engine.fleet.lag.sleeps(time.monotonic() + _BEAT)
            await asyncio.sleep(_BEAT)
            self.engine.fleet.lag.woke()
            self._schedule.follow_clock()
            if self.engine.clock_watch.beat() or self.engine.overload.turned():
                self._health.refresh()
            if self._poll_loops.check_first_round():
                self._gc_tuning.freeze()

    def _spawn(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()  # the others may be of the shutdown's own making
            log.critical("component failed, shutting down", exc_info=task.exception())
            self.stop()

    async def _join(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
