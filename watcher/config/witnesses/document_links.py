"""Whether the links of records and the runbooks of alerts are tried: the section `document_links` of the checklist."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from watcher.text.addresses import host, host_port

_MOST = 100


def _host_or_port(text: str) -> str:
    """`wiki.example.org`, which stands for its ports 80 and 443, or `wiki.example.org:8443`."""
    try:
        return host(text)
    except ValueError:
        return host_port(text)


class DocumentLinksSettings(BaseModel):
    """Whether the links of records and the runbooks of alerts are tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: bool = Field(default=False, description="request each link once a day")
    allow_hosts: Annotated[tuple[Annotated[str, AfterValidator(_host_or_port)], ...], Field(max_length=_MOST)] = Field(
        default=(),
        description="hosts that may be requested, with the port unless it is 80 or 443; links to others are skipped",
        examples=[["wiki.example.org"]],
    )
