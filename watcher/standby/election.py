"""Keeps the role of this process by a Lease of Kubernetes (coordination.k8s.io/v1), for as long as it runs."""

import asyncio
import logging
import random
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx

from watcher.config.replicas import Standby
from watcher.kube.access import Access
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words
from watcher.kube.objects import MALFORMED_OBJECT, Raw
from watcher.kube.requests import answered_within, get_object, send_object
from watcher.runtime.role import Role
from watcher.standby.candidate import DURATION, LONGEST, RETRY, Candidate, Record, Step
from watcher.text.timestamps import micro_time

log = logging.getLogger(__name__)

_LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
_ANSWER = 3.0
_RELEASE = 2.0
_MOST = 2 * 2**20
_FAILURES = (AccessError, RefusedError, GoneError, httpx.HTTPError, OSError, TimeoutError)
_NO_LEASE = (*MALFORMED_OBJECT, RecursionError)


class Election:
    """Takes the lease when it can be had, renews it, and yields to whoever else is read to hold it."""

    def __init__(
        self,
        settings: Standby,
        me: str,
        role: Role,
        changed: Callable[[], None],
        monotonic: Callable[[], float],
        uniform: Callable[[float, float], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._access = Access(settings.kubeconfig)  # its own: the watches of pods must not hold it up
        self._leases, self._name = _LEASES.format(settings.namespace), settings.lease
        self._candidate = Candidate(me)
        self._role, self._changed = role, changed
        self._kind = ""  # of the trouble that was told last
        self._monotonic, self._uniform, self._sleep = monotonic, uniform, sleep
        self._running: asyncio.Task[Any] | None = None

    async def run(self) -> None:
        """Keep the role right until `close`; whatever goes wrong, the role stays as it is and it is tried again."""
        self._running = asyncio.current_task()
        self._confirm(self._monotonic())
        while True:
            try:
                await self._once()
            except _FAILURES as error:
                said = in_words(error)
                self._failed(said, said if isinstance(error, RefusedError) else type(error).__name__)
                await self._renew_access(error)
            except _NO_LEASE as error:
                self._failed(f"the answer is no Lease: {error!r}"[:300], "no Lease")
            self._follow()
            await self._sleep(RETRY * self._uniform(0.7, 1.0))

    async def close(self) -> None:
        """Lead no more, and give the lease back, so that the other need not wait; takes about two seconds at most.

        `changed` is not called: who closes knows.
        """
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._role.active = False
        if self._candidate.resign():
            try:
                async with answered_within(_RELEASE):
                    await self._release()
            except (*_FAILURES, *_NO_LEASE) as error:
                log.warning("cannot release lease", extra={"why": in_words(error)})
        await self._access.close()

    async def _once(self) -> None:
        raw, step = await self._look()
        if step is not Step.WAIT and not await self._write(raw, step):
            await self._look()  # at once: who was quicker may be another leader
        if self._role.trouble:
            log.info("lease can be acquired again")
            self._role.trouble = self._kind = ""

    def _confirm(self, since: float) -> None:
        """Who leads was known at `since` (monotonic seconds), and is for as long as a lease stands."""
        self._role.confirmed_until = since + DURATION

    async def _look(self) -> tuple[Raw | None, Step]:
        asked = self._monotonic()
        raw = await self._get()
        record = _record(raw) if raw is not None else None
        step = self._candidate.read(record, self._monotonic())
        self._role.holder = record.holder if record is not None else ""
        if step is Step.WAIT:  # who could hold it knows only once it is written
            self._confirm(asked)
        return raw, step

    async def _get(self) -> Raw | None:
        try:
            return await get_object(self._access, f"{self._leases}/{self._name}", _ANSWER, _MOST)
        except RefusedError as error:
            if error.code == 404:
                return None
            raise

    async def _write(self, raw: Raw | None, step: Step) -> bool:
        """Whether it was written; False: somebody was quicker."""
        me, now = self._candidate.me, micro_time(time.time())
        before = (raw or {}).get("spec") or {}
        spec = {**before, "holderIdentity": me, "leaseDurationSeconds": int(DURATION), "renewTime": now}
        if step is Step.TAKE:
            spec |= {"acquireTime": now, "leaseTransitions": int(before.get("leaseTransitions") or 0) + 1}
        asked = self._monotonic()
        try:
            written = await self._send(raw, spec)
        except RefusedError as error:
            if error.code == 409:
                return False
            raise
        self._confirm(asked)
        self._candidate.wrote(str(written["metadata"]["resourceVersion"]), self._monotonic())
        self._role.holder = me
        return True

    async def _send(self, raw: Raw | None, spec: Mapping[str, Any]) -> Raw:
        if raw is None:
            head = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}}
            return await send_object(self._access, "POST", self._leases, {**head, "spec": spec}, _ANSWER, _MOST)
        # With the version that was read: who was quicker wins.
        path = f"{self._leases}/{self._name}"
        return await send_object(self._access, "PUT", path, {**raw, "spec": spec}, _ANSWER, _MOST)

    async def _release(self) -> None:
        raw = await self._get()
        if raw is not None and _record(raw).holder == self._candidate.me:
            spec = {
                **raw["spec"],
                "holderIdentity": "",
                "leaseDurationSeconds": 1,
                "renewTime": micro_time(time.time()),
            }
            await self._send(raw, spec)
            log.info("released lease")

    def _follow(self) -> None:
        if self._role.active != self._candidate.active:
            self._role.active = self._candidate.active
            event = "became leader" if self._role.active else "lost leadership, now on standby"
            log.info(event, extra={"lease": self._name, "holder": self._role.holder})
            self._changed()

    def _failed(self, why: str, kind: str) -> None:
        """Each kind of trouble is told once: of a connection that fails each attempt may have other words."""
        if kind != self._kind:
            log.warning("cannot acquire lease", extra={"lease": self._name, "why": why})
            self._role.trouble, self._kind = why, kind

    async def _renew_access(self, error: Exception) -> None:
        refused = isinstance(error, RefusedError) and error.code == 401
        if refused or isinstance(error, httpx.ConnectError):
            with suppress(AccessError):  # the next call says so
                await self._access.renew()


def open_election(settings: Standby | None, role: Role, changed: Callable[[], None]) -> Election | None:
    """The election that the config asks for; `changed` is called after the role is another."""
    if settings is None:
        return None
    # A restarted container has the host name of the one before.
    me = f"{socket.gethostname()}_{secrets.token_hex(4)}"
    return Election(settings, me, role, changed, time.monotonic, random.uniform, asyncio.sleep)


def _record(raw: Raw) -> Record:
    spec = raw.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    duration = min(float(seconds), LONGEST) if isinstance(seconds, int) and seconds > 0 else DURATION
    return Record(str(raw["metadata"]["resourceVersion"]), str(spec.get("holderIdentity") or "")[:300], duration)
