"""What in a valid config is surely not meant? A sentence each, with its place; nothing here is a mistake for `run`.

1. Nothing would be watched: no targets, or a target with nothing to probe.
2. Something is asked of nobody: a canary for an agent that is not listed.
3. Two thresholds are in the wrong order.
4. On this machine a file is missing, or `state_dir` cannot be written; elsewhere that may be different.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from watcher.config.file import Document
from watcher.config.settings import Settings
from watcher.config.targets.static_target import AgentFiles
from watcher.text.key_path import Location, key_path
from watcher.web.serving.access import Access
from watcher.web.serving.tls import ServerFileError

_ENDPOINTS = ("address", "metrics", "opa")


class Doubt(NamedTuple):
    """One warning."""

    where: str  # file and line
    sentence: str


def doubts(settings: Settings, document: Document) -> Iterator[Doubt]:
    """All that can be said of these settings, which the document holds."""
    for place, sentence in (
        *_unwatched(settings),
        *_unasked(settings),
        *_order(settings),
        *_missing(settings),
    ):
        line, _ = document.find(place)
        yield Doubt(f"{document.path}:{line}", f"{key_path(place)}: {sentence}")


Found = Iterator[tuple[Location, str]]


def _unwatched(settings: Settings) -> Found:
    if not settings.targets and settings.kubernetes is None:
        yield ("discovery",), "no targets: nothing is watched"
    for index, target in enumerate(settings.targets):
        if not any(getattr(target, each) for each in _ENDPOINTS):
            yield ("discovery", "static", index), "nothing to probe: it has no address, metrics or opa"


def _unasked(settings: Settings) -> Found:
    if settings.kubernetes is not None:
        return  # which agents there will be is not known
    agents = {target.key.agent for target in settings.targets}
    for index, canary in enumerate(getattr(settings.probes["opa"], "canaries", ())):
        for strange in [each for each in canary.agents or () if each not in agents]:
            place = ("probes", "opa", "canaries", index, "agents")
            yield place, f"no target has the agent {strange!r}, so this canary is not asked for it"


def _order(settings: Settings) -> Found:
    svid: Any = settings.probes["svid"]
    if svid.expiry_imminent_ratio >= svid.rotation_overdue_ratio:
        overdue = f"rotation_overdue_ratio ({svid.rotation_overdue_ratio:g})"
        sentence = f"expected less than {overdue}, got {svid.expiry_imminent_ratio:g}"
        yield ("probes", "svid", "expiry_imminent_ratio"), sentence


def _missing(settings: Settings) -> Found:
    for place, path in _files(settings):
        if not path.exists():
            yield place, f"{path} is not there on this machine"
        elif not os.access(path, os.R_OK):
            yield place, f"{path} cannot be read by this user"
    if settings.state_dir is not None and (why := _unwritable(settings.state_dir)):
        yield ("state_dir",), why
    try:
        Access(settings.server)
    except ServerFileError as error:
        yield ("server",), f"not usable on this machine: {error}"


def _files(settings: Settings) -> Iterator[tuple[Location, Path]]:
    sections = {"identity": settings.identity, "standby": settings.standby}
    for name, section in sections.items():
        yield from _paths((name,), section)
    yield from _paths(("discovery", "kubernetes"), settings.kubernetes)
    for source, limits in settings.sources.items():
        yield from _paths(("sources", source), limits)
    for index, target in enumerate(settings.targets):
        files = settings.files.get(target.key[:2], AgentFiles(None, None))
        yield from ((("discovery", "static", index, name), path) for name, path in files._asdict().items() if path)


def _paths(place: Location, section: BaseModel | None) -> Iterator[tuple[Location, Path]]:
    for name in type(section).model_fields if section is not None else ():
        value = getattr(section, name)
        if isinstance(value, Path):
            yield (*place, name), value


def _unwritable(directory: Path) -> str:
    there = next(each for each in (directory, *directory.absolute().parents) if each.exists())
    if not there.is_dir():
        return f"{there} is no directory"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{directory} cannot be {'written' if there == directory else 'made'} by this user"
    return ""
