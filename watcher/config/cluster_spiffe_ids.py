"""As what does SPIRE's controller manager run? The section `discovery.kubernetes.cluster_spiffe_ids` of the config."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from probes.contract.spiffe_id import check_trust_domain
from watcher.text.key_path import plain_name

_WORD = re.compile(r"[!-~]{0,253}")


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"expected at most 253 characters without spaces, got {plain_name(text)}")
    return text


class ClusterSpiffeIdSettings(BaseModel):
    """What its objects leave to its own config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trust_domain: Annotated[str, AfterValidator(check_trust_domain)] = Field(
        description="its trust domain, `.TrustDomain` of templates", examples=["example.org"]
    )
    cluster_name: Annotated[str, AfterValidator(_word)] = Field(
        default="", description="its cluster name, `.ClusterName` of templates"
    )
    cluster_domain: Annotated[str, AfterValidator(_word)] = Field(
        default="", description="its cluster domain, `.ClusterDomain` of templates"
    )
    class_name: Annotated[str, AfterValidator(_word)] = Field(
        default="", description="only objects of this class count; left out: those of every class and of none"
    )
