"""Records that came, and that were taken away, as changes among those of findings and conditions."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from probes.contract.units import utc
from probes.controls.records import Record
from watcher.changes.change import Change, Kind
from watcher.text.printable import printable

MOST_AT_ONCE = 200
"""Records that are told one by one; of more only how many there are."""

_NAMED = 20
"""Agents of one record that are told one by one; of more it is one change of their namespace."""

NO_RECORD = "no record"
_MESSAGE_CHARS = 500


class RecordChanges:
    """Tells what came and went since it was asked last."""

    def __init__(self, tell: Callable[[Sequence[Change]], None]) -> None:
        """`tell` is called with what is news."""
        self._tell = tell

    def __call__(self, came: Sequence[Record], went: Sequence[Record], now: float) -> None:
        """Tell these; `now`: Unix seconds."""
        told = [*_changes(came[:MOST_AT_ONCE], now, came=True), *_changes(went[:MOST_AT_ONCE], now, came=False)]
        for records, verb in ((came, "came"), (went, "were taken away")):
            if (more := len(records) - MOST_AT_ONCE) > 0:
                told.append(_summary(f"{more} more records {verb} at the same time; /records lists all.", now))
        if told:
            self._tell(told)


def _changes(records: Iterable[Record], now: float, *, came: bool) -> Iterator[Change]:
    for record in records:
        agents = record.agents if 0 < len(record.agents) <= _NAMED else ("",)
        text = printable(_said(record))[:_MESSAGE_CHARS]
        states = (NO_RECORD, str(record.kind)) if came else (str(record.kind), NO_RECORD)
        reason = "" if came else "RecordRemoved"
        for agent in agents:
            yield Change(now, record.namespace, agent, "", Kind.RECORD, record.control, "", *states, reason, text, 0.0)


def _said(record: Record) -> str:
    until = f", until {utc(record.expires_at)}" if record.expires_at is not None else ""
    approved = f", approved by {record.approved_by}" if record.approved_by else ""
    agents = f" for {len(record.agents)} agents" if len(record.agents) > _NAMED else ""
    return f"By {record.by}{approved}, of {utc(record.at)}{until}{agents} ({record.id})."


def _summary(text: str, now: float) -> Change:
    return Change(now, "", "", "", Kind.RECORD, "", "", NO_RECORD, NO_RECORD, "", text, 0.0)
