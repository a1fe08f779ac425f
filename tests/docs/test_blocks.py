"""Every block of commands and every YAML that README and docs/ show is run, or checked by what it is for.

1. A fenced block says its language: `sh` and `yaml` are to be pasted, `text` is output, others have tests of their own.
2. Our own commands are run where they need no fleet, else their arguments are parsed by the command line itself.
3. Others (`make`, `helm`, `docker compose`, `prometheus`) are checked by what they name: targets, charts, files, flags.
4. YAML is a config of ours, values of our chart, or the file of the program that a page names.
"""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repository import ROOT
from watcher.cli import main, make_parser
from watcher.config.file import ConfigError
from watcher.config.schema import config_schema
from watcher.config.settings import load_settings

jsonschema = pytest.importorskip("jsonschema", reason="an independent validator is not installed")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("helm/*/README.md")])
LANGUAGES = {"sh", "yaml", "text", "python", "promql", "json", "groovy"}
CHART = ROOT / "helm" / "agentweave-watcher"
OFFLINE = ("controls", "explain", "config schema", "config init", "completion", "man", "rules export", "--version")
"""Commands of ours that are run: they need nothing but themselves."""

CHECKED_BY_NAME = {"helm", "docker", "sudo", "spire-server", "curl", "alertmanager", "prometheus", "python3", "pipx"}


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text()
        for match in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE):
            inside = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
            yield Block(page, text.count("\n", 0, match.start()) + 1, match[2], inside)


BLOCKS = list(_blocks())
SHELL = [block for block in BLOCKS if block.language == "sh"]
YAML = [block for block in BLOCKS if block.language == "yaml"]


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command, those of a pipeline apart, without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>();")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words = list[str]()
        for word in (*lexer, "|"):
            if word in ("|", "<(", ")"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def test_every_block_says_its_language() -> None:
    assert [(str(block), block.language) for block in BLOCKS if block.language not in LANGUAGES] == []
    assert len(SHELL) > 10
    assert len(YAML) > 10


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty directory to be in, as a new user is."""
    with chdir(tmp_path):
        yield tmp_path


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_block_of_commands_is_one_that_works(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    found = list(commands(block.text))
    assert found
    for words in found:
        if words[0] == "agentweave-watcher":
            _ours(words[1 : words.index(">") if ">" in words else None])
        elif words[0] == "make":
            targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert words[1] in targets
        else:
            assert words[0] in {
                *CHECKED_BY_NAME,
                "source",
                "kubectl",
                "grep",
                "jq",
                "openssl",
                "sha256sum",
                "amtool",
                "htpasswd",
                "cosign",
                "git",
            }
        named = [word for word in words if re.match(r"(helm|deploy|docs|alerts)/", word) and words[0] != "kubectl"]
        assert [word for word in named if "deploy/helm" not in word and not (ROOT / word).exists()] == []
    assert capsys.readouterr().err == ""


def _ours(arguments: list[str]) -> None:
    """Run it where that needs nothing else; each argument is one that the command line knows."""
    make_parser().parse_args(arguments)
    if " ".join(arguments).startswith(OFFLINE):
        assert main(arguments) == 0


@pytest.mark.parametrize("block", YAML, ids=str)
def test_a_yaml_block_is_one_that_its_program_takes(block: Block, home: Path) -> None:
    [document, *more] = yaml.safe_load_all(block.text)
    if more or not isinstance(document, dict) or {"apiVersion", "kind", "jobs"} & document.keys():
        return  # objects of Kubernetes, records or steps of a pipeline: pages about them have tests of their own
    if "scrape_configs" in document:
        assert set(document) <= {"scrape_configs", "rule_files", "alerting", "global"}
        return  # tests/alerting/test_scrape_interval.py has more of it
    if block.page.parent == CHART or block.text.startswith("# values.yaml\n") or _is_values(document):
        _check_values(document)
        return
    # Most are a part of a file, to be put into one; each section of it must be right by itself.
    for name, section in document.items():
        assert _mistakes({name: section}, home / "watcher.yaml") == []


def _mistakes(document: dict[str, Any], file: Path) -> list[str]:
    needed = {"drill": {"alertmanager": {"url": "http://127.0.0.1:9093"}}}
    file.write_text(yaml.safe_dump(document | needed.get(next(iter(document)), {})))
    try:
        load_settings(file, {})
    except ConfigError as error:
        return [each for each in error.mistakes if "missing, but required" not in each]
    return []


def _is_values(document: dict[str, Any]) -> bool:
    return not set(document) <= set(config_schema()["properties"])


def _check_values(document: Any) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(document))
    assert [error.message for error in errors if error.validator != "required"] == []


def test_every_link_of_a_page_to_a_file_leads_somewhere() -> None:
    lost = [
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|(?:src|srcset)=\"([^\"]+)\"", page.read_text())
        for target in target
        if target and "://" not in target and not target.startswith("/") and not (page.parent / target).exists()
    ]
    assert lost == []
