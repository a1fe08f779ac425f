import asyncio
from pathlib import Path

from watcher.runtime.unused_memory import give_back

_PIECE = 4000  # bytes: too large for Python's own small objects, too small to be mapped by itself
_EACH = 64


def _resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_lies_between_pieces_that_live_on_is_given_back_to_the_system() -> None:
    pieces: list[bytes | None] = [bytes(bytearray(_PIECE)) for _ in range(16_000)]
    pieces = [piece if place % _EACH == 0 else None for place, piece in enumerate(pieces)]
    before = _resident()
    asyncio.run(give_back())
    assert before - _resident() > 30 << 20
    assert sum(piece is not None for piece in pieces) == 16_000 // _EACH
