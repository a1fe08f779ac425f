"""What OpenSSL finds wrong with a chain of certificates, in plain words."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple


class VerifyCode(IntEnum):
    """Errors of path validation by OpenSSL's numbers (X509_V_ERR_* of x509_vfy.h): those that a judge tells apart."""

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
    PURPOSE = 26
    NOT_TRUSTED = 27


UNKNOWN_AUTHORITY = frozenset(
    {
        VerifyCode.NO_ISSUER,
        VerifyCode.BAD_SIGNATURE,  # signed by somebody with the name of an authority, and not its key
        VerifyCode.SELF_SIGNED_LEAF,
        VerifyCode.SELF_SIGNED_ROOT,
        VerifyCode.NO_LOCAL_ISSUER,
        VerifyCode.LEAF_NOT_VERIFIED,
        VerifyCode.NOT_TRUSTED,
    }
)
"""The chain does not verify against the bundle."""


class VerifyError(NamedTuple):
    """An error of path validation."""

    code: int  # a VerifyCode, or any other number of OpenSSL's
    depth: int  # of the certificate that it is about; 0 is the leaf
    not_before: float  # of that certificate, where it is not valid yet: Unix seconds

    def __str__(self) -> str:
        said = say_verify_code(self.code)
        return f"{said} (certificate {self.depth} of the chain)" if self.depth else said


def say_verify_code(code: int) -> str:
    """What is wrong with a certificate, in words that follow a colon; only a number of a later OpenSSL has none."""
    if code == VerifyCode.TOO_MANY_NAMES:
        return "the chain has too many names and name constraints to compare"
    return SAID.get(code) or f"OpenSSL's verify error {code}"


SAID: Mapping[int, str] = {
    1: "it does not verify, and OpenSSL does not say why",
    2: "its issuer is not known",
    3: "there is no revocation list of its issuer",
    4: "its signature cannot be read",
    5: "the signature of the revocation list cannot be read",
    6: "the public key of its issuer cannot be read",
    7: "its signature is not that of its issuer",
    8: "the signature of the revocation list is not that of its issuer",
    9: "it is not valid yet",
    10: "it has expired",
    11: "the revocation list is not valid yet",
    12: "the revocation list has expired",
    13: "its notBefore is no date",
    14: "its notAfter is no date",
    15: "the lastUpdate of the revocation list is no date",
    16: "the nextUpdate of the revocation list is no date",
    17: "there was not enough memory to verify it",
    18: "it is self-signed and not in the bundle",
    19: "the chain ends in a root that is not in the bundle",
    20: "its issuer is neither in the bundle nor in the chain",
    21: "no certificate that could verify it was served",
    22: "the chain is too long",
    23: "it is revoked",
    24: "its issuer has no public key",
    25: "its path length constraint is exceeded",
    26: "its usages or extended usages do not allow TLS servers",
    27: "it is not trusted",
    28: "it is marked as one to reject",
    29: "its issuer's name is not that of the next certificate",
    30: "the key identifier that it gives of its issuer is not that of the next certificate",
    31: "the serial number that it gives of its issuer is not that of the next certificate",
    32: "its key may not sign certificates (no keyCertSign), but has signed the one before it",
    33: "no revocation list of its issuer was found",
    34: "it has a critical extension that OpenSSL does not know",
    35: "its key may not sign revocation lists (no cRLSign)",
    36: "the revocation list has a critical extension that OpenSSL does not know",
    37: "it is no CA certificate, but has the marks of one",
    38: "the path length of its proxy certificate is exceeded",
    39: "its key may not sign (no digitalSignature)",
    40: "it is a proxy certificate, and those are not allowed",
    41: "one of its extensions is invalid or contradicts another",
    42: "its certificate policies are invalid or contradict each other",
    43: "it has no certificate policy, and one is required",
    44: "the revocation list is of another scope",
    45: "one of its extensions uses a feature that OpenSSL does not support",
    46: "its IP or AS resources are not among those of its issuer (RFC 3779)",
    47: "its name is not one that the name constraints of an authority permit",
    48: "its name is one that the name constraints of an authority exclude",
    49: "a name constraint has a minimum or maximum, which OpenSSL does not support",
    50: "a check in addition to OpenSSL's own refused it",
    51: "a name constraint is of a kind that OpenSSL does not support",
    52: "a name constraint cannot be read",
    53: "one of its names cannot be read",
    54: "the chain of the revocation list does not verify",
    55: "the chain leads back to a certificate that is in it already",
    56: "its version is not one that Suite B allows",
    57: "its kind of key is not one that Suite B allows",
    58: "its curve is not one that Suite B allows",
    59: "the algorithm of its signature is not one that Suite B allows",
    60: "its curve is not one that Suite B allows at this level of security",
    61: "its P-384 key is signed with a P-256 key, which Suite B does not allow",
    62: "it is not for this host name",
    63: "it is not for this email address",
    64: "it is not for this IP address",
    65: "no DANE TLSA record matches it",
    66: "its key is too weak",
    67: "its key is too weak for an authority",
    68: "the digest of its signature is too weak",
    69: "it was not verified, because OpenSSL was asked in a wrong way",
    70: "the search for its issuer failed",
    71: "it has no valid timestamp of Certificate Transparency, and one is required",
    72: "the name of its proxy certificate is not one that its issuer may give",
    73: "its OCSP status is required and was not given",
    74: "its OCSP status does not verify",
    75: "the OCSP responder does not know it",
    76: "the algorithm of its signature is not known",
    77: "its signature is of another algorithm than the key of its issuer",
    78: "it names two different algorithms of its signature",
    79: "it is no CA certificate, but has issued the one before it",
    80: "it has a path length constraint and is no CA certificate",
    81: "it has a path length constraint, and its key may not sign certificates (no keyCertSign)",
    82: "its key may sign certificates (keyCertSign), and it is no CA certificate",
    83: "the name of its issuer is empty",
    84: "its name is empty",
    85: "it has no authority key identifier",
    86: "it has no subject key identifier",
    87: "its list of alternative names is empty",
    88: "its name is empty, and its alternative names are not marked critical",
    89: "it is a CA certificate whose basic constraints are not marked critical",
    90: "its authority key identifier is marked critical",
    91: "its subject key identifier is marked critical",
    92: "it is a CA certificate without a key usage",
    93: "it has extensions and is of a version that has none",
    94: "its key gives the parameters of its curve and not the curve's name",
    95: "it is a bare public key, and none is trusted",
    96: "its OCSP response is invalid",
    97: "the signature of its OCSP response does not verify",
    98: "its OCSP response is of the future",
    99: "its OCSP response has expired",
    100: "there is no OCSP response for it",
    102: "its authority key identifier is empty",
    103: "its authority key identifier gives only one of its issuer's name and serial number",
}
