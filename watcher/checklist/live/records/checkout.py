"""Which commit is checked out where a file stands? Read from Git's own files; no program is run.

<https://git-scm.com/docs/gitrepository-layout>: `.git` is a folder, or a file that names one; `HEAD` there is a commit,
or names a reference, which is a file or a line of `packed-refs`.
"""

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REFERENCE = re.compile(r"ref: (refs/[!-~]{1,500})")
_FOLDER = re.compile(r"gitdir: ([^\n]{1,2000})")
_UP, _MOST = 20, 1 << 20
"""Folders up from the file, and bytes of a file of Git's."""


def commit_of(path: Path) -> str:
    """The commit in hexadecimal digits; empty where the file is in no checkout, or that cannot be read."""
    try:
        for folder in list(path.resolve().parents)[:_UP]:
            if (git := folder / ".git").exists():
                return _head(_git_folder(git))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links that lead to one another
        return ""
    return ""


def _git_folder(git: Path) -> Path:
    if git.is_dir():
        return git
    named = _FOLDER.match(_text(git))
    return git.parent / named[1].strip() if named else git


def _head(git: Path) -> str:
    text = _text(git / "HEAD").strip()
    if _COMMIT.fullmatch(text):
        return text
    reference = _REFERENCE.fullmatch(text)
    if reference is None or ".." in reference[1]:
        return ""
    common = git / _text(git / "commondir").strip() if (git / "commondir").exists() else git
    for place in (git, common):
        if (place / reference[1]).is_file():
            found = _text(place / reference[1]).strip()
            return found if _COMMIT.fullmatch(found) else ""
    packed = _text(common / "packed-refs") if (common / "packed-refs").is_file() else ""
    lines = (line.partition(" ") for line in packed.splitlines())
    return next((commit for commit, _, name in lines if name == reference[1] and _COMMIT.fullmatch(commit)), "")


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST).decode()
