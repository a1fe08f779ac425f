"""Which values of a config were never filled in?"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from probes.controls.evidence import AgentConfigFile
from probes.controls.evidence.agent_config import KeyPath
from probes.controls.judges.texts import texts_of

_DOMAINS = ("example.org", "example.com", "yourdomain.com", "hvs.solutions", "agentweave.io")
"""Trust domains of examples: the checklist's, the documentation's and the charts'."""

_TEMPLATE = re.compile(r"\$\{[^}]{0,200}\}|\{\{|\{%|^<[^<>]{1,100}>$")
_TO_DO = re.compile(r"\b(?:TO[D]O|FIX[M]E|TBD|XXX+)\b|\b(?:change|replace|fill)[-_ ]?(?:me|this)\b", re.IGNORECASE)
_YOURS = re.compile(
    r"\byour[-_ ]?(?:own[-_ ])?(?:agent|company|domain|name|org|organi[sz]ation|team|trust)", re.IGNORECASE
)
_PROSE = "description"
_TRUST_DOMAIN = ("agent", "trust_domain")
_SEARCHED = 4096
"""Characters of one text: a placeholder is short."""


def placeholders(texts: Iterator[tuple[KeyPath, str]]) -> Iterator[tuple[KeyPath, str]]:
    """Of the texts of a config by their places, those that were never filled in: the place and a sentence."""
    for place, text in texts:
        if why := _why(place, text[:_SEARCHED]):
            yield place, why


def never_filled_in(file: AgentConfigFile) -> Iterator[tuple[KeyPath, str]]:
    """Those of a config; of an example's trust domain its own control tells."""
    for place, why in placeholders(texts_of(file.document)):
        if place != _TRUST_DOMAIN or not domain_of_an_example(str(file.get(".".join(_TRUST_DOMAIN)))):
            yield place, why


def domain_of_an_example(host: str) -> str:
    """The domain of examples that this is, or lies below; empty where it is none."""
    return next((each for each in _DOMAINS if _is_below(host.strip().lower(), each)), "")


def _why(place: KeyPath, text: str) -> str:
    if _TEMPLATE.search(text):
        return "a placeholder of a template that was not rendered"
    if place and place[-1] == _PROSE:
        return ""
    if domain := domain_of_an_example(_host(text)):
        return f"a placeholder, {domain} is the domain of an example"
    return "a placeholder that was not filled in" if _TO_DO.search(text) or _YOURS.search(text) else ""


def _host(text: str) -> str:
    if "://" not in text:
        return text.strip().lower()
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""


def _is_below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
