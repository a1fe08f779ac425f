"""The pictures of one target as a page or a report shows them; `pictures.html` and `pictures.css` beside it do."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from watcher.pictures.drawing import Drawn

DRAWN_BY = Path(__file__).parent
"""Where the template and the style of pictures are."""

SHOWN = 6
"""Pictures of one probe in one place; a target may have a thousand pools."""


class ProbePictures(NamedTuple):
    """What is shown of one probe."""

    pictures: tuple[Drawn, ...]
    more: bool = False  # there are others, which matter less
    failed: bool = False  # they could not be made; the log says why


class PicturedAgent(NamedTuple):
    """What a report shows of an agent: the pictures of one pod, which is worst off."""

    pod: str
    pods: int  # that it has
    probes: Mapping[str, ProbePictures]

    @property
    def whose(self) -> str:
        """The pod, and that it is one of several."""
        return self.pod if self.pods == 1 else f"{self.pod}, the worst of its {self.pods} pods"
