"""Which lease decides who of two watchers tells what they see? The section `standby` of the config."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from watcher.text.addresses import DNS_LABEL
from watcher.text.key_path import plain_name


def _namespace(text: str) -> str:
    if not re.fullmatch(DNS_LABEL, text):
        raise ValueError(f"expected the name of a namespace, got {plain_name(text)}")
    return text


def _lease(text: str) -> str:
    if len(text) > 253 or not re.fullmatch(rf"{DNS_LABEL}(?:\.{DNS_LABEL})*", text):
        raise ValueError(f"expected the name of a Lease, got {plain_name(text)}")
    return text


class Standby(BaseModel):
    """Both processes look and keep their state; the holder of the lease exports what it sees and tells of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lease: Annotated[str, AfterValidator(_lease)] = Field(
        description="name of the Lease, which is made if it is not there"
    )
    namespace: Annotated[str, AfterValidator(_namespace)] = Field(description="namespace of the Lease")
    kubeconfig: Path | None = Field(
        default=None, description="kubeconfig file; left out: the service account of the watcher's own pod"
    )
