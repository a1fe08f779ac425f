"""One server of Prometheus' API, asked within bounds: seconds, bytes, items, and questions a round."""

import asyncio
import codecs
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx

from probes.contract import say_bytes
from probes.controls.catalogue.control import UnknownReason
from probes.sources.http.key_exchange import without_dhe
from watcher.checklist.live.prometheus.asking_error import AskingError
from watcher.checklist.live.prometheus.json_items import ItemReader, ItemsError
from watcher.checklist.live.prometheus.samples import Sample, sample
from watcher.config.witnesses.prometheus import PrometheusSettings
from watcher.runtime.cooperative import TimeSlice
from watcher.text.printable import printable

QUESTIONS = 30
"""Requests of one round, at most."""

PATIENCE = 15.0
"""Seconds for one answer."""

MOST_BYTES = 32 << 20
"""Longest answer that is read; it is never held as a whole."""

_LONGEST_ITEM = 2 << 20
_PIECE = 1 << 16
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LONGEST_ERROR = 200


Take = Callable[[Any], None]
"""What is done with each item as it arrives; it may raise AskingError, and ValueError for one of another shape."""


class _Wanted(NamedTuple):
    key: str  # of the list whose items are wanted
    most: int
    take: Take


class PrometheusClient:
    """Asks the server of these settings. A new one a round: the token and the authorities are read anew."""

    def __init__(self, settings: PrometheusSettings, patience: float = PATIENCE, most_bytes: int = MOST_BYTES) -> None:
        """`patience`: seconds for one answer; `most_bytes` of each."""
        self._settings, self._patience, self._most_bytes = settings, patience, most_bytes
        self._client: httpx.AsyncClient | None = None
        self.asked = 0
        """Requests so far."""

    async def __aenter__(self) -> Self:
        try:
            headers, tls = await asyncio.to_thread(_credentials, self._settings)
        except OSError as error:
            raise AskingError(UnknownReason.UNREACHABLE, _cannot_be_read(error)) from error
        headers |= {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._client = httpx.AsyncClient(verify=tls, headers=headers, timeout=self._patience, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def rules(self, most: int, take: Take) -> float | None:
        """All groups of rules that are loaded, without their alerts; gives the date by the server, Unix seconds."""
        return await self._ask("GET", "rules", {"exclude_alerts": "true"}, _Wanted("groups", most, take))

    async def query(self, promql: str, most: int, take: Callable[[Sample], None]) -> None:
        """The series that an instant query gives now."""

        def one(item: Any) -> None:
            if (found := sample(item)) is not None:
                take(found)

        params = {"query": promql, "timeout": f"{self._patience:.0f}s"}
        await self._ask("POST", "query", params, _Wanted("result", most, one))

    async def targets(self, most: int, take: Take) -> float | None:
        """All targets that are scraped; gives the date by the server, Unix seconds."""
        return await self._ask("GET", "targets", {"state": "active"}, _Wanted("activeTargets", most, take))

    async def _ask(self, method: str, path: str, params: Mapping[str, str], wanted: _Wanted) -> float | None:
        if self.asked >= QUESTIONS:
            raise AskingError(UnknownReason.NO_DATA, f"More than {QUESTIONS} questions a round would be needed.")
        self.asked += 1
        try:
            async with asyncio.timeout(self._patience):
                return await self._asked(method, path, params, wanted)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise AskingError(UnknownReason.UNREACHABLE, f"{self._name} cannot be asked: {_why(error)}.") from error
        except ValueError as error:
            message = f"The answer of {self._name} to /api/v1/{path} cannot be read: {error}."
            raise AskingError(UnknownReason.UNPARSEABLE, message) from error

    async def _asked(self, method: str, path: str, params: Mapping[str, str], wanted: _Wanted) -> float | None:
        if self._client is None:
            raise RuntimeError("not entered")
        url, get = f"{self._settings.url.rstrip('/')}/api/v1/{path}", method == "GET"
        query, body = (params, None) if get else (None, params)
        async with self._client.stream(method, url, params=query, data=body) as answer:
            if answer.status_code in (401, 403):
                raise AskingError(UnknownReason.FORBIDDEN, f"{self._name} answers {answer.status_code}.")
            reader, time_slice = ItemReader(wanted.key, wanted.most, _LONGEST_ITEM), TimeSlice()
            async for text in _pieces(answer, self._most_bytes):
                for item in reader.feed(text):
                    wanted.take(item)
                    await time_slice.checkpoint()
            self._check(reader, answer)
            return _date(answer)

    def _check(self, reader: ItemReader, answer: httpx.Response) -> None:
        """That all of it is there: what is only a part proves nothing."""
        try:
            envelope = reader.envelope()
        except ItemsError:
            if answer.is_success:
                raise
            envelope = {}
        said = _words(envelope.get("error"))
        if not answer.is_success or envelope.get("status") != "success":
            raise AskingError(_refused(answer.status_code), f"{self._name} answers {answer.status_code}{said}.")
        if not reader.has_list:
            raise ItemsError("it is not what Prometheus answers")
        if envelope.get("warnings"):
            warned = f"{self._name} warns that its answer may be a part only{_words(envelope['warnings'])}."
            raise AskingError(UnknownReason.UNREACHABLE, warned)
        if envelope.get("isPartial"):
            raise AskingError(UnknownReason.UNREACHABLE, f"{self._name} gives a part of the answer only.")

    @property
    def _name(self) -> str:
        return f"Prometheus at {self._settings.url}"


def _refused(status: int) -> UnknownReason:
    """Why there is no answer: some servers have no such question at all, and some refuse one that is too much."""
    if status == httpx.codes.NOT_FOUND:
        return UnknownReason.SOURCE_MISSING
    refused = status < httpx.codes.MULTIPLE_CHOICES or status in (
        httpx.codes.BAD_REQUEST,
        httpx.codes.UNPROCESSABLE_ENTITY,
    )
    return UnknownReason.UNPARSEABLE if refused else UnknownReason.UNREACHABLE


async def _pieces(answer: httpx.Response, most: int) -> AsyncIterator[str]:
    """The text, in pieces of some length; raw: what is packed, which was not asked for, is not unpacked."""
    decoder, waiting, length = codecs.getincrementaldecoder("utf-8")("replace"), bytearray(), 0
    async for piece in answer.aiter_raw():
        waiting += piece
        length += len(piece)
        if length > most:
            raise ItemsError(f"it is longer than {say_bytes(most)}")
        if len(waiting) >= _PIECE:
            yield decoder.decode(bytes(waiting))
            waiting.clear()
    yield decoder.decode(bytes(waiting), final=True)


def _credentials(settings: PrometheusSettings) -> tuple[dict[str, str], ssl.SSLContext]:
    """Headers, and what verifies the server; OSError where a file cannot be read or holds something else."""
    secure = settings.url.startswith("https:")
    headers = {}
    if settings.bearer_token_file is not None and secure:
        token = settings.bearer_token_file.read_text(errors="replace").strip()
        if not _TOKEN.fullmatch(token):
            raise OSError(0, "does not hold a bearer token", str(settings.bearer_token_file))
        headers["Authorization"] = f"Bearer {token}"
    if not secure:
        return headers, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used, and takes no time to make
    return headers, without_dhe(_authorities(settings.ca_file))


def _authorities(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise OSError(0, "holds no CA certificates", str(ca_file)) from error


def _cannot_be_read(error: OSError) -> str:
    why = "cannot be read" if error.errno else "is of no use"
    return f"{error.filename} {why}: {error.strerror}."


def _date(answer: httpx.Response) -> float | None:
    try:
        found = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def _words(said: object) -> str:
    text = said if isinstance(said, str) else "; ".join(map(str, said)) if isinstance(said, list) else ""
    return f": {printable(text[:_LONGEST_ERROR])}" if text else ""


def _why(error: BaseException) -> str:
    for cause in _causes(error):
        match cause:
            case TimeoutError():
                return "it does not answer in time"
            case ssl.SSLCertVerificationError():
                return printable(cause.verify_message)
            case OSError(strerror=str(text)):
                return printable(text)
    return printable(f"{error}"[:_LONGEST_ERROR]) or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
