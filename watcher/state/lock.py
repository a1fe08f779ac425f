"""One process for one state directory: two would overwrite each other's history without a word."""

import fcntl
import logging
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

FILE_NAME = "lock"


class StateDirError(Exception):
    """Another process has this directory, or it is none; the message says which."""


def lock_state_dir(state_dir: Path) -> BinaryIO | None:
    """The lock, which holds until it is closed or the process ends, however it ends; StateDirError.

    None where the directory cannot be locked, as on some network file systems: that is logged, and no reason to stop.
    """
    path = state_dir / FILE_NAME
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")
    except FileExistsError:
        raise StateDirError(f"{state_dir} is not a directory") from None
    except OSError as error:
        log.warning("cannot lock state_dir", extra={"file": str(path), "why": error.strerror})
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = file.read(300).decode(errors="replace").strip()
        file.close()
        raise StateDirError(f"{state_dir} is in use by another watcher ({holder or 'it is starting'})") from None
    except OSError as error:  # ENOLCK: no lock server
        file.close()
        log.warning("cannot lock state_dir", extra={"file": str(path), "why": error.strerror})
        return None
    with suppress(OSError):  # a full disk; who holds it is for people only
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        file.flush()
    return file
