"""One connection of a reader: uvicorn's, with limits that it lacks."""

import asyncio
from collections import deque
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from probes.sources.tls.metered import OverspentError
from watcher.web.serving.admission import Admission, Guest

ASKED_WITHIN, ANSWERED_WITHIN, TAKEN_WITHIN = 10.0, 60.0, 10.0
"""Seconds for a whole request, for its whole answer, and for a reader to take what is buffered for it."""

_MAX_REQUEST_BYTES = 1 << 14
"""Of a request with all its headers, and of those sent ahead."""

_MOST_AHEAD = 8
"""Requests sent before the first of them is answered: 100 us each in the turn that hears them. Hardly anybody does."""

_MOST_RECORDS, _MOST_ON_WIRE = 64, 1 << 17
"""Of TLS, and their bytes, for a handshake or a request: none need show as a request, and each costs 30 us."""


class _TooManyAheadError(Exception):
    """Ends the reading of what was sent, in the middle of it."""


class Connection(HttpToolsProtocol):
    """Ends by itself where a caller is slow to ask, slow to read or says too much; can be cut for another."""

    def __init__(self, admission: Admission, arriving: Guest, **given: Any) -> None:
        """`arriving` stands for it until the connection is made; `given` is what uvicorn's own takes."""
        super().__init__(**given)
        self._admission, self._arriving = admission, arriving
        self._deadline: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._received = self._records = self._on_wire = 0
        self._unanswered: deque[RequestResponseCycle] = deque()
        self.lost = False
        self.answer: asyncio.Task[Any] | None = None  # what makes the answer now

    @property
    def has_client_certificate(self) -> bool:
        """Whether the caller showed one; one that does not verify ends the handshake."""
        return bool(self.transport.get_extra_info("peercert"))

    def cut(self) -> None:
        """End it at once, whatever is still to be sent."""
        self._lose()
        self.transport.abort()  # which takes no more from now on, and says only later that it is closed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._admission.replaced(self._arriving, self)
        if self.scheme == "https":  # without TLS a whole request is there
            self._admission.waits(self)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._within(ASKED_WITHIN)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > _MAX_REQUEST_BYTES:
            self.cut()
        else:
            super().data_received(data)

    def arrives(self, records: int, size: int) -> None:
        """TLS records, before they are read; OverspentError where there are too many for what was asked."""
        self._records += records
        self._on_wire += size
        if self._records > _MOST_RECORDS or self._on_wire > _MOST_ON_WIRE:
            raise OverspentError(f"more than {_MOST_RECORDS} TLS records or {_MOST_ON_WIRE} bytes for one request")

    def took(self, cpu: float) -> None:
        """What so many records cost is little."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["connection"] = self

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._unanswered.append(self.cycle)
        if len(self._unanswered) > _MOST_AHEAD:
            self.cut()
            raise _TooManyAheadError
        if len(self._unanswered) > 1:
            self._admission.asked_ahead(self)
        if self.parser.should_upgrade():  # nobody here speaks another protocol, and the parser reads on in none
            self.cycle.keep_alive = False
        self._admission.asked(self)
        return self._within(ANSWERED_WITHIN)

    def on_response_complete(self) -> None:
        self._unanswered.popleft()
        more = bool(self.pipeline)
        self._received = self._records = self._on_wire = 0
        if more:
            self._within(ANSWERED_WITHIN)
        else:
            self._admission.waits(self)
            self._within(ASKED_WITHIN)
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._admission.stalled(self)
        self._taking = self.loop.call_later(TAKEN_WITHIN, self.cut)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._admission.flowing(self)
        if self._taking is not None:
            self._taking.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose()
        self._admission.left(self)
        for timer in (self._deadline, self._taking):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        if self.answer is not None:
            self.answer.cancel()  # nobody reads it any more

    def _lose(self) -> None:
        self.lost = True
        for cycle in self._unanswered:  # uvicorn tells only the newest of them
            cycle.disconnected = True

    def _within(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.cut)
