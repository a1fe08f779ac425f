"""The command `controls`: the checklist as controls; one of them in full."""

import difflib
import json
import shutil
import sys
import textwrap
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.loading import Catalogue, load_catalogue
from probes.controls.catalogue.terms import Automation
from probes.controls.judging import Judges, load_judges
from watcher.checklist.control_words import DECIDES, as_json, described, headline
from watcher.commands.control_page import page, section

_WIDEST = 100
Output = Literal["text", "json", "markdown"]


def command(given: Namespace) -> int:
    """`controls [ID]`: exit code 0, or 2 where there is no such control."""
    return controls(given.control, given.output)


def controls(wanted: str | None, output: Output) -> int:
    """Print the catalogue, or one control of it."""
    catalogue, judges = load_catalogue(), load_judges()
    if wanted is not None and wanted not in catalogue.by_id:
        print(_not_found(wanted, catalogue), file=sys.stderr)
        return 2
    chosen = catalogue.controls if wanted is None else (catalogue.by_id[wanted],)
    if output == "json":
        print(_json(catalogue, chosen, judges))
    elif output == "markdown":
        print(page(catalogue, judges) if wanted is None else section(chosen[0], judges), end="")
    else:
        width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
        lines = _listed(catalogue.controls) if wanted is None else _in_full(chosen[0], judges, width)
        print(*lines, sep="\n")
    return 0


def _not_found(wanted: str, catalogue: Catalogue) -> str:
    begins = [each for each in catalogue.by_id if each.startswith(wanted)]
    near = begins[:3] or difflib.get_close_matches(wanted, catalogue.by_id, n=3, cutoff=0.5)
    ends = [each for each in catalogue.by_id if each.rpartition(".")[2] == wanted]
    meant = f"; did you mean {' or '.join(ends[:3] or near)}?" if ends or near else ""
    return f"agentweave-watcher controls: {wanted!r} is no control{meant}"


def _json(catalogue: Catalogue, chosen: Iterable[Control], judges: Judges) -> str:
    about = {"version": catalogue.version, "digest": catalogue.digest}
    return json.dumps({"catalogue": about, "controls": [as_json(each, judges) for each in chosen]}, indent=2)


def _listed(chosen: Sequence[Control]) -> Iterable[str]:
    """One line a control: id, severity, whether it is required, who decides, title."""
    widest = max(len(each.id) for each in chosen)
    for each in chosen:
        required = "required" if each.required else ""
        yield f"{each.id:{widest}}  {each.severity:8}  {required:8}  {each.automation:9}  {each.title}"
    kinds = Counter(each.automation for each in chosen)
    yield ""
    yield from (f"{each}: {DECIDES[each]}" for each in Automation if each in kinds)
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    yield ""
    yield f"{len(chosen)} controls, {sum(each.required for each in chosen)} required: {counted}"


def _in_full(control: Control, judges: Judges, width: int) -> Iterable[str]:
    yield f"{control.id}: {control.title}"
    yield headline(control)
    for part in described(control, judges):
        yield ""
        yield part.heading
        for line in part.lines:
            yield textwrap.fill(line, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
