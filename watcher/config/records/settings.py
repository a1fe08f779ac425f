"""Where are records, and whom are they believed? The part `records` of the section `checklist`."""

import glob
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from probes.controls.records import Verify
from watcher.config.records.authority import AuthoritySettings, KeyName
from watcher.text.key_path import plain_name

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SELECTOR = re.compile(r"[A-Za-z0-9 !=,()./_-]{1,500}")
_MOST = 100


def _label(text: str) -> str:
    if not _DNS_LABEL.fullmatch(text):
        raise ValueError(f"expected the name of a namespace, got {plain_name(text)}")
    return text


def _selector(text: str) -> str:
    if not _SELECTOR.fullmatch(text):
        raise ValueError(f"expected a label selector such as agentweave.io/records=true, got {plain_name(text)}")
    return text


def _files(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f"expected an absolute path such as /etc/records/*.yaml, got {plain_name(text)}")
    if glob.has_magic(str(Path(text).parent)):
        raise ValueError(f"expected a pattern in the name of the file alone, got {plain_name(text)}")
    return text


class RecordConfigMaps(BaseModel):
    """ConfigMaps whose values are records."""

    model_config = _FROZEN

    namespace: Annotated[str, AfterValidator(_label)] = Field(description="their namespace, in which no agents run")
    selector: Annotated[str, AfterValidator(_selector)] = Field(
        default="agentweave.io/records=true", description="label selector of these ConfigMaps"
    )


class RecordSettings(BaseModel):
    """What people and pipelines say of controls, and whom of them is believed."""

    model_config = _FROZEN

    files: Annotated[tuple[Annotated[str, AfterValidator(_files)], ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="files with records, checked every two seconds; the file name may be a pattern",
        examples=[["/etc/agentweave-watcher/records/*.yaml"]],
    )
    configmaps: RecordConfigMaps | None = Field(default=None, description="ConfigMaps with records, watched")
    authorities: Annotated[tuple[AuthoritySettings, ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="which source may hold records of which controls; others are invalid; left out: every source may "
        "hold any",
    )
    verify: Verify = Field(
        default=Verify.OFF, description="which records must be signed by a key: none, those of pipelines, or all"
    )
    keys: Annotated[dict[KeyName, Path], Field(max_length=20)] = Field(
        default_factory=dict,
        description="public keys by name, each a PEM file; read again when it changes",
        examples=[{"pipeline": "/etc/agentweave-watcher/keys/pipeline.pub"}],
    )

    @model_validator(mode="after")
    def _known_keys(self) -> Self:
        if self.verify is not Verify.OFF and not self.keys:
            raise ValueError("verify needs keys: without one no signature is right")
        unknown = sorted({name for each in self.authorities for name in each.keys} - self.keys.keys())
        if unknown:
            raise ValueError(f"authorities name {unknown[0]}, which is not among records.keys")
        return self

    @property
    def wanted(self) -> bool:
        """Whether records are read anywhere."""
        return bool(self.files) or self.configmaps is not None
