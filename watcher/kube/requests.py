"""What does the API server answer? Streamed, bounded, and only where it is a yes."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx
from pydantic_core import from_json

from watcher.kube.access import Access
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words

MAX_LINE = 8 * 2**20
"""Bytes of one event: etcd holds objects of at most 1.5 MiB, JSON of them is longer."""


_DEADLINE = httpx.Timeout(None)  # the whole answer has one


class StreamedResponse:
    """A streamed answer, whose status was looked at; `sent` is what goes along: its media type and its bytes."""

    def __init__(
        self,
        access: Access,
        path: str,
        query: dict[str, str],
        timeout: httpx.Timeout,
        *,
        method: str = "GET",
        sent: tuple[str, bytes] | None = None,
    ) -> None:
        self._access, self._path, self._query, self._timeout = access, path, query, timeout
        self._method, self._sent = method, sent

    async def __aenter__(self) -> httpx.Response:
        self._response = await self._access.send(self._method, self._path, self._query, self._sent, self._timeout)
        try:
            await _raise_for_status(self._response)
        except BaseException:
            await self._response.aclose()
            raise
        return self._response

    async def __aexit__(self, *_: object) -> None:
        await self._response.aclose()


@asynccontextmanager
async def answered_within(seconds: float, what: str = "answer") -> AsyncIterator[None]:
    """For a whole answer, or what else is waited for; TimeoutError with a sentence where it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TimeoutError(f"the API server did not {what} within {seconds:.0f} s") from error


async def get_object(access: Access, path: str, seconds: float, most: int) -> dict[str, Any]:
    """One object by its path; RefusedError, AccessError, httpx.HTTPError, TimeoutError or ValueError where not."""
    async with answered_within(seconds), StreamedResponse(access, path, {}, _DEADLINE) as response:
        found: dict[str, Any] = from_json(await read_all(response, most), cache_strings="all")
    return found


async def try_object(access: Access, path: str, seconds: float, most: int) -> dict[str, Any] | str:
    """One object by its path, of at most so many bytes; a sentence where it cannot be had."""
    try:
        return await get_object(access, path, seconds, most)
    except (RefusedError, GoneError, AccessError, httpx.HTTPError, OSError, ValueError, RecursionError) as error:
        return in_words(error)[:200]


async def send_object(
    access: Access,
    method: Literal["POST", "PUT", "PATCH"],
    path: str,
    content: Mapping[str, Any],
    seconds: float,
    most: int = MAX_LINE,
) -> dict[str, Any]:
    """Create, replace or merge-patch an object; gives it as it is now, raises what `get_object` raises."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    answer = StreamedResponse(access, path, {}, _DEADLINE, method=method, sent=(kind, json.dumps(content).encode()))
    async with answered_within(seconds), answer as response:
        found: dict[str, Any] = from_json(await read_all(response, most), cache_strings="all")
    return found


async def delete_object(access: Access, path: str, seconds: float, most: int = MAX_LINE) -> None:
    """Delete an object; raises what `get_object` raises."""
    answer = StreamedResponse(access, path, {}, _DEADLINE, method="DELETE")
    async with answered_within(seconds), answer as response:
        await read_all(response, most)


async def _raise_for_status(response: httpx.Response) -> None:
    if response.status_code in (200, 201):
        return
    if response.status_code == 410:
        raise GoneError
    try:
        said = json.loads(await read_all(response, MAX_LINE)).get("message")
    except (ValueError, AttributeError, RefusedError):
        said = response.reason_phrase
    after = response.headers.get("Retry-After", "")
    raise RefusedError(response.status_code, str(said), float(after) if after.isdecimal() else 0.0)


async def read_all(response: httpx.Response, most: int) -> bytes:
    """The body; RefusedError when it is longer than `most` bytes."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most:
            raise RefusedError(0, f"an answer of over {most} bytes")
    return bytes(body)


async def lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """The lines of a watch; RefusedError for one that does not end."""
    rest = bytearray()
    async for piece in response.aiter_bytes():
        start = len(rest)
        rest += piece
        while (end := rest.find(b"\n", start)) >= 0:
            line = bytes(rest[:end])
            del rest[: end + 1]
            start = 0
            if line.strip():
                yield line
        if len(rest) > MAX_LINE:
            raise RefusedError(0, f"an event of over {MAX_LINE} bytes")
