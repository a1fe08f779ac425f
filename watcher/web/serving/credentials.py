"""Who is it that asks? Passwords against bcrypt hashes, and one bearer token."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from watcher.web.serving.places import Places
from watcher.web.serving.turns import Turns

_LONGEST_PASSWORD = 72  # bytes; bcrypt looks at no more
_LONGEST_HEADER = 4096


class PasswordChecks:
    """Computes hashes one at a time, in a thread, callers in turn; what was right once is not computed again."""

    def __init__(self, places: Places) -> None:
        """Who waits has one of the `places`."""
        self._turns, self._places, self._thread = Turns(), places, ThreadPoolExecutor(1, "bcrypt")
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, bytes] = {}  # by stored hash, a keyed digest of the password that made it

    async def is_right(self, stored: bytes, password: bytes, caller: str) -> bool:
        """Whether the password makes this bcrypt hash; `caller` is charged; FullError if it waits too often."""
        digest = hashlib.blake2b(password, key=self._key).digest()
        if hmac.compare_digest(self._right.get(stored, b""), digest):
            return True
        with self._places.place(caller):
            async with self._turns.turn(caller):
                compute = asyncio.get_running_loop().run_in_executor
                right = await compute(self._thread, bcrypt.checkpw, password[:_LONGEST_PASSWORD], stored)
        right = right and len(password) <= _LONGEST_PASSWORD
        if right:
            self._right[stored] = digest
        return right


class Credentials:
    """Decides on `Authorization` headers."""

    def __init__(self, users: Mapping[str, str], token: bytes | None, checks: PasswordChecks) -> None:
        """`users`: bcrypt hashes by name."""
        self._users = {name.encode(): text.encode() for name, text in users.items()}
        self._token, self._checks = token, checks
        self._decoy = _decoy(list(self._users.values()))

    @property
    def needed(self) -> bool:
        """Whether anything is to be shown at all."""
        return bool(self._users) or self._token is not None

    @property
    def challenges(self) -> list[str]:
        """What `WWW-Authenticate` offers (RFC 7617, RFC 6750)."""
        basic = ['Basic realm="agentweave-watcher", charset="UTF-8"'] if self._users else []
        return basic + (['Bearer realm="agentweave-watcher"'] if self._token is not None else [])

    async def allow(self, header: bytes, caller: str) -> bool:
        """Whether whoever sent this header may read; `caller` is charged; FullError if it waits too often."""
        scheme, _, given = header.partition(b" ")
        match scheme.lower():
            case b"bearer" if self._token is not None:
                return hmac.compare_digest(given.strip(), self._token)
            case b"basic" if self._users and len(header) <= _LONGEST_HEADER:
                return await self._is_user(given, caller)
        return False

    async def _is_user(self, given: bytes, caller: str) -> bool:
        try:
            name, colon, password = base64.b64decode(given.strip(), validate=True).partition(b":")
        except binascii.Error:
            return False
        # An unknown user costs as much as a known one, or the time would tell who there is.
        stored = self._users.get(name, self._decoy)
        return bool(colon) and await self._checks.is_right(stored, password, caller) and name in self._users


def _decoy(hashes: list[bytes]) -> bytes:
    """A hash as dear as the dearest, of a password that nobody knows."""
    cost = max((int(each[4:6]) for each in hashes), default=4)
    # Salt and digest of bcrypt in its own base64: any text of this length is a hash of something.
    return (
        f"$2b${cost:02d}$".encode()
        + base64.b64encode(secrets.token_bytes(39)).translate(_OWN_BASE64)[:21]
        + b"u"
        + b"." * 31
    )


_OWN_BASE64 = bytes.maketrans(b"+/", b"./")
