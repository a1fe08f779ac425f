"""The runbooks as they are shipped, and their commands as a shell takes them."""

import os
import re
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.repository import ROOT
from watcher.alerting.runbook_commands import PlaceholderValues, filled

FILES = sorted((ROOT / "alerts" / "runbooks").iterdir())
PAGES = {file.stem: file.read_text(encoding="utf-8") for file in FILES}
VALUES = {
    "NAMESPACE": "prod",
    "AGENT": "search",
    "POD": "search-0",
    "WORKLOAD": "deployment/search",
    "SUBJECT": "ranker",
    "CONTROL": "deployment.network.default-deny",
    "WATCHER": "http://w:1",
    "WATCHER_NAMESPACE": "watch",
    "WATCHER_WORKLOAD": "statefulset/eye",
    "WATCHER_POD": "eye-0",
    "WATCHER_SELECTOR": "app.kubernetes.io/instance=eye",
}
PROGRAMS = (
    "kubectl",
    "helm",
    "argocd",
    "flux",
    "curl",
    "openssl",
    "jq",
    "opa",
    "promtool",
    "amtool",
    "agentweave-watcher",
    "sleep",
)
_RECORDER = """#!/bin/sh
called=$(printf '\\037%s' "${0##*/}" "$@")
printf '%s\\036' "$called" >> "$CALLS"
case "$* " in
  *" -o json "*) ;;
  *"pods -A"*) echo "3 spire-server-0 spire-agent-3" ;;
  *) echo 3 ;;
esac
"""


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in this language, those of a list's items without their indent."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, flags=re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for _, block in found]


def inline_commands(text: str) -> list[str]:
    """The commands that stand in sentences, as far as they are whole."""
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return [code for code in re.findall(r"`([^`\n]+)`", prose) if re.match(r"(kubectl -n|curl) .", code)]


def commands(text: str, values: Mapping[str, str] = VALUES) -> Iterator[str]:
    """All that somebody may paste into a shell, filled in."""
    for code in (*blocks(text, "sh"), *inline_commands(text)):
        yield filled(code, "sh", PlaceholderValues(values))


def own_variables(text: str) -> set[str]:
    """What only the reader knows and has to set, such as a new limit."""
    return set(re.findall(r"\$\{([A-Z_]+):\?", text))


@dataclass(frozen=True)
class Ran:
    """What came of a page's commands."""

    calls: list[list[str]]  # of recorded programs, with their arguments
    output: str
    errors: str


NOTHING: Mapping[str, Path] = {}


def run(
    page: str,
    shell: str,
    home: Path,
    *,
    values: Mapping[str, str] = VALUES,
    real: Mapping[str, Path] = NOTHING,
    ports: Mapping[int, int] | None = None,
) -> Ran:
    """Run all commands of a page by this shell, in order, below `home`.

    Programs are recorded and say `3` (of all pods: one that is SPIRE's; JSON: nothing), but those in `real`, which
    lead to a program. What the reader has to set is `2`. `ports`: what stands for a forwarded port of 127.0.0.1.
    """
    programs = _programs(home, real)
    calls = home / "calls"
    calls.touch()
    text = PAGES[page]
    environment = {
        "PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "CALLS": str(calls),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        **dict.fromkeys(own_variables(text), "2"),
    }
    # What runs beside is waited for, not killed: it might not have recorded itself yet.
    script = "\n".join(("kill() { :; }", *commands(text, values), "wait"))
    for forwarded, port in (ports or {}).items():
        script = script.replace(f"127.0.0.1:{forwarded}", f"127.0.0.1:{port}")
    said = subprocess.run(
        [shell, "-c", script], capture_output=True, text=True, cwd=home, env=environment, timeout=60, check=False
    )
    recorded = calls.read_text().split("\036")
    return Ran([each.split("\037")[1:] for each in recorded if each], said.stdout, said.stderr)


def _programs(home: Path, real: Mapping[str, Path]) -> Path:
    folder = home / "programs"
    folder.mkdir()
    recorder = folder / "recorder"
    recorder.write_text(_RECORDER)
    recorder.chmod(0o755)
    for name in PROGRAMS:
        (folder / name).symlink_to(real.get(name, recorder))
    return folder
