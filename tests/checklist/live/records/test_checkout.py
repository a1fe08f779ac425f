"""Which commit is checked out where a file with records stands, by what Git itself has written."""

import os
import subprocess
from pathlib import Path

import pytest

from watcher.checklist.live.records.checkout import commit_of


def git(folder: Path, *arguments: str) -> str:
    names = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    alone = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=names | alone, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "records").mkdir(parents=True)
    (folder / "records" / "prod.yaml").write_text("kind: waiver\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "records")
    return folder


def test_the_commit_is_told_whatever_form_the_reference_has(checkout: Path, tmp_path: Path) -> None:
    file, commit = checkout / "records" / "prod.yaml", git(checkout, "rev-parse", "HEAD")
    assert len(commit) == 40
    assert commit_of(file) == commit
    git(checkout, "pack-refs", "--all")
    assert commit_of(file) == commit
    git(checkout, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    assert commit_of(tmp_path / "other" / "records" / "prod.yaml") == commit
    (tmp_path / "link").symlink_to(checkout / "records")  # as git-sync has it
    assert commit_of(tmp_path / "link" / "prod.yaml") == commit
    git(checkout, "checkout", "-q", "--detach")
    assert commit_of(file) == commit


@pytest.mark.parametrize(
    "head", ["", "ref: refs/heads/none", "ref: ../../../../etc/passwd", "ref: refs/../../x", "\0", "x" * 50]
)
def test_what_is_no_checkout_has_no_commit(head: str, checkout: Path, tmp_path: Path) -> None:
    assert commit_of(tmp_path / "none" / "records.yaml") == ""
    (checkout / ".git" / "HEAD").write_text(head)
    assert commit_of(checkout / "records" / "prod.yaml") == ""
