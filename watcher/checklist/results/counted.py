"""What a reader gives, and how it reads JSON: capped, typed, and refused in one sentence."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple, TypeVar

from pydantic import BaseModel, Field, ValidationError

from watcher.text.key_path import key_path

MOST_BYTES = 64 << 20
"""Of a file: ten times the report of a large image."""

Count = Annotated[int, Field(ge=0, le=1 << 53)]
Figure = Annotated[float, Field(ge=0, allow_inf_nan=False)]

M = TypeVar("M", bound=BaseModel)


class UnreadableError(ValueError):
    """The file is not what it was said to be, or says nothing that counts; one sentence."""


class Counted(NamedTuple):
    """The numbers of one file."""

    counts: Mapping[str, float]
    images: frozenset[str] = frozenset()  # digests of what was looked at, where the file says it


def document(data: bytes, model: type[M], what: str) -> M:
    """The JSON document as this model; `what` it should be, for the sentence of an UnreadableError."""
    try:
        return model.model_validate_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = key_path(first["loc"])
        raise UnreadableError(f"expected {what}: {where}{': ' if where else ''}{first['msg'][:200]}") from error


def ratio(part: float, whole: float) -> float:
    """UnreadableError where there is no whole: a share of nothing is no figure."""
    if whole <= 0:
        raise UnreadableError("it counts nothing, so that a share of it is no figure")
    return part / whole
