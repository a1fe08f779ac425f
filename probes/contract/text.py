"""Texts from outside, of a length that can be kept."""

from hashlib import sha256

LONGEST = 200
"""Characters of a name or a text that is kept; no real name is as long."""

_DIGEST = 12


def cut(text: str) -> str:
    """The text; of a longer one the beginning and a digest of all, so that two of them stay two."""
    if len(text) <= LONGEST:
        return text
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{text[: LONGEST - _DIGEST - 1]}…{digest}"
