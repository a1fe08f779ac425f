"""Embedded databases: opened or made alike wherever something is kept in one, and what their files are.

One connection, used by one thread at a time; whoever calls sees to that, and it is not always the same thread.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

_CACHE = 1024  # KiB of pages, all that a database holds in memory
_LOG = 4 << 20  # bytes of the write-ahead log that stay on disk


class NewerError(ValueError):
    """The tables are those of a newer release."""


def open_database(path: Path | None, tables: str, version: int, reads: Sequence[str]) -> sqlite3.Connection:
    """Open or make it, in memory where there is no `path`; NewerError, sqlite3.Error.

    `version` of the tables, which grows with each change of them; `reads`: queries by which a broken file is found.
    """
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=1.0)
    try:
        _prepare(connection, tables, version)
        for each in reads:
            connection.execute(each).fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, tables: str, version: int) -> None:
    execute = connection.execute
    for pragma in (f"cache_size=-{_CACHE}", "temp_store=MEMORY", f"journal_size_limit={_LOG}"):
        execute(f"PRAGMA {pragma}")
    (found,) = execute("PRAGMA user_version").fetchone()
    if found > version:
        raise NewerError(f"its version is {found}, this release knows {version}")
    if found == 0:
        execute("PRAGMA auto_vacuum=INCREMENTAL")
        execute("PRAGMA journal_mode=WAL")
        connection.executescript(f"BEGIN; {tables} PRAGMA user_version={version}; COMMIT;")
    execute("PRAGMA synchronous=NORMAL")


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes in use; the write-ahead log comes on top, some megabytes."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)


def set_aside(path: Path) -> Path:
    """Move a database out of the way, in the place of what was set aside before: it may be large. OSError."""
    aside = path.with_name(f"{path.name}.unreadable")
    for ending in ("", "-wal", "-shm"):
        file, kept = (each.with_name(each.name + ending) for each in (path, aside))
        kept.unlink(missing_ok=True)
        if file.exists():
            file.replace(kept)
    return aside
