"""What one look at an mTLS port saw."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

from probes.contract import Reading
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
    REFUSED = "refused"
    NOT_ASKED_FOR = "not asked for"
    NONE_TO_SEND = "none to send"
    NOT_TOLD = "not told"  # the server said nothing that proves either


class VerifyCode(IntEnum):
    """Errors of path validation by OpenSSL's numbers (X509_V_ERR_*): those that mean something to a judge."""

    TOO_MANY_NAMES = -1  # ours: OpenSSL would compare them all
    NO_ISSUER = 2
    BAD_SIGNATURE = 7
    NOT_YET_VALID = 9
    EXPIRED = 10
    SELF_SIGNED_LEAF = 18
    SELF_SIGNED_ROOT = 19
    NO_LOCAL_ISSUER = 20
    LEAF_NOT_VERIFIED = 21
    CHAIN_TOO_LONG = 22
    INVALID_CA = 24
    PATH_TOO_LONG = 25
    WRONG_PURPOSE = 26
    NOT_TRUSTED = 27


_SAID: Mapping[int, str] = {
    VerifyCode.TOO_MANY_NAMES: "the chain has too many names and name constraints to compare",
    VerifyCode.NO_ISSUER: "its issuer is not known",
    VerifyCode.BAD_SIGNATURE: "its signature is not that of its issuer",
    VerifyCode.NOT_YET_VALID: "it is not valid yet",
    VerifyCode.EXPIRED: "it has expired",
    VerifyCode.SELF_SIGNED_LEAF: "it is self-signed and not in the bundle",
    VerifyCode.SELF_SIGNED_ROOT: "the chain ends in a root that is not in the bundle",
    VerifyCode.NO_LOCAL_ISSUER: "its issuer is neither in the bundle nor in the chain",
    VerifyCode.LEAF_NOT_VERIFIED: "no certificate that could verify it was served",
    VerifyCode.CHAIN_TOO_LONG: "the chain is too long",
    VerifyCode.INVALID_CA: "it is no CA certificate, but has issued the one before it",
    VerifyCode.PATH_TOO_LONG: "its path length constraint is exceeded",
    VerifyCode.WRONG_PURPOSE: "its extended key usage does not allow TLS servers",
    VerifyCode.NOT_TRUSTED: "it is not trusted",
}


class VerifyError(NamedTuple):
    """An error of path validation."""

    code: int  # a VerifyCode, or any other number of OpenSSL's
    depth: int  # of the certificate that it is about; 0 is the leaf
    not_before: float  # of that certificate, where it is not valid yet: Unix seconds

    def __str__(self) -> str:
        said = _SAID.get(self.code) or f"OpenSSL's verify error {self.code}"
        return f"{said} (certificate {self.depth} of the chain)" if self.depth else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake(Reading):
    """One handshake, one request and the first bytes of the answer. Faults are those of the network."""

    spoke: Spoke = Spoke.NOTHING
    completed: bool = False  # also where nothing but our own certificate stood in the way
    leaf: Leaf | None = None
    chain_length: int = 0
    weak_intermediates: tuple[str, ...] = ()
    verify_errors: tuple[VerifyError, ...] = ()
    trust_domain: str = ""  # of the expected ID, else our own; empty: neither is known
    bundle: BundleState = BundleState.MISSING
    protocol: str = ""
    cipher: str = ""
    client_certificate: ClientCertificate = ClientCertificate.NOT_TOLD
    refusal: str = ""  # how our certificate was refused
    http_status: int | None = None
    received: str = ""  # the first bytes of what is not TLS, printable

    @property
    def valid_from(self) -> float | None:
        """As the leaf says."""
        return self.leaf.not_before if self.leaf is not None else None

    def evidence(self) -> Mapping[str, object]:
        """What was served, as JSON values."""
        paced = {} if self.asked_in == 1 else {"asked_at": f"one of {self.asked_in} looks"}
        return paced | {
            "spoke": self.spoke,
            "offered": "TLS 1.2 and 1.3",
            "protocol": self.protocol,
            "cipher": self.cipher,
            "certificate": _certificate(self.leaf) if self.leaf else None,
            "chain_length": self.chain_length,
            "weak_intermediates": self.weak_intermediates,
            "verify_errors": [
                {"code": each.code, "depth": each.depth, "text": str(each)} for each in self.verify_errors
            ],
            "trust_domain": self.trust_domain,
            "bundle": self.bundle,
            "client_certificate": self.client_certificate,
            "refusal": self.refusal,
            "http_status": self.http_status,
            "received": self.received,
        }


def _certificate(leaf: Leaf) -> Mapping[str, object]:
    return asdict(leaf) | {
        "not_before": _utc(leaf.not_before),
        "not_after": _utc(leaf.not_after),
        "uris": [uri[:200] for uri in leaf.uris],
        "usages": sorted(leaf.usages) if leaf.usages is not None else None,
    }


def _utc(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
