"""Of many thousands of records most values are the same: each is kept once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from sys import intern

from probes.controls.records.record import Record

_MANY = 4096

digests = lru_cache(_MANY)(frozenset[str])
"""Of a tuple."""

text = lru_cache(_MANY)(str)
"""One that may be long, or of this record alone, so that it is forgotten again."""

moment = lru_cache(_MANY)(float)
"""Unix seconds."""

_names = lru_cache(_MANY)(tuple[str, ...])
_counts = lru_cache(_MANY)(dict[str, float])


def names(given: Iterable[str]) -> tuple[str, ...]:
    """Of agents."""
    return _names(tuple(map(intern, given)))


def counts(given: Mapping[str, float]) -> Mapping[str, float]:
    """The numbers of a pipeline's result; nobody changes them."""
    return _counts(tuple(given.items()))


def shared(record: Record) -> Record:
    """The same record, of values that others have too."""
    return replace(
        record,
        source=intern(record.source),
        control=intern(record.control),
        environment=intern(record.environment),
        namespace=intern(record.namespace),
        agents=names(record.agents),
        image_digests=digests(tuple(sorted(record.image_digests))),
        policy_digest=intern(record.policy_digest),
        config_digest=intern(record.config_digest),
        version=intern(record.version),
        statement=text(record.statement),
        evidence_url=text(record.evidence_url),
        by=intern(record.by),
        approved_by=intern(record.approved_by),
        at=moment(record.at),
        expires_at=None if record.expires_at is None else moment(record.expires_at),
        run_id=text(record.run_id),
        counts=counts(record.counts),
    )
