"""SPIFFE IDs and trust domains, by the SPIFFE-ID specification, sections 2.1 to 2.4."""

import re
from typing import NamedTuple

_MAX_CHARACTERS = 2048
_TRUST_DOMAIN = r"[a-z0-9._-]{1,255}"
_SPIFFE_ID = re.compile(
    rf"spiffe://(?P<trust_domain>{_TRUST_DOMAIN})(?P<path>(?:/(?!\.{{1,2}}(?:/|$))[A-Za-z0-9._-]+)*)"
)


class SpiffeId(NamedTuple):
    """The two parts of a SPIFFE ID."""

    trust_domain: str
    path: str  # starts with a slash; empty for the ID of a trust domain itself


def parse_spiffe_id(text: str) -> SpiffeId | None:
    """The parts of a SPIFFE ID; None for anything else."""
    match = _SPIFFE_ID.fullmatch(text) if len(text) <= _MAX_CHARACTERS else None
    return SpiffeId(match["trust_domain"], match["path"]) if match else None


def check_trust_domain(text: str) -> str:
    """The name of a trust domain, as given; ValueError for anything else."""
    if not re.fullmatch(_TRUST_DOMAIN, text):
        shown = repr(text if len(text) <= 80 else f"{text[:77]}...")
        raise ValueError(
            f"expected a trust domain such as example.org, in lower case, without scheme and path, got {shown}"
        )
    return text
