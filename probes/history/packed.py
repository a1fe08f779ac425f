"""Histories of numbers as bytes: ten thousand agents have one each."""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

Packed = Annotated[
    bytes,
    BeforeValidator(lambda given: b64decode(given) if isinstance(given, str) else given),
    PlainSerializer(lambda numbers: b64encode(numbers).decode(), return_type=str),
]
"""Numbers one after the other, in the state file as base64."""

NUMBER = 8
"""Bytes of one number."""


def pack(numbers: Iterable[float]) -> bytes:
    """As 8-byte floats."""
    return array("d", numbers).tobytes()


def unpack(packed: bytes) -> list[float]:
    """The floats of `pack`; what is cut off at the end is left out."""
    return array("d", packed[: len(packed) // NUMBER * NUMBER]).tolist()


SHORT = 4
"""Bytes of one short number."""


def pack_short(numbers: Iterable[float]) -> bytes:
    """As 4-byte floats, of seven digits: what was within a window."""
    return array("f", numbers).tobytes()


def unpack_short(packed: bytes) -> list[float]:
    """The floats of `pack_short`; what is cut off at the end is left out."""
    return array("f", packed[: len(packed) // SHORT * SHORT]).tolist()
