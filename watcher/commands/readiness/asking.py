"""How is a running daemon asked, by whoever may read its pages?"""

import json
import re
import ssl
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

MOST_BYTES = 1 << 30
"""Of an answer: findings of a thousand agents are a sixth of it."""

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_HERE = ("localhost", "127.0.0.1", "::1")
_FINAL = (400, 401, 403, 404, 405, 421)


class AskingError(Exception):
    """The daemon cannot be asked, or gave no answer; one sentence."""

    def __init__(self, why: str, code: int = 0, *, is_final: bool = False) -> None:
        """`code` of HTTP, 0 where none came; `is_final`: this daemon will never answer it to these credentials."""
        super().__init__(why)
        self.code, self.is_final = code, is_final or code in _FINAL


def ask(url: str, path: str, query: Mapping[str, str], given: Namespace) -> bytes:
    """The body of the answer of a daemon at this URL; AskingError."""
    headers, auth = _who(url, given)
    try:
        context = ssl.create_default_context(cafile=given.ca_file)
        with (
            httpx.Client(verify=context, timeout=_TIMEOUT, headers=headers, auth=auth, trust_env=False) as client,
            client.stream("GET", f"{url.rstrip('/')}{path}", params=dict(query)) as answer,
        ):
            return _body(answer)
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise AskingError(f"{url}: {_short(error)}") from error


def _short(error: Exception) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def _who(url: str, given: Namespace) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Headers, and name and password. What is secret goes over verified TLS, or stays on this machine."""
    if given.bearer_token_file is None and given.user_file is None:
        return {}, None
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _HERE:
        raise AskingError(f"{url}: expected https with --bearer-token-file and --user-file", is_final=True)
    if given.bearer_token_file is not None:
        return {"Authorization": f"Bearer {_secret(given.bearer_token_file)}"}, None
    name, colon, password = _secret(given.user_file).partition(":")
    if not colon:
        raise AskingError(f"{given.user_file}: expected NAME:PASSWORD", is_final=True)
    return {}, (name, password)


def _secret(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AskingError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'expected UTF-8'}") from error
    if not text.isprintable() or not text:
        raise AskingError(f"{path}: expected one line of text")
    return text


def _body(answer: httpx.Response) -> bytes:
    pieces, size = list[bytes](), 0
    for piece in answer.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise AskingError(f"{answer.url}: the answer is over {MOST_BYTES >> 20} MiB")
    body = b"".join(pieces)
    if answer.status_code != httpx.codes.OK:
        where = answer.url.copy_with(query=None)
        said = f"{where}: {answer.status_code} {answer.reason_phrase}{_why(body)}"
        raise AskingError(said, answer.status_code)
    return body


def _why(body: bytes) -> str:
    """What the API says is wrong, where it is the API that answered."""
    try:
        said = json.loads(body[:2000])["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f": {said}"[:300]
