"""Which records does a text hold? Each YAML document is one, or an envelope of one, or it is said why it is none."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError

from probes.controls.records import Invalid, Problem, Record
from probes.controls.records.document import Origin, record_of
from watcher.checklist.live.records.envelope import Envelope, EnvelopeError, is_envelope, opened
from watcher.checklist.live.records.mistakes import mistakes_of
from watcher.checklist.manifests.documents import Budget, Document, read_documents

MOST_BYTES = 4 * 2**20
"""Of one file; a ConfigMap has a fourth of it at most."""

MOST_OF_SOURCE = 10_000
_MOST_VALUES, _MOST_REPEATED = 1_000_000, 10_000
_SAID = 300
"""Characters of one sentence."""


class ReadRecord(NamedTuple):
    """One document of a source: a record, or why it is none."""

    id: str
    record: Record | None
    problems: tuple[Problem, ...] = ()
    envelope: Envelope | None = None  # that it stands in, with its signatures


def budget() -> Budget:
    """What may be read of one source: three seconds, in turns with all else."""
    return Budget(MOST_BYTES, _MOST_VALUES, _MOST_REPEATED)


def read_records(text: str, place: str, source: str, left: Budget, most: int = MOST_OF_SOURCE) -> Iterator[ReadRecord]:
    """Each document of this text, of very many the first.

    `place`: where it stands, and `source`: what authorities know it by.
    """
    for number, document in enumerate(read_documents(text, left)):
        origin = Origin(f"{place}:{document.line}", source)
        if number >= most:
            yield ReadRecord(origin.id, None, (too_many(f"more than {most} in one place"),))
            return
        yield _read(document, origin)


def too_many(what: str) -> Problem:
    """This and the rest are not read."""
    return Problem(Invalid.TOO_MANY, f"{what}: this and the rest are not read")


def unreadable(source: str, why: str) -> ReadRecord:
    """Of a source of which nothing can be read."""
    return ReadRecord(source, None, (Problem(Invalid.MALFORMED, why),))


def _read(document: Document, origin: Origin) -> ReadRecord:
    if document.broken or document.doubled:
        why = document.broken or next(iter(document.doubled.values()))[1]
        return ReadRecord(origin.id, None, (Problem(Invalid.MALFORMED, why[:_SAID]),))
    data: Any = document.data
    if not is_envelope(data):
        return _record(data, origin)
    try:
        envelope = opened(data)
    except EnvelopeError as error:
        return ReadRecord(origin.id, None, (Problem(Invalid.WRONG_STATEMENT, str(error)[:_SAID]),))
    found = _record(envelope.record, origin)
    return found._replace(envelope=envelope._replace(record=None))


def _record(data: object, origin: Origin) -> ReadRecord:
    try:
        return ReadRecord(origin.id, record_of(data, origin))
    except ValidationError as error:
        return ReadRecord(origin.id, None, tuple(Problem(Invalid.MALFORMED, each) for each in mistakes_of(error)))
