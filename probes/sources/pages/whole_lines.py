"""Cuts what arrives of a page into pieces of whole lines."""

from collections.abc import Iterator

from probes.readings.text_format import NotAPageError

_LONGEST = 1 << 17
_PIECE = 1 << 15  # bytes that are scanned in one turn of the loop: of the worst pages 5 ms


class WholeLines:
    """Cuts a page that arrives in parts into pieces of whole lines, small enough that the event loop can breathe."""

    def __init__(self) -> None:
        self._rest, self._begins = b"", True

    def cut(self, part: bytes, *, last: bool) -> Iterator[bytes]:
        """The next pieces, of all that has come so far; NotAPageError for a line that is longer than lines are."""
        page, at = self._rest + part, 0
        if self._begins and page.startswith(b"\xef\xbb\xbf"):
            at = 3
        self._begins = len(page) < 3
        while at < len(page):
            end = page.find(b"\n", at + _PIECE, at + _PIECE + _LONGEST) + 1
            if not end and len(page) > at + _PIECE + _LONGEST:
                raise NotAPageError(f"it has a line of more than {_LONGEST} bytes")
            if not end and not last:
                break
            yield page[at : end or len(page)]
            at = end or len(page)
        self._rest = page[at:]
