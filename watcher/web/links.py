"""Where else is something known of a target? The links of the config, filled in with what the target is."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

from probes.contract import Target
from watcher.text.link_template import PLACEHOLDER


class Link(NamedTuple):
    """One link, for people."""

    name: str
    url: str


def links_of(templates: Mapping[str, str], target: Target) -> list[Link]:
    """The links of this target; one that needs what is not known of it is left out."""
    return [Link(name, url) for name, template in templates.items() for url in _filled(template, target)]


def _filled(template: str, target: Target) -> Iterator[str]:
    values = {
        **target.key._asdict(),
        "node": target.node,
        "workload": target.workload,
        "spiffe_id": target.spiffe_ids[0] if target.spiffe_ids else "",
    }
    if all(values[name] for name in PLACEHOLDER.findall(template)):
        # Quoted whole: what an agent calls itself is never more than one value of the URL.
        yield PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe="", errors="replace"), template)
