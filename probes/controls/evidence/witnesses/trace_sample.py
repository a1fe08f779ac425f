"""What a store of traces has of an agent's last hour."""

from dataclasses import dataclass

from probes.controls.evidence.gathered import NOT_GIVEN, Missing
from probes.controls.evidence.witnesses.log_sample import Retention


@dataclass(frozen=True, slots=True)
class TraceSample:
    """Source `traces`."""

    traces: int  # with spans of the agent
    more: bool  # there may be more: so many were asked for
    spans: int = 0  # of the agent, that were looked at; server and client spans
    with_spiffe_id: int = 0  # of these
    calls: int = 0  # of these, client spans
    failed_calls: int = 0  # of these, with an error
    heard: bool = True  # the store has had a trace of some agent, so that none of this one says something
    retention: Retention | Missing = NOT_GIVEN
