"""What is known of links: when each was tried last, and since when it is dead. It survives a restart: a week must."""

import asyncio
import logging
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from probes.controls.evidence import DeadLink
from watcher.checklist.live.document_links.trying import State, Tried
from watcher.runtime.atomic_write import write_atomically

log = logging.getLogger(__name__)

FILE_NAME = "document-links.json"
EVERY, AGAIN = 86400.0, 3600.0
"""Seconds from one look at a link to the next, and to the next after one that showed nothing."""

FORGOTTEN = 30 * 86400.0
"""Seconds since one that nothing links to was tried, after which it is forgotten."""

MOST = 10_000
_MOST_BYTES = 16 << 20


@dataclass(slots=True)
class _Link:
    tried_at: float = 0.0  # Unix seconds; 0: not yet
    dead_since: float | None = None
    dead_looks: int = 0
    why: str = ""
    due_at: float = 0.0  # Unix seconds


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    url: str = Field(max_length=2048)
    tried_at: float
    dead_since: float | None = None
    dead_looks: int = Field(default=0, ge=0)
    why: str = Field(default="", max_length=200)
    due_at: float = 0.0


class _Content(BaseModel):
    links: list[_Entry] = Field(max_length=MOST)


class KnownLinks:
    """By URL. Times are Unix seconds."""

    def __init__(self, state_dir: Path | None) -> None:
        """`state_dir`: where it is kept; None: nowhere."""
        self._file = state_dir / FILE_NAME if state_dir is not None else None
        self._links: dict[str, _Link] = {}
        self._wanted: frozenset[str] = frozenset()
        self._news = False
        self.trouble = ""  # why it cannot be written

    def want(self, urls: Collection[str], now: float) -> None:
        """These are linked to; what is known of others is kept for a while: records are read anew after a restart."""
        self._wanted = frozenset(urls)
        for url in [url for url, each in self._links.items() if now - each.tried_at > FORGOTTEN]:
            if url not in self._wanted:
                del self._links[url]
        for url in urls:
            if len(self._links) < MOST:
                self._links.setdefault(url, _Link())

    def next_due(self, now: float) -> str | None:
        """The link that has been due for longest; None where none is."""
        links = ((url, self._links[url]) for url in self._wanted if url in self._links)
        due = [(each.due_at, url) for url, each in links if each.due_at <= now or each.due_at > now + EVERY]
        return min(due)[1] if due else None

    def note(self, url: str, tried: Tried, now: float) -> bool:
        """Whether this look changes what is said of a link."""
        link = self._links.get(url)
        if link is None:
            return False
        self._news = True
        link.tried_at, before = now, (link.dead_since, link.dead_looks)
        link.due_at = now + (AGAIN if tried.state is State.UNKNOWN else EVERY)
        if tried.state is State.THERE:
            link.dead_since, link.dead_looks, link.why = None, 0, ""
        elif tried.state is State.GONE:
            link.dead_since = now if link.dead_since is None or link.dead_since > now else link.dead_since
            link.dead_looks, link.why = link.dead_looks + 1, tried.why
        return before != (link.dead_since, link.dead_looks)

    def dead(self, url: str) -> DeadLink | None:
        """Since when it is dead; None where it is not, or not known."""
        link = self._links.get(url)
        if link is None or link.dead_since is None:
            return None
        return DeadLink(url, link.dead_since, link.dead_looks, link.why)

    def tried_at(self, url: str) -> float:
        """When it was tried last; 0: not yet."""
        link = self._links.get(url)
        return link.tried_at if link is not None else 0.0

    async def restore(self) -> None:
        """Know what the last process knew; a file that cannot be read is passed over, and that is logged."""
        if self._file is None:
            return
        try:
            content = await asyncio.to_thread(_read, self._file)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.warning("state not read", extra={"file": str(self._file), "error": str(error).partition("\n")[0][:200]})
            return
        for each in content.links:
            given = each.model_dump(exclude={"url"})
            self._links[each.url] = _Link(**given)

    async def write(self) -> None:
        """Keep what is new."""
        if self._file is None or not self._news:
            return
        self._news = False
        try:
            await asyncio.to_thread(write_atomically, self._file, to_json({"links": list(self._written())}))
        except OSError as error:
            self._news, self.trouble = True, f"{self._file}: {error.strerror}"
            return
        self.trouble = ""

    def _written(self) -> Iterator[dict[str, object]]:
        return ({"url": url, **asdict(link)} for url, link in list(self._links.items()) if link.tried_at)


def _read(path: Path) -> _Content:
    with path.open("rb") as file:
        return _Content.model_validate_json(file.read(_MOST_BYTES))
