"""Who may say what in records?"""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from probes.controls.records import Authority
from watcher.text.key_path import plain_name

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_PATTERN = re.compile(r"[!-~]{1,500}")
_MOST = 100


def _pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError(f"expected a pattern without spaces, got {plain_name(text)}")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]


class AuthoritySettings(BaseModel):
    """Who may say what."""

    model_config = _FROZEN

    source: Pattern = Field(
        description="pattern of a place of records: file:PATH, or configmap:NAMESPACE/NAME",
        examples=["configmap:agentweave-records/security-*"],
    )
    controls: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=300)] = Field(
        default=("*",), description="patterns of controls that may be spoken of there", examples=[["security.*"]]
    )
    namespaces: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=300)] = Field(
        default=("*",), description="patterns of namespaces whose agents may be spoken of there"
    )
    keys: Annotated[tuple[KeyName, ...], Field(max_length=_MOST)] = Field(
        default=(), description="names of keys; where there are any, one of them must have signed the record"
    )

    def authority(self) -> Authority:
        """The same, as records are held to it."""
        return Authority(self.source, self.controls, self.namespaces, frozenset(self.keys))
