"""The checklist as its makers wrote it, and which part of it no control stands on."""

import re
from pathlib import Path

from probes.controls.catalogue.loading import Catalogue
from tests.repository import ROOT

_HERE = Path(__file__).parent
CATALOGUE_DIRECTORY = ROOT / "probes" / "controls" / "catalogue"
TEXT = (_HERE / "checklist_seed.txt").read_text()
NO_LINES = (_HERE / "not_a_line_of_the_checklist.txt").read_text().splitlines()
"""Headings, commands and examples of the checklist, in its order."""


def fold(text: str) -> str:
    """With single spaces, as the catalogue quotes it."""
    return re.sub(r"\s+", " ", text).strip()


FOLDED = fold(TEXT)


def left_over(catalogue: Catalogue) -> list[str]:
    """What is left of the checklist's lines where all that controls quote is taken out; numbers of lines too."""
    quoted = bytearray(len(FOLDED))
    for item in {control.seed.item for control in catalogue.controls}:
        for found in re.finditer(re.escape(item), FOLDED):
            quoted[found.start() : found.end()] = b"\1" * len(item)
    left, at = [], 0
    for line in filter(None, map(fold, TEXT.splitlines())):
        at = FOLDED.index(line, at)
        rest = "".join(letter for number, letter in enumerate(line) if not quoted[at + number]).strip(" -[]#{},")
        at += len(line)
        if rest and not re.fullmatch(r"[\d ]+", rest):
            left.append(rest)
    return left
