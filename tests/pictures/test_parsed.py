"""Pictures that a daemon's API gave are drawn as its own pages draw them, and what is none is refused."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.web.pictures.test_pictured_pages import KEY, Pictured
from watcher.pictures.drawing import Drawn
from watcher.pictures.parsed import pictured_by
from watcher.pictures.shown import PicturedAgent
from watcher.web.pictures.of_agent import pictured_agent

_ID = re.compile(r'(?<=")(page|agent-0)-[a-z0-9-]+')


def _told(pictured: PicturedAgent) -> dict[str, list[Drawn]]:
    """All that is drawn, but for the names by which pictures are told apart."""
    return {
        probe: [each._replace(svg=_ID.sub("", each.svg)) for each in of.pictures]
        for probe, of in pictured.probes.items()
    }


def test_what_the_api_gives_is_drawn_as_on_the_page(tmp_path: Path) -> None:
    served = Pictured(tmp_path, pools=[f"pool-{place}" for place in range(9)])
    answer = served.get("/api/v1/targets/prod/search-0/pictures").content
    found = pictured_by(answer, KEY.agent, KEY.pod, 3, "agent-0")
    own = asyncio.run(pictured_agent(served.engine, *KEY[:2], "page"))
    assert own is not None
    assert _told(found) == _told(own)
    assert (found.whose, own.whose) == ("search-0, the worst of its 3 pods", "search-0")
    assert [(len(each.pictures), each.more) for each in found.probes.values()] == [(1, False), (6, True)]
    assert pictured_by(answer, "other", KEY.pod, 1, "agent-0").probes == {}


def test_what_could_not_be_made_is_told() -> None:
    answer = json.dumps({"generated_at": "2026-09-21T14:15:00Z", "pictures": [], "failed": ["pool"]}).encode()
    [(probe, shown)] = pictured_by(answer, "search", "search-0", 1, "agent-0").probes.items()
    assert (probe, shown.pictures, shown.failed) == ("pool", (), True)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("unit",), "parsecs"),
        (("end",), "soon"),
        (("series", 0, "points"), [["2026-09-21T14:15:00Z", float("nan")]]),
        (("series", 0, "points"), [["2026-09-21T14:15:00Z", 1e999]]),
        (("levels", 0, "tone"), "<script>"),
        (("bars",), None),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, place: tuple[Any, ...], value: object) -> None:
    document = Pictured(tmp_path).get("/api/v1/targets/prod/search-0/pictures").json()
    part = document["pictures"][0]
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    with pytest.raises(ValueError, match="validation error"):
        pictured_by(json.dumps(document).encode(), KEY.agent, KEY.pod, 1, "agent-0")
