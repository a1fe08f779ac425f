"""What hostile OPAs answer: to a question for a decision, and to one for their status."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.hostile.pages import deep_json, long_key_status, tiny_keys_status

DENIED = b'{"result":false}'


class Attack(NamedTuple):
    """One way to harm whoever asks."""

    what: str  # for docs/reliability.md
    decision: bytes = b""  # raw answers; none: a plain denial
    status: bytes = b""  # none: no status plugin
    pause: float = 0.0  # seconds before each answer
    closes: bool = False


def json_answer(body: bytes, status: int = 200, headers: bytes = b"") -> bytes:
    """A whole answer of this text."""
    head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
    return head % (status, headers, len(body)) + body


def _bundle(name: bytes, revision: bytes, at: bytes) -> bytes:
    times = b'"last_successful_request":"%b","last_successful_activation":"%b"' % (at, at)
    return b'{"result":{"bundles":{"%b":{"active_revision":"%b",%b}}}}' % (name, revision, times)


_NOW = b"2026-01-01T00:00:00Z"
_LAST = b"9999-12-31T23:59:59-23:59"
_SCRIPT = b"<script>alert(1)</script>"


def attacks() -> Iterator[Attack]:
    """All of them."""
    yield Attack("JSON nested 30,000 deep", json_answer(deep_json()))
    number = json_answer(b'{"result":{"allow":true,"n":' + b"9" * 60_000 + b"}}")
    yield Attack("a number of 60,000 digits", number)
    yield Attack("two results", json_answer(b'{"result":false,"result":true}'))
    yield Attack("a result of NaN", json_answer(b'{"result":NaN}'))
    yield Attack("a decision of 900 kB", json_answer(b'{"result":"' + b"x" * 900_000 + b'"}'))
    yield Attack("half a surrogate", json_answer(b'{"result":"\\ud800"}'))
    error = b'{"code":"internal_error","message":"%b\\ud800"}' % _SCRIPT
    yield Attack("a script as an error", json_answer(error, 500))
    yield Attack("status 502", json_answer(b"bad", 502))
    yield Attack("status 401", json_answer(b"", 401))
    away = json_answer(b"", 302, b"Location: http://169.254.169.254/\r\n")
    yield Attack("a redirect to the cloud's metadata", away)
    yield Attack("half an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", closes=True)
    yield Attack("answers that come late", pause=1.5)
    yield Attack("a policy that allows everybody", json_answer(b'{"result":true}'))
    yield Attack("a status of 1 MiB of tiny keys", status=json_answer(tiny_keys_status()))
    yield Attack("a status of one key of 1 MiB", status=json_answer(long_key_status()))
    deep = b'{"result":{"bundles":' + b'{"a":' * 30_000 + b"1" + b"}" * 30_000 + b"}}"
    yield Attack("a status nested 30,000 deep", status=json_answer(deep))
    yield Attack("bundles with scripts as names", status=json_answer(_bundle(b"<img src=x>", _SCRIPT, _NOW)))
    yield Attack("bundle names of 1 MB", status=json_answer(_bundle(b"n" * 400_000, b"r" * 400_000, _NOW)))
    date = b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n"
    yield Attack("the end of time", status=json_answer(_bundle(b"b", b"r", _LAST), headers=date))
