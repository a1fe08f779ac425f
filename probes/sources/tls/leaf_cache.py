"""The facts of the leaf that each target served last: an unchanged certificate is not read again each minute."""

from collections.abc import Collection
from hashlib import sha256

from probes.contract import TargetKey
from probes.readings.certificate import Leaf, UnreadableError, read_leaf


class LeafCache:
    """One leaf a target, known again by the digest of its DER bytes."""

    def __init__(self) -> None:
        self._last: dict[TargetKey, tuple[bytes, Leaf | None]] = {}

    def read(self, key: TargetKey, der: bytes) -> Leaf | None:
        """The facts of this target's certificate, None where it cannot be read."""
        digest = sha256(der).digest()
        last = self._last.get(key)
        if last is None or last[0] != digest:
            last = self._last[key] = (digest, _facts(der))
        return last[1]

    def keep(self, keys: Collection[TargetKey]) -> None:
        """Forget all other targets."""
        self._last = {key: self._last[key] for key in keys if key in self._last}


def _facts(der: bytes) -> Leaf | None:
    try:
        return read_leaf(der)
    except UnreadableError:
        return None
