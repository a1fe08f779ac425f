"""Short texts of the config: patterns, words, ids, lines. What is none is a ValueError with a sentence."""

import re
from typing import Annotated

from pydantic import AfterValidator

from watcher.text.key_path import plain_name

_PATTERN = re.compile(r"[!-~]{1,253}")
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_CONTROL = re.compile(r"[a-z0-9.-]{1,120}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}")
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


def _pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError(f"expected a pattern such as prod-*, got {plain_name(text)}")
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"expected 1 to 63 letters, digits and dashes, got {plain_name(text)}")
    return text


def _control(text: str) -> str:
    if not _CONTROL.fullmatch(text):
        raise ValueError(
            f"expected the id of a control such as deployment.resources.cpu-limits, got {plain_name(text)}"
        )
    return text


def _line(text: str) -> str:
    if not _LINE.fullmatch(text):
        raise ValueError(f"expected 1 to 200 characters on one line, got {plain_name(text)}")
    return text


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"expected the name of a label such as cluster, got {plain_name(text)}")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Word = Annotated[str, AfterValidator(_word)]
ControlId = Annotated[str, AfterValidator(_control)]
Line = Annotated[str, AfterValidator(_line)]
LabelName = Annotated[str, AfterValidator(_label)]
