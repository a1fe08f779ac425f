"""How keys are exchanged with servers that may be hostile: never in a finite field of their choice, and once."""

import ssl

FIRST = "prime256v1"
"""P-256: what RFC 8446, section 9.1, asks of everybody."""

OTHERS = ("X25519", "secp384r1", "secp521r1")
"""What some servers insist on, in the order in which they are tried: one more connection each."""


def without_dhe(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context, without DHE in TLS 1.2: a group of 10,000 bits costs 0.6 s in one turn of the loop.

    Nor may the server ask for the keys to be exchanged again, as TLS 1.2 lets it.
    """
    context.options |= ssl.OP_NO_RENEGOTIATION
    known = [str(each["name"]) for each in context.get_ciphers()]
    # By the names that are there and not by DEFAULT, which has more than Python offers.
    context.set_ciphers(":".join(name for name in known if not name.startswith(("TLS_", "DHE-"))))
    return context


def with_curve(context: ssl.SSLContext, curve: str) -> ssl.SSLContext:
    """The context, offering one curve: OpenSSL's own list has finite fields (RFC 7919), up to 0.25 s in TLS 1.3."""
    context.set_ecdh_curve(curve)
    return without_dhe(context)
