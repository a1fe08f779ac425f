"""Who may say what in records?"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from probes.controls.records import Authority
from watcher.text.short_texts import Pattern

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_MOST = 100


KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]


class AuthoritySettings(BaseModel):
    """Who may say what."""

    model_config = _FROZEN

    source: Pattern = Field(
        description="pattern of a source of records: file:PATH, or configmap:NAMESPACE/NAME",
        examples=["configmap:agentweave-records/security-*"],
    )
    controls: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=300)] = Field(
        default=("*",), description="patterns of the controls that its records may be about", examples=[["security.*"]]
    )
    namespaces: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=300)] = Field(
        default=("*",), description="patterns of the namespaces that its records may be about"
    )
    keys: Annotated[tuple[KeyName, ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="names of keys, one of which must have signed the record; left out: no signature is needed",
    )

    def authority(self) -> Authority:
        """The same, as records are held to it."""
        return Authority(self.source, self.controls, self.namespaces, frozenset(self.keys))
