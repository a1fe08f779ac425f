"""What are the watcher's own processes, who of two tells what they see, and which of several looks at a target?

The sections `installation`, `standby` and `shard`. A target is looked at by the one that its name hashes to: no list,
no talk between them.
"""

import re
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from watcher.text.addresses import DNS_LABEL
from watcher.text.key_path import plain_name

_NAME = rf"{DNS_LABEL}(?:\.{DNS_LABEL})*"
_LABEL = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,252}=[A-Za-z0-9][A-Za-z0-9._-]{0,62}"

WORKLOAD = re.compile(rf"(?:deployment|statefulset)/(?=.{{1,253}}$){_NAME}")
SELECTOR = re.compile(rf"{_LABEL}(?:,{_LABEL}){{0,9}}")


def _namespace(text: str) -> str:
    if not re.fullmatch(DNS_LABEL, text):
        raise ValueError(f"expected the name of a namespace, got {plain_name(text)}")
    return text


def _lease(text: str) -> str:
    if len(text) > 253 or not re.fullmatch(_NAME, text):
        raise ValueError(f"expected the name of a Lease, got {plain_name(text)}")
    return text


class Standby(BaseModel):
    """Both processes look and keep their state; the holder of the lease exports what it sees and tells of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lease: Annotated[str, AfterValidator(_lease)] = Field(description="name of the Lease, created if missing")
    namespace: Annotated[str, AfterValidator(_namespace)] = Field(description="namespace of the Lease")
    kubeconfig: Path | None = Field(
        default=None, description="kubeconfig file; left out: the service account of the watcher's own pod"
    )


def _workload(text: str) -> str:
    if not WORKLOAD.fullmatch(text):
        raise ValueError(f"expected deployment/NAME or statefulset/NAME, got {plain_name(text)}")
    return text


def _selector(text: str) -> str:
    if not SELECTOR.fullmatch(text):
        raise ValueError(f"expected labels such as app.kubernetes.io/instance=watcher, got {plain_name(text)}")
    return text


def _pod(text: str) -> str:
    if len(text) > 253 or not re.fullmatch(_NAME, text):
        raise ValueError(f"expected the name of a pod, got {plain_name(text)}")
    return text


class Installation(BaseModel):
    """The watcher's own pods, for the commands in its runbooks; the chart says so in the environment of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: Annotated[str, AfterValidator(_namespace)] = Field(description="namespace of the watcher's pods")
    workload: Annotated[str, AfterValidator(_workload)] = Field(
        description="workload of these pods: deployment/NAME or statefulset/NAME"
    )
    selector: Annotated[str, AfterValidator(_selector)] = Field(
        description="labels by which they are selected, such as app.kubernetes.io/instance=watcher"
    )
    pod: Annotated[str, AfterValidator(_pod)] | None = Field(
        default=None, description="name of this process's own pod; left out: commands have a variable there"
    )


MOST_SHARDS = 100


class Shard(BaseModel):
    """One part of the fleet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(
        default=0, ge=0, lt=MOST_SHARDS, description="number of the shard that this process watches, from 0"
    )
    count: int = Field(default=1, ge=1, le=MOST_SHARDS, description="number of shards")

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.index >= self.count:
            raise ValueError(f"index {self.index} is none of {self.count}, expected less than count")
        return self

    def owns(self, namespace: str, pod: str) -> bool:
        """Whether this shard looks at the pod; exactly one shard of a count does."""
        if self.count == 1:
            return True
        own = _weight(self.index, namespace, pod)
        others = (index for index in range(self.count) if index != self.index)
        return not any(_weight(index, namespace, pod) > own for index in others)


def _weight(index: int, namespace: str, pod: str) -> tuple[bytes, int]:
    """Rendezvous hashing: the shard that weighs most has the pod, so a new shard takes pods and moves no others.

    blake2b, because crc32 is linear: there the weights of two shards differ by the same bits for every pod.
    """
    return blake2b(f"{index}/{namespace}/{pod}".encode(), digest_size=8).digest(), index
