"""Cobertura XML, as coverage.py and most others write it: which share of the lines ran.

Counted from the lines themselves where the file has any: a rate that stands above no line is not a figure.
"""

from collections.abc import Mapping

from watcher.checklist.results.counted import Counted, UnreadableError, ratio
from watcher.checklist.results.xml_events import read_xml


class _Reader:
    def __init__(self) -> None:
        self.covered = self.lines = 0
        self._root, self._in_method = "", 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._root:
            self._root = name
            if name != "coverage":
                raise UnreadableError("expected Cobertura XML, whose first element is coverage")
        if name == "method":
            self._in_method += 1
        elif name == "line" and not self._in_method:  # lines of methods stand at their class again
            hits = attributes.get("hits", "")
            if not (hits.isascii() and hits.isdecimal()):
                raise UnreadableError("a line of it has no number of hits")
            self.lines, self.covered = self.lines + 1, self.covered + (hits.strip("0") != "")

    def end(self, name: str) -> None:
        if name == "method":
            self._in_method -= 1


def read_cobertura(data: bytes) -> Counted:
    """`line_ratio`, `lines` and `lines_covered`; UnreadableError where it has no line that could run."""
    reader = _Reader()
    read_xml(data, reader.start, reader.end)
    if not reader.lines:
        raise UnreadableError("it has no line that could run, so that its coverage is no figure")
    share = ratio(reader.covered, reader.lines)
    return Counted({"line_ratio": share, "lines": reader.lines, "lines_covered": reader.covered})
