"""Does what is served protect anything, and for how long?"""

from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import ServedPort, Spoken
from probes.controls.judges.handshake.case import (
    NO_SVID,
    PLAINTEXT,
    PortCase,
    has_svid,
    is_plain,
    leaf_judge,
    port_judge,
    unreached,
)
from probes.controls.judges.looked import is_false, is_true, judge_of_pods, worst
from probes.controls.judges.spire_agents import are_ready, spire_agents_of
from probes.controls.judging import Statement

_EXPIRED, _IMMINENT, _OVERDUE = "SVIDExpired", "SVIDExpiryImminent", "SVIDRotationOverdue"


@port_judge("security.transport.tls13-enforced", "security.transport.mtls-required")
def no_plaintext(case: PortCase) -> Iterator[Statement]:
    """Whether the port talks without TLS; that it speaks TLS proves neither."""
    if is_plain(case):
        yield case.bad(PLAINTEXT)


@leaf_judge("predeploy.spire.valid-certificate")
def valid_certificate(case: PortCase) -> Iterator[Statement]:
    """Whether the chain verifies and the leaf is one that a workload may serve."""
    strange = worst(case.seen.verdicts, "SVIDNotTrusted")
    if is_plain(case):
        yield case.unclear(UnknownReason.NO_DATA, PLAINTEXT)
    elif case.seen.uri_count != 1:
        yield case.bad(f"The served certificate has {case.seen.uri_count} URI SANs where there must be one.")
    elif strange is None:
        yield case.unclear(UnknownReason.NO_DATA, "The served chain was not judged.")
    elif is_true(strange):
        yield case.bad(strange.text)
    elif is_false(strange):
        yield case.good("The served chain verifies against the trust bundle of its trust domain.")
    else:
        yield case.doubt(strange)


@leaf_judge("predeploy.spire.not-expired")
def not_expired(case: PortCase) -> Iterator[Statement]:
    """Whether enough of the lifetime is left; by dates one look is enough."""
    said = tuple(_of_dates(case, (_EXPIRED, _IMMINENT), at_once=True))
    yield from said or (case.good("The served SVID is far from its end."),)


@leaf_judge("security.identity.svid-rotation-enabled")
def rotated_in_time(case: PortCase) -> Iterator[Statement]:
    """Whether the one that is served should have been replaced."""
    yield from _of_dates(case, (_EXPIRED, _OVERDUE))


@leaf_judge("postdeploy.long.svid-rotation-working")
def rotation_working(case: PortCase) -> Iterator[Statement]:
    """Whether that of a new pod should have been replaced."""
    yield from _of_dates(case, (_EXPIRED, _IMMINENT, _OVERDUE))


@judge_of_pods(SourceName.HANDSHAKE, ServedPort, "predeploy.spire.reachable")
def spire_reachable(case: PortCase) -> Iterator[Statement]:
    """Whether the SPIRE agent of the pod's node gave it an SVID within its lifetime; else this tells nothing of it, and
    leaves it to the pod of that agent, where that is seen to be Ready."""
    said = list(_svid_is_there(case))
    if any(each.reason is None for each in said) or not are_ready(spire_agents_of(case.evidence, case.pod)):
        yield from said


def _svid_is_there(case: PortCase) -> Iterator[Statement]:
    expired = worst(case.seen.verdicts, _EXPIRED)
    if case.seen.spoken is Spoken.NOTHING or (case.seen.spoken is Spoken.TLS and case.seen.uris is None):
        yield unreached(case)
    elif is_plain(case) or not has_svid(case):
        why = PLAINTEXT if is_plain(case) else NO_SVID
        yield case.unclear(UnknownReason.UNREACHABLE, f"{why} Nothing is known of the SPIRE agent of its node.")
    elif is_false(expired):
        yield case.good("An SVID within its lifetime is served.")
    elif expired is not None and not is_true(expired):
        yield case.doubt(expired)
    else:
        said = "The served SVID is not within its lifetime. Nothing is known of the SPIRE agent of its node."
        yield case.unclear(UnknownReason.UNREACHABLE, said)


@leaf_judge("security.identity.verified-at-startup")
def verified_at_startup(case: PortCase) -> Iterator[Statement]:
    """Whether a pod that is Ready answers without an SVID."""
    if case.pod.ready_since is not None and not has_svid(case):
        yield case.bad(f"The pod is Ready, and: {PLAINTEXT if is_plain(case) else NO_SVID}")


def _of_dates(case: PortCase, conditions: Sequence[str], *, at_once: bool = False) -> Iterator[Statement]:
    """One that is true, else why one is not known; nothing where all are false."""
    if is_plain(case):
        yield case.unclear(UnknownReason.NO_DATA, PLAINTEXT)
        return
    found = [(name, worst(case.seen.verdicts, name)) for name in conditions]
    true = next((verdict for _, verdict in found if verdict is not None and is_true(verdict)), None)
    if true is not None:
        yield case.bad(true.text, at_once=at_once)
        return
    for name, verdict in found:
        if verdict is None:
            yield case.unclear(UnknownReason.NO_DATA, f"{name} was not judged.")
            return
        if not is_false(verdict):
            yield case.doubt(verdict)
            return
