"""Whichever library is at hand, a reader of gzip gets the page, byte for byte."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.web.serving.gzipped import LIBRARIES, fastest, gzipped


def _unzipped(pieces: list[bytes], library: str) -> bytes:
    async def made() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def main() -> bytes:
        return b"".join([piece async for piece in gzipped(made(), fastest((library,)))])

    return gzip.decompress(asyncio.run(main()))


@pytest.mark.parametrize("library", LIBRARIES)
@given(pieces=st.lists(st.binary(max_size=300), max_size=9))
def test_what_is_unzipped_is_what_was_zipped(library: str, pieces: list[bytes]) -> None:
    assert _unzipped(pieces, library) == b"".join(pieces)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_page_of_many_megabytes_comes_back_whole(library: str) -> None:
    pieces = [f'agentweave_condition{{pod="pod-{number}"}} 0\n'.encode() * 900 for number in range(200)]
    assert _unzipped(pieces, library) == b"".join(pieces)


def test_the_fastest_is_taken_and_without_it_the_one_that_python_has() -> None:
    assert fastest().__name__ == "isal.isal_zlib", "the extra `fast` is what the image and these tests have"
    assert fastest(("isal.no_such_module", "zlib")) is zlib
    with pytest.raises(ImportError, match=r"^none of isal\.no_such_module is installed$"):
        fastest(("isal.no_such_module",))
