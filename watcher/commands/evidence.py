"""The command `evidence export`: what a running daemon knows of some days, as files that an auditor can check.

1. The folder must be empty: what another export wrote must not stand beside this one.
2. A file a day of findings; the records and the catalogue as they are now; the changes of all these days.
3. A day without a snapshot is named, never filled in.
4. `manifest.json` says what was asked and has the SHA-256 of each file; `SHA256SUMS` is for `sha256sum --check`.
"""

import hashlib
import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from probes.contract.address import shown_url
from probes.contract.units import utc
from watcher.commands.readiness.asking import AskingError, ask
from watcher.text.printable import printable

MOST_DAYS = 4000
_CHANGES = 10_000
"""Of one answer; the daemon gives no more."""


class _RefusedError(Exception):
    """Nothing can be exported; one sentence."""


def command(given: Namespace) -> int:
    """Write all of it; 0, or 2 where it cannot be had or written."""
    try:
        missing = _export(given)
    except (AskingError, _RefusedError) as error:
        print(f"agentweave-watcher evidence export: {printable(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:
        where = error.filename or given.directory
        print(f"agentweave-watcher evidence export: {where}: {error.strerror or error}", file=sys.stderr)
        return 2
    if missing:
        some = ", ".join(missing[:5]) + (" and more" if len(missing) > 5 else "")
        print(f"no snapshot of {len(missing)} of the days: {some}", file=sys.stderr)
    return 0


def _export(given: Namespace) -> list[str]:
    """The days without a snapshot."""
    days = list(_days(given.since, given.until or datetime.now(UTC).date()))
    files = _Folder(given.directory)
    missing = []
    for day in days:
        found = _ask_if_there(given, "/api/v1/readiness", {"at": day})
        if found is None:
            missing.append(day)
        else:
            files.write(f"findings/{day}.json", found)
    for name, path in (("records.json", "/api/v1/records"), ("catalogue.json", "/api/v1/controls")):
        files.write(name, ask(given.url, path, {}, given))
    for number, page in enumerate(_changes(given, days)):
        files.write(f"changes/{number:04}.json", page)
    about = {"url": shown_url(given.url), "since": days[0], "until": days[-1], "days_without_snapshot": missing}
    files.finish(
        {"made_at": utc(time.time()), "made_by": f"agentweave-watcher {version('agentweave-watcher')}", **about}
    )
    return missing


def _days(since: date, until: date) -> Iterator[str]:
    if until < since:
        raise _RefusedError("expected --until after --since")
    count = (until - since).days + 1
    if count > MOST_DAYS:
        raise _RefusedError(f"expected at most {MOST_DAYS} days, got {count}")
    return ((since + timedelta(days=number)).isoformat() for number in range(count))


def _ask_if_there(given: Namespace, path: str, query: Mapping[str, str]) -> bytes | None:
    """None where nothing is known of it."""
    try:
        return ask(given.url, path, query, given)
    except AskingError as error:
        if error.code == 404 and "no snapshot of" in str(error):
            return None
        raise


def _changes(given: Namespace, days: list[str]) -> Iterator[bytes]:
    """A page after the other."""
    offset, end = 0, date.fromisoformat(days[-1]) + timedelta(days=1)
    until = {} if end > datetime.now(UTC).date() else {"until": f"{end}T00:00:00Z"}
    asked = {"since": f"{days[0]}T00:00:00Z", **until, "limit": str(_CHANGES)}
    while True:
        page = ask(given.url, "/api/v1/changes", {**asked, "offset": str(offset)}, given)
        yield page
        offset += _CHANGES
        try:
            total = int(json.loads(page)["total"])
        except (ValueError, LookupError, TypeError) as error:
            raise _RefusedError(f"{given.url}: expected changes as JSON") from error
        if offset >= total:
            return


class _Folder:
    """Where the files go, with the digest of each."""

    def __init__(self, directory: Path) -> None:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise _RefusedError(f"{directory}: expected an empty folder, or none")
        self._directory, self._files = directory, list[dict[str, Any]]()

    def write(self, name: str, data: bytes) -> None:
        """A file, whose folder is made."""
        path = self._directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._files.append({"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})

    def finish(self, about: Mapping[str, object]) -> None:
        """The manifest, and the digests of all files with it."""
        manifest = {"format": "agentweave-watcher-evidence", "version": 1, **about, "files": list(self._files)}
        self.write("manifest.json", f"{json.dumps(manifest, indent=2)}\n".encode())
        sums = "".join(f"{each['sha256']}  {each['path']}\n" for each in self._files)
        (self._directory / "SHA256SUMS").write_text(sums)
