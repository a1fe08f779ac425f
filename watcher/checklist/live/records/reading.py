"""Which records do texts hold? Each YAML document is one, or an envelope of one, or it is said why it is none.

1. A text is cut at its markers; what is over the size of a record is not looked at.
2. A document of the same text as one that was a record when its source was read last is that record, at its new place.
3. Others are read: in turns with all else, those that take long in a thread.
4. Either way what it cost to read it is taken from the budget of the source: what is read does not hang on the past.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic import ValidationError

from probes.controls.records import Invalid, Problem, Record
from probes.controls.records.document import Origin, record_of
from watcher.checklist.live.records.envelope import Envelope, EnvelopeError, is_envelope, opened
from watcher.checklist.live.records.mistakes import mistakes_of
from watcher.checklist.manifests.documents import (
    Budget,
    Document,
    Part,
    first_line,
    not_read,
    parts,
    read_document,
)
from watcher.runtime.cooperative import TimeSlice

MOST_BYTES = 4 * 2**20
"""Of one file; a ConfigMap has a fourth of it at most."""

MOST_OF_SOURCE = 10_000
MOST_OF_RECORD = 2**19
"""Characters of one record: more than an envelope with the largest payload has."""

_MOST_VALUES, _MOST_VALUES_OF_RECORD, _MOST_REPEATED = 1_000_000, 8_000, 10_000
_LONG = 2**14
"""Characters of a document that takes more than a few milliseconds."""

_SAID = 300
"""Characters of one sentence."""


class ReadRecord(NamedTuple):
    """One document of a source: a record, or why it is none."""

    id: str
    record: Record | None
    problems: tuple[Problem, ...] = ()
    envelope: Envelope | None = None  # that it stands in, with its signatures
    digest: bytes = b""  # of its text, of a record that the same text gives again
    values: int = 0  # what it cost to read it


_Known = Mapping[bytes, ReadRecord]


async def read_records(
    texts: Iterable[tuple[str, str]],
    source: str,
    before: Iterable[ReadRecord] = (),
    most: int = MOST_OF_SOURCE,
    most_values: int = _MOST_VALUES,
) -> list[ReadRecord]:
    """Each document of these texts, of very many the first.

    `texts`: with the place where each stands; `source`: what authorities know them by; `before`: what was read there
    last.
    """
    left = Budget(MOST_BYTES, most_values, _MOST_REPEATED, _MOST_VALUES_OF_RECORD)
    known, found, time_slice = {each.digest: each for each in before if each.digest}, list[ReadRecord](), TimeSlice()
    for place, text in texts:
        for part in parts(text):
            one = await _taken(part, Origin(place, source), left, known)
            if one is not None and len(found) >= most:
                return [*found, ReadRecord(one.id, None, (too_many(f"more than {most} in one place"),))]
            found += [] if one is None else [one]
            if left.spent:
                return found
            await time_slice.checkpoint()
    return found


def too_many(what: str) -> Problem:
    """This and the rest are not read."""
    return Problem(Invalid.TOO_MANY, f"{what}: this and the rest are not read")


def unreadable(source: str, why: str) -> ReadRecord:
    """Of a source of which nothing can be read."""
    return ReadRecord(source, None, (Problem(Invalid.MALFORMED, why),))


async def _taken(part: Part, place: Origin, left: Budget, known: _Known) -> ReadRecord | None:
    if len(part.text) <= _LONG:
        return _known_or_read(part, place, left, known)
    if len(part.text) <= MOST_OF_RECORD:
        return await asyncio.to_thread(_known_or_read, part, place, left, known)
    return unreadable(f"{place.id}:{part.offset + 1}", f"it is over {MOST_OF_RECORD >> 10} KiB")


def _known_or_read(part: Part, place: Origin, left: Budget, known: _Known) -> ReadRecord | None:
    digest = blake2b(part.text.encode(errors="surrogatepass"), digest_size=16).digest()
    if (same := known.get(digest)) is not None:
        left.values += same.values
        at = f"{place.id}:{part.offset + first_line(part.text)}"
        return _refused(not_read(part, left), place) if left.spent else _at(same, at)
    values, repeated = left.values, left.repeated
    document = read_document(part, left)
    if left.spent:
        return _refused(not_read(part, left), place)
    found = _read(document, place._replace(id=f"{place.id}:{document.line}")) if document is not None else None
    if found is None or found.record is None or left.repeated > repeated:
        return found
    return found._replace(digest=digest, values=left.values - values)


def _at(same: ReadRecord, place: str) -> ReadRecord:
    if same.id == place or same.record is None:
        return same
    return same._replace(id=place, record=replace(same.record, id=place))


def _refused(document: Document, place: Origin) -> ReadRecord:
    return unreadable(f"{place.id}:{document.line}", document.broken[:_SAID])


def _read(document: Document, origin: Origin) -> ReadRecord:
    if document.broken or document.doubled:
        why = document.broken or next(iter(document.doubled.values()))[1]
        return unreadable(origin.id, why[:_SAID])
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
