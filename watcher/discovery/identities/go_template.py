"""Which SPIFFE ID does the `spiffeIDTemplate` of a ClusterSPIFFEID make of a pod?

Of Go's text/template only text, field paths, `index` and the marks that trim white space are understood.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from watcher.text.key_path import plain_name

LABELS, ANNOTATIONS = ".PodMeta.Labels", ".PodMeta.Annotations"
FIELDS = (
    ".TrustDomain",
    ".ClusterName",
    ".ClusterDomain",
    ".PodMeta.Name",
    ".PodMeta.Namespace",
    ".PodMeta.UID",
    ".PodSpec.ServiceAccountName",
    ".PodSpec.NodeName",
)
UNDERSTOOD = f'text, {", ".join(FIELDS)} and entries such as index {LABELS} "name" or {ANNOTATIONS}.name'
MAX_TEMPLATE = 2048
_SPACE = " \t\r\n"
_PATH = r"(?:\.[A-Za-z_][A-Za-z0-9_]*)+"
_ACTION = re.compile(
    rf"\{{\{{(?P<trim_before>-[{_SPACE}])?[{_SPACE}]*"
    rf'(?:(?P<path>{_PATH})|index[{_SPACE}]+(?P<map>{_PATH})[{_SPACE}]+(?:"(?P<quoted>[^"\\\n]*)"|`(?P<raw>[^`\r]*)`))'
    rf"[{_SPACE}]*?(?P<trim_after>[{_SPACE}]-)?\}}\}}"
)


class TemplateError(ValueError):
    """This template is not understood, or what it names is not known; a sentence."""


@dataclass(frozen=True, slots=True)
class Field:
    """A fact, by its path."""

    path: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A label or an annotation."""

    of: str
    key: str
    absent: str  # what Go prints where there is none


Template = tuple[str | Field | Entry, ...]


def parse_template(text: str) -> Template:
    """The parts of a template; TemplateError says what of it is not understood."""
    if len(text) > MAX_TEMPLATE:
        raise TemplateError(f"spiffeIDTemplate has over {MAX_TEMPLATE} characters")
    parts: list[str | Field | Entry] = []
    at, trims = 0, False
    while (start := text.find("{{", at)) >= 0:
        action = _ACTION.match(text, start)
        if action is None:
            raise TemplateError(f"spiffeIDTemplate: {_found(text, start)} is not understood, only {UNDERSTOOD}")
        parts += _literal(text[at:start], before=trims, after=action["trim_before"] is not None)
        parts.append(_part(action))
        at, trims = action.end(), action["trim_after"] is not None
    return (*parts, *_literal(text[at:], before=trims, after=False))


def render(template: Template, fields: Mapping[str, str], maps: Mapping[str, Mapping[str, str]]) -> str:
    """What Go makes of it; TemplateError where a field has no value."""
    return "".join(part if isinstance(part, str) else _value(part, fields, maps) for part in template)


def annotations_of(template: Template) -> frozenset[str]:
    """The annotations that it names."""
    return frozenset(part.key for part in template if isinstance(part, Entry) and part.of == ANNOTATIONS)


def _value(part: Field | Entry, fields: Mapping[str, str], maps: Mapping[str, Mapping[str, str]]) -> str:
    if isinstance(part, Entry):
        return maps[part.of].get(part.key, part.absent)
    if not fields[part.path]:
        raise TemplateError(f"spiffeIDTemplate: {part.path} is not known")
    return fields[part.path]


def _literal(text: str, *, before: bool, after: bool) -> list[str]:
    """Text beside actions, trimmed where the action before it or the one after it says so."""
    text = text.lstrip(_SPACE) if before else text
    text = text.rstrip(_SPACE) if after else text
    return [text] if text else []


def _part(action: "re.Match[str]") -> Field | Entry:
    path = action["path"] or action["map"]
    if action["map"] is not None:
        if path in (LABELS, ANNOTATIONS):
            return Entry(path, action["raw"] if action["quoted"] is None else action["quoted"], absent="")
    elif path in FIELDS:
        return Field(path)
    elif (parent := path.rpartition("."))[0] in (LABELS, ANNOTATIONS):
        return Entry(parent[0], parent[2], absent="<no value>")
    raise TemplateError(f"spiffeIDTemplate: {plain_name(action[0])} is not understood, only {UNDERSTOOD}")


def _found(text: str, start: int) -> str:
    end = text.find("}}", start)
    return plain_name(text[start : end + 2] if end >= 0 else text[start:])
