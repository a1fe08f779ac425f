"""A file is replaced as a whole or stays as it was, whatever happens meanwhile."""

import os
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".new"
"""Ends the name under which the content is written first, beside the file that it will replace."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write all of it, making the directory if need be; OSError where the disk does not take it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(TEMPORARY).open("wb") as file:
        file.write(content)
        replace_with(file, path)


def replace_with(file: BinaryIO, path: Path) -> None:
    """Let `file`, written under `path` with the suffix TEMPORARY, take the place of `path` for good."""
    file.flush()
    os.fsync(file.fileno())
    path.with_suffix(TEMPORARY).replace(path)
    # A crash could otherwise undo the change of name (rename(2); fsync(2) of a file does not cover its entry).
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
