"""Which of several watchers looks at a target? The one that its name hashes to: no list, no talk between them."""

from hashlib import blake2b
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_SHARDS = 100


class Shard(BaseModel):
    """One part of the fleet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(default=0, ge=0, lt=MOST_SHARDS, description="which part of the fleet this process watches")
    count: int = Field(default=1, ge=1, le=MOST_SHARDS, description="in how many parts the fleet is watched")

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
