"""Pages in gzip, by the fastest library at hand: Prometheus asks for it at each scrape."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from importlib import import_module
from types import ModuleType

LIBRARIES = ("isal.isal_zlib", "zlib")
"""Both speak alike; the first is in the extra `fast`, and has no wheel for some platforms."""

_LEVEL = 1  # the text is as regular as can be: higher ones take twice as long for a tenth
_GZIP = 31  # window bits that say gzip, with the largest window (zlib manual, deflateInit2)


def fastest(libraries: Sequence[str] = LIBRARIES) -> ModuleType:
    """The first of them that is installed; ImportError where none is."""
    for name in libraries:
        with suppress(ImportError):
            return import_module(name)
    raise ImportError(f"none of {', '.join(libraries)} is installed")


_LIBRARY = fastest()  # when this is imported, and not while looks wait


async def gzipped(pieces: AsyncIterator[bytes], library: ModuleType = _LIBRARY) -> AsyncIterator[bytes]:
    """The same pieces as one gzip member."""
    squeeze = library.compressobj(_LEVEL, wbits=_GZIP)
    async for piece in pieces:
        yield squeeze.compress(piece)
    yield squeeze.flush()
