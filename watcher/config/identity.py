"""Where does the watcher's own identity come from? The `identity` section of the config."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from probes.contract.spiffe_id import check_trust_domain
from watcher.text.key_path import plain_name

_ENDPOINT = re.compile(r"unix:(?://)?(/[^/?#][^?#]*)")  # SPIFFE Workload Endpoint specification, section 4
_LONGEST_SOCKET_PATH = 107  # sun_path of unix(7), without the closing zero
_FILES = ("cert_file", "key_file", "bundle_file")


def _endpoint(text: str) -> str:
    match = _ENDPOINT.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a socket such as unix:///run/spire/sockets/agent.sock, got {plain_name(text)}")
    if len(match[1].encode()) > _LONGEST_SOCKET_PATH:
        raise ValueError(f"expected a socket path of at most {_LONGEST_SOCKET_PATH} bytes, got {plain_name(match[1])}")
    return text


class IdentitySettings(BaseModel):
    """The Workload API, or three files: exactly one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workload_api: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None,
        description="socket of the SPIFFE Workload API",
        examples=["unix:///run/spire/sockets/agent.sock"],
    )
    cert_file: Path | None = Field(default=None, description="certificate chain in PEM, leaf first; re-read")
    key_file: Path | None = Field(default=None, description="its private key in PEM, not encrypted; re-read")
    bundle_file: Path | None = Field(default=None, description="CA certificates of the trust domain in PEM; re-read")
    trust_domain: Annotated[str, AfterValidator(check_trust_domain)] | None = Field(
        default=None,
        description="the watcher's own trust domain; left out: that of its first SVID",
        examples=["example.org"],
    )

    @model_validator(mode="after")
    def _exactly_one_way(self) -> Self:
        missing = [name for name in _FILES if getattr(self, name) is None]
        if self.workload_api is None and len(missing) == len(_FILES):
            raise ValueError("expected workload_api, or cert_file, key_file and bundle_file")
        if self.workload_api is not None and len(missing) < len(_FILES):
            raise ValueError("expected either workload_api or the three files, not both")
        if self.workload_api is None and missing:
            raise ValueError(f"cert_file, key_file and bundle_file go together: expected {' and '.join(missing)} too")
        return self

    @property
    def socket_path(self) -> str:
        """The path of the Workload API's socket."""
        match = _ENDPOINT.fullmatch(self.workload_api or "")
        return match[1] if match else ""
