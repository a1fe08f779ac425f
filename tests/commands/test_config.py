"""`config init` and `config check`: how a file is begun, and what is surely not meant."""

import os
import re
from argparse import Namespace
from pathlib import Path

import pytest
import yaml

from watcher.cli import main
from watcher.commands.config.check import command
from watcher.commands.config.init import init
from watcher.config.schema import config_schema
from watcher.config.settings import load_settings


def test_init_writes_a_valid_file_and_never_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "watcher.yaml"
    assert init(file, force=False) == 0
    assert main(["config", "check", "--strict", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: written; next: agentweave-watcher config check {file}",
        f"{file}: valid, 1 target listed",
    ]
    file.write_text("mine")
    assert init(file, force=False) == 2
    assert (file.read_text(), capsys.readouterr().err) == (
        "mine",
        f"{file}: already exists; --force overwrites it\n",
    )
    assert init(tmp_path / "no" / "where.yaml", force=True) == 2
    assert capsys.readouterr().err == f"{tmp_path}/no/where.yaml: cannot be written: No such file or directory\n"


def test_what_init_has_in_comments_is_valid_and_names_every_section(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(Path("-"), force=False) == 0
    text = re.sub(r"^#(?=[a-z]|  )", "", capsys.readouterr().out, flags=re.MULTILINE)
    assert len(load_settings(_written(tmp_path, text), {}).targets) == 1
    named = set(yaml.safe_load(text))
    assert named <= set(config_schema()["properties"])
    assert set(config_schema()["properties"]) - named == {"shard", "standby", "installation"}, "the chart sets these"


def _written(directory: Path, text: str) -> Path:
    file = directory / "watcher.yaml"
    file.write_text(text)
    return file


def _target(**more: str) -> str:
    named = "".join(f", {name}: {value}" for name, value in more.items())
    return f"discovery: {{static: [{{namespace: prod, agent: search, address: '127.0.0.1:9'{named}}}]}}\n"


WARNINGS = """
{}
1: warning: discovery: no targets: nothing is watched

discovery: {static: [{namespace: prod, agent: search}]}
1: warning: discovery.static[0]: nothing to probe: it has no address, metrics or opa

TARGET; probes: {opa: {canaries: [{name: a, agents: [search, serach], expect: allow, input: {}}]}}
2: warning: probes.opa.canaries[0].agents: no target has the agent 'serach', so this canary is not asked for it

TARGET; probes: {svid: {expiry_imminent_ratio: 0.5}}
2: warning: probes.svid.expiry_imminent_ratio: expected less than rotation_overdue_ratio (0.4), got 0.5

TARGET; identity: {cert_file: a.pem, key_file: /etc/hostname, bundle_file: /etc/hostname}
2: warning: identity.cert_file: HERE/a.pem is not there on this machine

TARGET, manifests: no.yaml
1: warning: discovery.static[0].manifests: HERE/no.yaml is not there on this machine

TARGET; state_dir: /dev/null/state
2: warning: state_dir: /dev/null is no directory
"""
"""A config, and what is said of it; `TARGET`: one agent, that may be given more."""


@pytest.mark.parametrize(("text", "said"), [case.strip().split("\n") for case in WARNINGS.split("\n\n")])
def test_what_is_surely_not_meant_is_a_warning_and_with_strict_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    begin, semicolon, rest = text.partition(";")
    more = dict(pair.split(": ") for pair in begin.split(", ")[1:]) if begin.startswith("TARGET") else None
    file = _written(tmp_path, f"{begin if more is None else _target(**more)}{rest.strip()}{semicolon and chr(10)}")
    expected = f"{file}:{said.replace('HERE', str(tmp_path))}\n"
    assert command(Namespace(file=file, config=None, strict=False)) == 0
    told = capsys.readouterr()
    assert (told.err, told.out.endswith(", 1 warning\n")) == (expected, True)
    assert command(Namespace(file=file, config=None, strict=True)) == 2
    assert capsys.readouterr() == ("", expected.replace("warning: ", ""))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_dir_that_cannot_be_made_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    file = Path(f"{tmp_path}-config.yaml")
    file.write_text(_target() + f"state_dir: {tmp_path}/state\n")
    assert command(Namespace(file=file, config=None, strict=True)) == 2
    assert capsys.readouterr().err == f"{file}:2: state_dir: {tmp_path}/state cannot be made by this user\n"


def test_relative_paths_are_relative_to_the_config_file(tmp_path: Path) -> None:
    file = _written(
        tmp_path,
        "state_dir: state\nidentity: {cert_file: pki/a.pem, key_file: /etc/key.pem, bundle_file: pki/b.pem}\n"
        "discovery: {static: [{namespace: prod, agent: search, agent_config: search.yaml}]}\n",
    )
    settings = load_settings(file, {"AGENTWEAVE_WATCHER_IDENTITY__BUNDLE_FILE": "other.pem"})
    assert settings.state_dir == tmp_path / "state"
    assert settings.identity is not None
    assert settings.identity.cert_file == tmp_path / "pki/a.pem"
    assert settings.identity.key_file == Path("/etc/key.pem")
    assert settings.identity.bundle_file == tmp_path / "other.pem"
    assert settings.files["prod", "search"].agent_config == tmp_path / "search.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "hunter2: 1\nhunter3: 2\n",
        "DB_PASSWORD: hunter2\nhunter2-token: x\nother: y\n",
        "DB_PASSWORD=hunter2\nTOKEN=hunter3\n",
        "- hunter2\n- hunter3\n",
    ],
)
def test_of_a_file_of_something_else_nothing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert main(["config", "check", str(_written(tmp_path, text))]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert not re.search("hunter|DB_", told.out + told.err)


def test_the_default_file_is_that_of_the_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _written(tmp_path, _target())
    os.environ["AGENTWEAVE_WATCHER_CONFIG"] = str(file)
    try:
        assert main(["config", "check"]) == 0
    finally:
        del os.environ["AGENTWEAVE_WATCHER_CONFIG"]
    assert capsys.readouterr().out == f"{file}: valid, 1 target listed\n"
    assert main(["check"]) == 2
    assert capsys.readouterr().err.startswith("/etc/agentweave-watcher/config.yaml: the config file cannot be read")
