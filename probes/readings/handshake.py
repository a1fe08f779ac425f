"""What one look at an mTLS port saw."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from probes.contract import Reading
from probes.contract.reading import HEAVY
from probes.contract.units import utc
from probes.readings.issuer import Issuer
from probes.readings.verify_error import VerifyError

if TYPE_CHECKING:  # judges of controls ask for its enums alone, and start faster without what reads certificates
    from probes.readings.certificate import Leaf


class Spoke(StrEnum):
    """What came out of the port."""

    NOTHING = "nothing"
    TLS = "TLS"
    PLAINTEXT_HTTP = "plaintext HTTP"
    OTHER = "not TLS"


class BundleState(StrEnum):
    """The trust bundle of the target's own trust domain, at the time of the look."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"  # not confirmed by the Workload API for 5 minutes: an authority may be missing
    MISSING = "missing"


class ClientCertificate(StrEnum):
    """What the watcher's own certificate met."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # an alert or a page of the server said so; that it closed the connection says nothing
    NOT_ASKED_FOR = "not asked for"
    NONE_TO_SEND = "none to send"
    NOT_TOLD = "not told"  # the server said nothing that proves either


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake(Reading):
    """One handshake, one request and the first bytes of the answer. Faults are those of the network."""

    spoke: Spoke = Spoke.NOTHING
    completed: bool = False  # also where nothing but our own certificate stood in the way
    broke_off: bool = False  # it cut the handshake after our part of it, perhaps because of our certificate
    leaf: "Leaf | None" = None
    chain_length: int = 0
    weak_intermediates: tuple[str, ...] = ()
    issuers: tuple[Issuer, ...] = ()  # on the path from the leaf to the bundle, as far as one was found
    remarks: tuple[str, ...] = ()  # what some peers stumble over and others do not, a sentence each
    verify_errors: tuple[VerifyError, ...] = ()
    trust_domain: str = ""  # of the expected ID, else our own; empty: neither is known
    bundle: BundleState = BundleState.MISSING
    protocol: str = ""
    cipher: str = ""
    client_certificate: ClientCertificate = ClientCertificate.NOT_TOLD
    refusal: str = ""  # how our certificate was refused
    ending: str = ""  # how the session ended, where neither an answer nor a refusal came
    http_status: int | None = None
    received: str = ""  # the first bytes of what is not TLS, printable

    @property
    def is_heavy(self) -> bool:
        """Not for the exchange of keys, which takes any agent some milliseconds and leaves nothing to judge."""
        return self.cpu > 5 * HEAVY

    @property
    def valid_from(self) -> float | None:
        """As the leaf says."""
        return self.leaf.not_before if self.leaf is not None else None

    def evidence(self) -> Mapping[str, object]:
        """What was served, as JSON values."""
        paced = {} if self.asked_in == 1 else {"asked_at": f"one of {self.asked_in} attempts"}
        return paced | {
            "spoke": self.spoke,
            "offered": "TLS 1.2 and 1.3",
            "protocol": self.protocol,
            "cipher": self.cipher,
            "certificate": _certificate(self.leaf) if self.leaf else None,
            "chain_length": self.chain_length,
            "weak_intermediates": self.weak_intermediates,
            "issuers": [each.evidence() for each in self.issuers],
            "remarks": self.remarks,
            "verify_errors": [
                {"code": each.code, "depth": each.depth, "text": str(each)} for each in self.verify_errors
            ],
            "trust_domain": self.trust_domain,
            "bundle": self.bundle,
            "client_certificate": self.client_certificate,
            "refusal": self.refusal,
            "ending": self.ending,
            "http_status": self.http_status,
            "received": self.received,
        }


def _certificate(leaf: "Leaf") -> Mapping[str, object]:
    return asdict(leaf) | {
        "not_before": utc(leaf.not_before),
        "not_after": utc(leaf.not_after),
        "uris": [uri[:200] for uri in leaf.uris],
        "usages": sorted(leaf.usages) if leaf.usages is not None else None,
    }
