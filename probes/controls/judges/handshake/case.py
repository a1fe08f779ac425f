"""What every judge of a served port says where there is nothing to judge."""

from collections.abc import Callable, Iterable, Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import ServedPort, Spoken
from probes.controls.judges.looked import PodCase, judge_of_pods, worst
from probes.controls.judging import Statement

PortCase = PodCase[ServedPort]
PortJudge = Callable[[PortCase], Iterable[Statement]]

PLAINTEXT = "The mTLS port talks plaintext."
NO_SVID = "The served certificate names no SPIFFE ID."


def port_judge(*controls: str) -> Callable[[PortJudge], PortJudge]:
    """Register a judge that is asked of each port that talked; of one that did not all is open."""

    def register(function: PortJudge) -> PortJudge:
        @judge_of_pods(SourceName.HANDSHAKE, ServedPort, *controls)
        def answered(case: PortCase) -> Iterator[Statement]:
            if case.seen.spoken is Spoken.NOTHING:
                yield unreached(case)
            else:
                yield from function(case)

        return function

    return register


def leaf_judge(*controls: str) -> Callable[[PortJudge], PortJudge]:
    """Register a judge that is asked where a leaf was read; where none was, and no plaintext came, all is open."""

    def register(function: PortJudge) -> PortJudge:
        @port_judge(*controls)
        def served(case: PortCase) -> Iterator[Statement]:
            if case.seen.spoken is Spoken.TLS and case.seen.uris is None:
                yield unreached(case)
            else:
                yield from function(case)

        return function

    return register


def unreached(case: PortCase) -> Statement:
    """Open, for the reason for which the watcher does not know whether the agent can be reached."""
    reached = worst(case.seen.verdicts, "AgentUnreachable")
    if reached is not None and reached.status == "unknown":
        return case.doubt(reached)
    return case.unclear(UnknownReason.UNREACHABLE, case.seen.error or "No handshake could be done.")


def is_plain(case: PortCase) -> bool:
    """Whether the port talks without TLS."""
    return case.seen.spoken is Spoken.PLAIN


def has_svid(case: PortCase) -> bool:
    """Whether the leaf names a SPIFFE ID at all."""
    return any(uri.startswith("spiffe://") for uri in case.seen.uris or ())
