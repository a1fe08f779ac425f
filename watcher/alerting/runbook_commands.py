"""Which values may stand in a command that somebody pastes into a shell, and what stands there where one is missing?

A placeholder is `$POD` and the like in a runbook's code. Where its value is not known it cannot be run by accident: in
a shell it becomes `${POD:?}`, which ends the command as long as the variable is not set (POSIX.1-2024, XCU 2.6.2); in
PromQL it stands without its quotes, which is no query.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from watcher.config.replicas import SELECTOR, WORKLOAD, Installation

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,252}")
_CONTROL = re.compile(r"[a-z0-9][a-z0-9.-]{0,127}")
_BASE = re.compile(r"https?://(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_OBJECT = re.compile(r"[a-z][a-z0-9.]{0,99}/[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_ALLOWED = {
    "NAMESPACE": _NAME,
    "AGENT": _NAME,
    "POD": _NAME,
    "WORKLOAD": _OBJECT,  # as kubectl takes it, such as deployment/search
    "SUBJECT": _SUBJECT,
    "CONTROL": _CONTROL,
    "WATCHER": _BASE,  # its address; the others are of its own pods
    "WATCHER_NAMESPACE": _NAME,
    "WATCHER_WORKLOAD": WORKLOAD,
    "WATCHER_POD": _NAME,  # the one that leads, or is asked
    "WATCHER_SELECTOR": SELECTOR,
}
PLACEHOLDERS = tuple(_ALLOWED)
_NAMES = "|".join(_ALLOWED)
_PLACEHOLDER = re.compile(
    r"(?P<own>\$\{[A-Z_]+:\?[^}]*\})"  # what only the reader knows, such as a new limit
    rf"|(?P<open>\"|&quot;)?\$(?:(?P<plain>{_NAMES})\b|\{{(?P<braced>{_NAMES})\}})(?P<close>\"|&quot;)?"
)
_MARKDOWN_CODE = re.compile(
    r"(?P<before>^ *```(?P<language>\w*)\n)(?P<block>.*?)(?P<after>^ *```$)|`(?P<inline>[^`\n]+)`",
    re.DOTALL | re.MULTILINE,
)

Mark = Callable[[str], str]
"""Makes a value that is missing stand out."""


@dataclass(frozen=True, slots=True)
class PlaceholderValues:
    """What to fill in: `fit` for the placeholders that have a safe value, `unfit` names those that have another."""

    fit: Mapping[str, str] = field(default_factory=dict)
    unfit: frozenset[str] = frozenset()


def safe_values(given: Mapping[str, str]) -> PlaceholderValues:
    """Sort values by placeholder, such as `POD`; an empty one was not given."""
    named = {name: value for name, value in given.items() if value}
    fit = {name: value for name, value in named.items() if _ALLOWED[name].fullmatch(value)}
    return PlaceholderValues(fit, frozenset(named.keys() - fit.keys()))


def installation_values(installation: Installation | None, holder: str, meant: str = "") -> dict[str, str]:
    """What commands for the watcher itself need.

    `holder`: who holds the lease, a pod and a token as the election writes them; empty: this process asks for itself.
    `meant`: the pod that an alert is about, such as one of several shards.
    """
    if installation is None:
        return {}
    return {
        "WATCHER_NAMESPACE": installation.namespace,
        "WATCHER_WORKLOAD": installation.workload,
        "WATCHER_POD": meant or holder.rpartition("_")[0] or installation.pod or "",
        "WATCHER_SELECTOR": installation.selector,
    }


def placeholders(code: str) -> list[str]:
    """The names of all placeholders in this code, each once."""
    used = {found["plain"] or found["braced"] for found in _PLACEHOLDER.finditer(code)}
    return [name for name in _ALLOWED if name in used]


def filled(code: str, language: str, values: PlaceholderValues, mark: Mark = str) -> str:
    """Code, HTML-escaped or not, with every value that fits; what has none cannot be run and is marked."""

    def one(found: re.Match[str]) -> str:
        if found["own"]:
            return mark(found["own"])
        name, opened, closed = found["plain"] or found["braced"], found["open"] or "", found["close"] or ""
        if name in values.fit:
            return f"{opened}{values.fit[name]}{closed}"
        missing = mark(f"${{{name}:?}}" if language == "sh" else f"${name}")
        return missing if language == "promql" and opened and closed else f"{opened}{missing}{closed}"

    return _PLACEHOLDER.sub(one, code)


def language_of(inline: str) -> str:
    """`sh` for a command in a sentence; one word alone is the name of something."""
    return "sh" if " " in inline.strip() else ""


def unfilled(markdown: str) -> str:
    """A runbook as it is read without the watcher: no command with a placeholder runs until the variable is set."""
    nothing = PlaceholderValues()

    def one(found: re.Match[str]) -> str:
        if found["inline"]:
            return f"`{filled(found['inline'], language_of(found['inline']), nothing)}`"
        return found["before"] + filled(found["block"], found["language"], nothing) + found["after"]

    return _MARKDOWN_CODE.sub(one, markdown)
