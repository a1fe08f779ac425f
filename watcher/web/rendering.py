"""The templates of all pages for people, and what makes a page of one."""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from probes.contract import TargetKey, say_bytes, say_duration
from probes.contract.address import shown_url
from probes.contract.units import clock_time, utc
from watcher.engine.board import ConditionStatus
from watcher.pictures.shown import DRAWN_BY
from watcher.runtime.cooperative import TimeSlice
from watcher.text.printable import printable
from watcher.web.changes.words import is_control, runbook_of_change, status_mark, status_word, ticks_said
from watcher.web.fleet.target_health import health_of_verdict
from watcher.web.target_json import sentence

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = {
    "/style.css": (TEMPLATES / "style.css", "text/css"),
    "/pictures.css": (DRAWN_BY / "pictures.css", "text/css"),
    "/page.js": (TEMPLATES / "page.js", "text/javascript"),
}
"""What pages are made with beside their text: path, file and media type."""

_DAY = 86400.0


@cache
def page_templates() -> Environment:
    """The templates of all pages for people, compiled; whatever is put into one comes out as text."""
    templates = Environment(
        loader=FileSystemLoader([TEMPLATES, DRAWN_BY]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "moment": utc,
        "dated": _dated,
        "clock": _clock_time,
        "sentence": sentence,
        "duration": say_duration,
        "bytes": say_bytes,
        "shown_url": shown_url,
        "printable": printable,
        "clock_time": clock_time,
        "ticks_said": ticks_said,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    }
    templates.globals |= {"runbook_of": _runbook_of, "link": _link, "health_of": health_of_verdict}
    templates.globals |= {"version": _version_of_assets()}
    templates.globals |= {"status_word": status_word, "status_mark": status_mark}
    templates.globals |= {"is_control": is_control, "runbook_of_change": runbook_of_change}
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)  # a tenth of a second for all: now, and not between looks
    return templates


def _version_of_assets() -> str:
    """Changes with them: an open page that hears of another one loads itself anew."""
    return sha256(b"".join(file.read_bytes() for file, _ in ASSETS.values())).hexdigest()[:12]


def _runbook_of(condition: ConditionStatus, key: TargetKey) -> str:
    """The link to the runbook of a condition, with what this target fills in."""
    query = {**key._asdict(), "subject": condition.verdict.subject}
    given = urlencode({name: value for name, value in query.items() if value}, errors="replace")
    return f"/runbooks/AgentWeave{condition.verdict.kind.name}?{given}"


def _dated(moment: float) -> Markup:
    """A moment in Unix seconds as UTC, beside which the script of the page says the reader's own time."""
    said = utc(moment)
    return Markup('<time datetime="{}">{}</time>').format(said, said)


def _clock_time(moment: float, now: float) -> Markup:
    """`18:20 UTC`, with the date where that is not within a day; both in Unix seconds."""
    said = utc(moment)
    day, time = said.removesuffix("Z").split("T")
    shown = f"{time[:5]} UTC" if abs(moment - now) < _DAY else f"{day} {time[:5]} UTC"
    return Markup('<time datetime="{}">{}</time>').format(said, shown)


def _link(path: str, wanted: Mapping[str, str], **changes: str) -> str:
    """The same page with another filter; what it is narrowed by already stays."""
    query = urlencode({name: value for name, value in {**wanted, **changes}.items() if value}, errors="replace")
    return f"{path}?{query}" if query else path


async def rendered(template: Template, **values: object) -> str:
    """A page that may be long, made in turns with the looks."""
    pieces, time_slice = [], TimeSlice()
    for piece in template.generate(**values):
        pieces.append(piece)
        await time_slice.checkpoint()
    return "".join(pieces)


def html_page(body: str, status: int) -> Response:
    """A page of this text, whatever is in it."""
    return HTMLResponse(body.encode(errors="replace"), status)
