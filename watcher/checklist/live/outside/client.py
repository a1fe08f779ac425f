"""One server of logs, traces or the like, asked over HTTP: seconds and bytes have bounds, no redirect is followed."""

import asyncio
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from probes.contract import say_bytes
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.sources.http.key_exchange import without_dhe
from watcher.text.printable import printable

PATIENCE = 10.0
"""Seconds for one answer."""

MOST_BYTES = 8 * 2**20
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LONGEST = 120


class OutsideError(Exception):
    """There is no answer that can be believed."""

    def __init__(self, reason: UnknownReason, message: str) -> None:
        """`message`: a sentence for a person, 200 characters at most."""
        super().__init__(message)
        self.missing = Missing(reason, message[:200])


class Place(NamedTuple):
    """Where a server is, and how it lets the watcher in."""

    what: str  # `Loki`
    url: str
    bearer_token_file: Path | None = None
    ca_file: Path | None = None
    headers: Mapping[str, str] = {}


class OutsideClient:
    """Asks one place. Token and authorities are read anew at each opening."""

    def __init__(self, place: Place, patience: float = PATIENCE, most_bytes: int = MOST_BYTES) -> None:
        """`patience`: seconds for one answer, of at most so many bytes."""
        self.place, self._patience, self._most_bytes = place, patience, most_bytes

    async def get(self, path: str, params: Mapping[str, str]) -> bytes:
        """The body of a 200; OutsideError for anything else."""
        try:
            async with asyncio.timeout(self._patience), await self._opened() as client:
                return await self._asked(client, path, params)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise OutsideError(UnknownReason.UNREACHABLE, f"{self._name} cannot be asked: {_why(error)}.") from error

    async def _opened(self) -> httpx.AsyncClient:
        headers, tls = await asyncio.to_thread(_credentials, self.place)
        headers |= {"Accept-Encoding": "identity", **self.place.headers}
        return httpx.AsyncClient(verify=tls, headers=headers, timeout=self._patience, trust_env=False)

    async def _asked(self, client: httpx.AsyncClient, path: str, params: Mapping[str, str]) -> bytes:
        async with client.stream("GET", f"{self.place.url.rstrip('/')}{path}", params=params) as answer:
            if answer.status_code in (401, 403):
                raise OutsideError(UnknownReason.FORBIDDEN, f"{self._name} answers {answer.status_code}.")
            if answer.status_code != httpx.codes.OK:
                is_refusal = 400 <= answer.status_code < 500 and answer.status_code != 429
                reason = UnknownReason.UNPARSEABLE if is_refusal else UnknownReason.UNREACHABLE
                raise OutsideError(reason, f"{self._name} answers {answer.status_code}.")
            body = bytearray()
            async for piece in answer.aiter_raw():  # what is packed, which was not asked for, is not unpacked
                body += piece
                if len(body) > self._most_bytes:
                    told = f"{self._name} answers with more than {say_bytes(self._most_bytes)}."
                    raise OutsideError(UnknownReason.UNPARSEABLE, told)
            return bytes(body)

    @property
    def _name(self) -> str:
        return f"{self.place.what} at {self.place.url}"[:_LONGEST]


def _credentials(place: Place) -> tuple[dict[str, str], ssl.SSLContext]:
    """Headers, and what verifies the server; OSError where a file cannot be read or holds something else."""
    headers, secure = {}, place.url.startswith("https:")
    if place.bearer_token_file is not None and secure:
        token = place.bearer_token_file.read_text(errors="replace").strip()
        if not _TOKEN.fullmatch(token):
            raise OSError(0, f"{place.bearer_token_file} does not hold a bearer token")
        headers["Authorization"] = f"Bearer {token}"
    if not secure:
        return headers, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used, and takes no time to make
    try:
        return headers, without_dhe(ssl.create_default_context(cafile=place.ca_file))
    except ssl.SSLError as error:
        raise OSError(0, f"{place.ca_file} holds no CA certificates") from error


def _why(error: BaseException) -> str:
    for cause in _causes(error):
        match cause:
            case TimeoutError() | httpx.TimeoutException():
                return "it does not answer in time"
            case ssl.SSLCertVerificationError():
                return printable(cause.verify_message)
            case OSError(errno=int(number)) if number > 0:
                return os.strerror(number)
            case OSError(strerror=str(text)):
                return printable(text)
    return printable(f"{error}"[:_LONGEST]) or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
