"""Does a text have credentials in it, such as a password of a connection string? That it is one is not certain."""

import re
from base64 import b64decode
from collections.abc import Iterator

from probes.controls.judges.secret_texts.names import WAYS, names_secret

EXAMPLE = "-u a:b"
"""A text that has some, which are nobody's."""

_NO_VALUE = r"(?![$<{*%/\[]|\.\.\.|(?:file|env|vault|secret|arn|op|sm|berglas|secretref):)"
"""What follows says where a secret is, or that one was left out."""

_SETTING = re.compile(
    r"""(?:^|[\s?&;,"'(])-{0,2}([A-Za-z][A-Za-z0-9_.-]{0,79})=["']?""" rf"""{_NO_VALUE}([^\s&;,"']{{1,200}})"""
)
"""`?password=x`, `user=a password=x`, `--api-key=x`."""

_HEADER = re.compile(
    r"""\b(?:proxy-)?authorization["']?[ \t]*[:=][ \t]*["']?(?:basic|bearer|token|apikey|digest)[ \t]+"""
    rf"{_NO_VALUE}\S{{4}}",
    re.IGNORECASE,
)
_BASIC = re.compile(r"\bbasic[ \t]+([A-Za-z0-9+/]{6,400}={0,2})(?![A-Za-z0-9+/=])", re.IGNORECASE)
_BEARER = re.compile(rf"\s*bearer[ \t]+({_NO_VALUE}\S{{6,}})\s*", re.IGNORECASE)
_USER = re.compile(
    r"""(?:^|\s)(?:-u[ \t]*|--(?:proxy-)?user[ \t=][ \t]*)["']?([^\s:"'$]{1,64}):"""
    rf"""{_NO_VALUE}([^\s"']{{1,200}})"""
)
"""As curl and wget take them; of `docker run -u 1000:1000` both are numbers."""

_SIGNATURES = ("sig", "signature", "x-amz-signature", "x-goog-signature")
_HEADERS = ("authorization", "proxy-authorization", "cookie")
_SEARCHED = 2**20
"""Characters of one text."""


def has_credentials(text: str) -> bool:
    """Whether a part of it reads like some."""
    text = text[:_SEARCHED]
    return any(_found(text))


def is_secret_header(name: str, value: str) -> bool:
    """Whether a header of HTTP with this value gives somebody a right."""
    begin = re.match(rf"{_NO_VALUE}\S", value.strip())
    return begin is not None and name.lower() in _HEADERS


def _found(text: str) -> Iterator[bool]:
    if "=" in text:
        yield any(_is_secret(name, value) for name, value in _SETTING.findall(text))
    if ":" in text:
        yield any(not (user.isdecimal() and value.isdecimal()) for user, value in _USER.findall(text))
    yield _HEADER.search(text) is not None
    yield any(map(_is_pair, _BASIC.findall(text)))
    bearer = _BEARER.fullmatch(text)
    yield bearer is not None and bearer[1].lower() not in WAYS


def _is_secret(name: str, value: str) -> bool:
    if name.lower() in _SIGNATURES:
        return True
    counted = value.isdecimal() and name.lower().endswith("token")
    return names_secret(name, value) and "://" not in value and not counted


def _is_pair(text: str) -> bool:
    """Whether it is `user:password` in base64."""
    try:
        plain = b64decode(text, validate=True).decode()
    except ValueError:
        return False
    return ":" in plain.strip(":") and plain.isprintable()
