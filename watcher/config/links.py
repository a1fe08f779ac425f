"""Where else do people look? The section `links` of the config: names, and URLs with room for what a target is."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from watcher.text.key_path import plain_name

MOST = 12
"""Links of one target; more would be no help."""

PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
PLACES = ("namespace", "agent", "pod", "node", "workload", "spiffe_id")
"""What may be filled in: who the target is, and what discovery knows of it."""

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,40}")
# What is filled in never chooses the host: an agent names itself.
_URL = re.compile(r"https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][!-~]*)?")
_LONGEST = 2000


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"expected names of 1 to 40 characters on one line, got {plain_name(text)}")
    return text


def _template(text: str) -> str:
    if unknown := [each for each in PLACEHOLDER.findall(text) if each not in PLACES]:
        raise ValueError(f"${{{unknown[0][:40]}}} is none of ${{{'}, ${'.join(PLACES)}}}")
    if len(text) > _LONGEST or not _URL.fullmatch(text):
        raise ValueError(
            "expected an http or https URL such as https://grafana.example.org/d/agent?var-agent=${agent}, "
            f"with ${{...}} only after its host, got {plain_name(text)}"
        )
    return text


Links = Annotated[
    dict[Annotated[str, AfterValidator(_name)], Annotated[str, AfterValidator(_template)]], Field(max_length=MOST)
]
