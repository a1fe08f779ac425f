"""Where are records, and whom are they believed? The part `records` of the section `checklist`."""

import glob
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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

    namespace: Annotated[str, AfterValidator(_label)] = Field(description="where they are; no agents run there")
    selector: Annotated[str, AfterValidator(_selector)] = Field(
        default="agentweave.io/records=true", description="which of them, by their labels"
    )


class RecordSettings(BaseModel):
    """What people and pipelines say of controls, and whom of them is believed."""

    model_config = _FROZEN

    files: Annotated[tuple[Annotated[str, AfterValidator(_files)], ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="files with records, looked at every two seconds; a pattern in the name of a file is allowed",
        examples=[["/etc/agentweave-watcher/records/*.yaml"]],
    )
    configmaps: RecordConfigMaps | None = Field(default=None, description="ConfigMaps with records, watched")
    authorities: Annotated[tuple[AuthoritySettings, ...], Field(max_length=_MOST)] = Field(
        default=(), description="who may say what: outside of these a record is invalid; left out: all may say all"
    )
    verify: Verify = Field(default=Verify.OFF, description="which records must be signed by one of the keys")
    keys: Annotated[dict[KeyName, Path], Field(max_length=20)] = Field(
        default_factory=dict,
        description="public keys by name, each a PEM file; read again when it changes",
        examples=[{"pipeline": "/etc/agentweave-watcher/keys/pipeline.pub"}],
    )

    @property
    def wanted(self) -> bool:
        """Whether records are read anywhere."""
        return bool(self.files) or self.configmaps is not None
