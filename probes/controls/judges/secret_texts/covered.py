"""Texts that are not written in plain: escaped, as JSON in JSON has it, or in base64."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator

_ESCAPED = re.compile(r"(?<!\\)\\++(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\"'/])|[nrt])")
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/]{24,16384}|[A-Za-z0-9_-]{24,16384})={0,2}(?![A-Za-z0-9+/_=-])"
)
_MOST = 100
"""Words of base64 that are read of one text."""

_TO_PLAIN_ALPHABET = str.maketrans("-_", "+/")


def unescaped(text: str) -> str:
    """The text with its escapes replaced, however many backslashes stand before each."""
    if "\\" not in text:
        return text
    return _ESCAPED.sub(_plain, text)


def _plain(found: "re.Match[str]") -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else found[3] or " "


def decoded(text: str) -> Iterator[str]:
    """What words of base64 stand for, where that is text."""
    for number, found in enumerate(_BASE64.finditer(text)):
        if number == _MOST:
            return
        word = found[0].rstrip("=").translate(_TO_PLAIN_ALPHABET)
        try:
            plain = b64decode(word + "=" * (-len(word) % 4)).decode()
        except (Error, UnicodeDecodeError):
            continue
        if plain.isascii():
            yield plain
