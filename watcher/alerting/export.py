"""How do the rules, runbooks, dashboards and Alertmanager pieces come out of the installed package?"""

import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import NamedTuple
from urllib.parse import urlsplit

from probes.contract.address import is_loopback
from watcher.alerting.files import DASHBOARD_URL, FOLDERS, RUNBOOK_URL, WATCHER_URL, alert_files, ranks, rule_texts
from watcher.alerting.rules.maker import rule_files
from watcher.alerting.rules.own import LOOKED_BACK, named
from watcher.alerting.runbook_commands import unfilled
from watcher.text.printable import printable

_NAME = "{name}"
"""Where the name of a runbook goes in a link, such as before `.md`; else at the end."""

_URL = re.compile(r"https?://[A-Za-z0-9._~:/\[\]@!&()*+,;=%-]+")
_LINK = re.compile(
    rf"{re.escape(RUNBOOK_URL)}(?P<name>(?:\w|\$\{{[\w.]+\}})*)"  # a dashboard takes the name from a field of the row
    rf"|(?P<page>{re.escape(WATCHER_URL)})|(?P<dashboards>{re.escape(DASHBOARD_URL)})"
)
_NEXT = {
    "rules": "name them in Prometheus under `rule_files`, and reload it",
    "optional-rules": "optional rules: the head of each file says what it needs",
    "runbooks": "the watcher serves them at /runbooks; publish them where --runbook-url leads, if that is elsewhere",
    "dashboards": "name the folder in a dashboard provider of Grafana",
    "alertmanager": "see `amtool check-config`, then take over what your own configuration lacks",
}


class Links(NamedTuple):
    """What links begin with, as `url_prefix` and `runbook_url` give it."""

    runbooks: str
    dashboards: str
    of_watcher: str = ""  # to the runbooks of alerts about the watcher itself; empty: as the others
    watcher: str = WATCHER_URL  # its page, to which dashboards link


def runbook_url(text: str) -> str:
    """An http(s) URL for names of runbooks: with `{name}` in it, or they follow; ArgumentTypeError for another text."""
    if text.count(_NAME) != 1:
        return url_prefix(text)
    url_prefix(text.replace(_NAME, "name"))
    return text


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


def export_rules(directory: Path, links: Links, *, jobs: Sequence[str] = (), labels: Sequence[str] = ()) -> int:
    """Write all files below `directory`, with these links, and say what to do with them.

    WatcherDown waits for these `jobs` of Prometheus; without one, for those that were there within a day. Alerts on
    agents carry these `labels` of pods, by the names that alerts have for them.

    Files of the same name are overwritten, others left alone. The exit code: 2 where it cannot be written.
    """
    of_watcher = _of_watcher()
    folders = {folder: _texts(folder, links, of_watcher) for folder in FOLDERS}
    if labels:
        folders["rules"] = {name: _relinked(text, links, of_watcher) for name, text in rule_files(labels).items()}
    if jobs:
        folders["rules"] = {name: _waiting_for(jobs, text) for name, text in folders["rules"].items()}
    try:
        for folder, texts in folders.items():
            _write(directory / folder, texts)
            print(
                printable(f"{directory / folder}: {len(texts)} file{'' if len(texts) == 1 else 's'}; {_NEXT[folder]}")
            )
    except OSError as error:
        where = error.filename or directory
        print(printable(f"{where}: cannot be written: {error.strerror or error}"), file=sys.stderr)
        return 2
    for sentence in _warnings(links):
        print(printable(sentence), file=sys.stderr)
    return 0


def _warnings(links: Links) -> Iterator[str]:
    """Which links open for nobody who is paged."""
    for option, url in (("--runbook-url", links.runbooks), ("--dashboard-url", links.dashboards)):
        if _is_loopback(url):
            yield f"alerts link to {url}, which opens on that machine alone: {option} says what people can reach"
    if _is_loopback(links.watcher):
        yield (
            f"dashboards link to {links.watcher}, which opens on that machine alone: "
            "--watcher-url says what people can reach"
        )
    if not links.of_watcher or _is_loopback(links.of_watcher):
        yield (
            "the runbooks of a watcher that is down are served by that watcher: publish runbooks/ elsewhere too, "
            "and say where by --watcher-runbook-url"
        )


def _is_loopback(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _of_watcher() -> frozenset[str]:
    named = (each for text in rule_texts() for each in ranks(text))
    return frozenset(name for name, rank in named if rank.component == "watcher")


def _texts(folder: str, links: Links, of_watcher: frozenset[str]) -> dict[str, str]:
    texts = {file.name: file.read_text(encoding="utf-8") for file in alert_files(folder)}
    if not texts:
        raise LookupError(f"the installed package has no {folder}")
    if folder != "runbooks":
        return {name: _relinked(text, links, of_watcher) for name, text in texts.items()}
    return {name: unfilled(text) for name, text in texts.items()}


def _waiting_for(jobs: Sequence[str], rules: str) -> str:
    looked_back, gone = (indent(text, " " * 10) for text in (LOOKED_BACK, named(jobs)))
    return rules.replace(looked_back, gone)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _relinked(text: str, links: Links, of_watcher: frozenset[str]) -> str:
    def one(found: re.Match[str]) -> str:
        if found["dashboards"]:
            return links.dashboards
        if found["page"]:
            return links.watcher
        place = links.of_watcher if links.of_watcher and found["name"] in of_watcher else links.runbooks
        return place.replace(_NAME, found["name"]) if _NAME in place else place + found["name"]

    # At once: a new prefix may contain an old one.
    return _LINK.sub(one, text)
