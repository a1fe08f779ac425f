"""XML as it comes, element by element, with nothing that a hostile file could blow up.

Entities are never expanded and nothing is fetched: a document that declares one, or brings a document type of its own,
is refused. One that only names the usual document type (Cobertura's tools do) is read.
"""

from collections.abc import Callable, Mapping
from typing import NoReturn
from xml.parsers import expat

from watcher.checklist.results.counted import UnreadableError

MOST_DEPTH, MOST_ELEMENTS = 100, 5_000_000

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]


def read_xml(data: bytes, start: Start, end: End) -> None:
    """Call `start` with the name and attributes of each element, and `end` with its name; UnreadableError."""
    parser, depth, count = expat.ParserCreate(), 0, 0

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MOST_DEPTH or count > MOST_ELEMENTS:
            raise UnreadableError("its elements are too many or too deep")
        start(_local(name), attributes)

    def finish(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(_local(name))

    parser.StartElementHandler, parser.EndElementHandler = begin, finish
    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = _no_own_type, _no_entity
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: an encoding that Python lacks
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"expected XML: {error}"[:200]) from error


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _no_own_type(_name: str, _system: str | None, _public: str | None, own: int) -> None:
    if own:
        raise UnreadableError("it brings a document type of its own, which may be hostile")


def _no_entity(*_: object) -> NoReturn:
    raise UnreadableError("it declares an entity, which may be hostile")
