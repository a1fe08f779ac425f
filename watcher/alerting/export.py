"""How do the rules, runbooks, dashboards and Alertmanager pieces come out of the installed package?"""

import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import indent
from urllib.parse import urlsplit

from watcher.alerting.files import DASHBOARD_URL, FOLDERS, RUNBOOK_URL, alert_files
from watcher.alerting.rules.own import LOOKED_BACK, named
from watcher.text.printable import printable

_URL = re.compile(r"https?://[A-Za-z0-9._~:/\[\]@!&()*+,;=%-]+")
_NEXT = {
    "rules": "name them in Prometheus under `rule_files`, and reload it",
    "runbooks": "the watcher serves them at /runbooks; publish them where --runbook-url leads, if that is elsewhere",
    "dashboards": "name the folder in a dashboard provider of Grafana",
    "alertmanager": "see `amtool check-config`, then take over what your own configuration lacks",
}


def url_prefix(text: str) -> str:
    """An http(s) URL that names of pages may follow; raises ArgumentTypeError for any other text."""
    if not _URL.fullmatch(text) or not _has_host(text):
        raise ArgumentTypeError(f"expected an http(s) URL of plain characters, without ? and #, got {text!r}")
    return text if text.endswith("/") else f"{text}/"


def _has_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        return False


def export_rules(directory: Path, runbook_url: str, dashboard_url: str, *, jobs: Sequence[str] = ()) -> int:
    """Write all files below `directory`, with links that begin with these URLs, and say what to do with them.

    WatcherDown waits for these `jobs` of Prometheus; without one, for those that were there within a day.

    Files of the same name are overwritten, others left alone. The exit code: 2 where it cannot be written.
    """
    links = {RUNBOOK_URL: runbook_url, DASHBOARD_URL: dashboard_url}
    folders = {folder: _texts(folder, links) for folder in FOLDERS}
    if jobs:
        folders["rules"] = {name: _waiting_for(jobs, text) for name, text in folders["rules"].items()}
    try:
        for folder, texts in folders.items():
            _write(directory / folder, texts)
            print(printable(f"{directory / folder}: {len(texts)} files; {_NEXT[folder]}"))
    except OSError as error:
        where = error.filename or directory
        print(printable(f"{where}: cannot be written: {error.strerror or error}"), file=sys.stderr)
        return 2
    return 0


def _texts(folder: str, links: Mapping[str, str]) -> dict[str, str]:
    texts = {file.name: file.read_text(encoding="utf-8") for file in alert_files(folder)}
    if not texts:
        raise LookupError(f"the installed package has no {folder}")
    if folder in ("rules", "alertmanager"):
        return {name: _relinked(text, links) for name, text in texts.items()}
    return texts


def _waiting_for(jobs: Sequence[str], rules: str) -> str:
    looked_back, gone = (indent(text, " " * 10) for text in (LOOKED_BACK, named(jobs)))
    return rules.replace(looked_back, gone)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _relinked(text: str, links: Mapping[str, str]) -> str:
    # At once: a new prefix may contain an old one.
    return re.sub("|".join(map(re.escape, links)), lambda found: links[found[0]], text)
