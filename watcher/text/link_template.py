"""Is this a link to somewhere else, with room for what a target is? And is this a name for one?"""

import re

from watcher.text.key_path import plain_name

PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
PLACES = ("namespace", "agent", "pod", "node", "workload", "spiffe_id")
"""What may be filled in: who the target is, and what discovery knows of it."""

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,40}")
# What is filled in never chooses the host: an agent names itself.
_URL = re.compile(r"https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][!-~]*)?")
_LONGEST = 2000


def link_name(text: str) -> str:
    """What a link is called, as given; ValueError for what is no line of 1 to 40 characters."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"expected names of 1 to 40 characters on one line, got {plain_name(text)}")
    return text


def link_template(text: str) -> str:
    """A URL with `${...}` after its host, as given; ValueError for anything else."""
    if unknown := [each for each in PLACEHOLDER.findall(text) if each not in PLACES]:
        raise ValueError(f"${{{unknown[0][:40]}}} is none of ${{{'}, ${'.join(PLACES)}}}")
    if len(text) > _LONGEST or not _URL.fullmatch(text):
        raise ValueError(
            "expected an http or https URL such as https://grafana.example.org/d/agent?var-agent=${agent}, "
            f"with ${{...}} only after its host, got {plain_name(text)}"
        )
    return text
