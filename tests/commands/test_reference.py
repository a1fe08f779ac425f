"""`explain`, `completion` and `man`: what the program says of itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from probes import load_probes
from probes.contract import Unknown
from watcher.cli import main, make_parser
from watcher.commands.reference.completion import script
from watcher.commands.reference.explain import explain
from watcher.commands.reference.manual import page
from watcher.commands.reference.parser_tree import tree

COMMANDS = list(tree(make_parser()))


def test_explain_says_what_a_condition_means_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("poolSATURATED") == 0
    said = capsys.readouterr().out
    assert said.startswith("PoolSaturated\n  Failing when: ")
    assert "  Severity: warning: for working hours\n  Probe: pool, from the metrics endpoint (agent_metrics)\n" in said
    assert "  One for each: pool\n" in said
    assert "  Probe results in a row: probes.pool.failures\n" in said
    assert "\n# AgentWeavePoolSaturated\n" in said
    assert "\n## Mitigation\n" in said


def test_explain_knows_every_condition_its_alert_and_every_reason(capsys: pytest.CaptureFixture[str]) -> None:
    for name in [kind.name for probe in load_probes() for kind in probe.conditions]:
        assert explain(name) == 0
        of_condition = capsys.readouterr().out
        assert explain(f"AgentWeave{name}") == 0
        assert capsys.readouterr().out == of_condition
    for reason in Unknown:
        assert explain(reason) == 0
        assert "\n  What to do: " in capsys.readouterr().out


def test_explain_knows_controls_and_alerts_about_the_watcher(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("security.transport.tls13-enforced") == 0
    assert capsys.readouterr().out.startswith("security.transport.tls13-enforced: ")
    assert explain("AgentWeaveWatcherBlind") == 0
    assert capsys.readouterr().out.startswith("# AgentWeaveWatcherBlind\n")


def test_explain_of_a_name_that_there_is_not_names_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("SVIDExpird") == 2
    assert capsys.readouterr().err == (
        "agentweave-watcher explain: 'SVIDExpird' is no condition, alert, reason or control; "
        "did you mean SVIDExpired or AgentWeaveSVIDExpired or SVIDExpiryImminent?\n"
    )


def _bash(*words: str) -> set[str]:
    line = " ".join(f"'{word}'" for word in words)
    source = f"{script('bash', COMMANDS)}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _agentweave_watcher\n"
    told = subprocess.run(
        ["bash", "-c", source + 'printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("agentweave-watcher", "co"), {"controls", "config", "completion"}),
        (("agentweave-watcher", "config", ""), {"init", "check", "schema"}),
        (("agentweave-watcher", "check", "--output", "j"), {"json", "jsonl", "junit"}),
        (("agentweave-watcher", "check", "--fa"), {"--fail-on"}),
        (("agentweave-watcher", "config", "check", "--s"), {"--strict"}),
        (("agentweave-watcher", "completion", ""), {"bash", "zsh", "fish"}),
        (("agentweave-watcher", "check", "x"), set()),  # bash goes on with files
    ],
)
def test_bash_completes(words: tuple[str, ...], offered: set[str]) -> None:
    assert _bash(*words) == offered


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_with_the_help_of_each_word(tmp_path: Path) -> None:
    file = tmp_path / "completion.fish"
    file.write_text(script("fish", COMMANDS))
    lines = ("config ", "check --output js", "check --fa")
    asked = "".join(f"; complete -C 'agentweave-watcher {line}'; echo" for line in lines)
    environment = {**os.environ, "HOME": str(tmp_path)}
    told = subprocess.run(
        ["fish", "-c", f"source {file}{asked}"], capture_output=True, text=True, check=True, env=environment
    )
    config, output, option = told.stdout.strip().split("\n\n")
    assert [line.partition("\t")[0] for line in config.splitlines()] == ["check", "init", "schema"]
    assert output.splitlines() == ["json\toutput format; default: text", "jsonl\toutput format; default: text"]
    assert option.startswith("--fail-on\twhat makes exit status 1; default: ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_names_every_command_and_option_and_its_shell_can_read_it(shell: str, tmp_path: Path) -> None:
    text = script(shell, COMMANDS)
    for command in COMMANDS:
        assert all(name in text for name in command.path)
        for name in (name.lstrip("-") for option in command.options for name in option.names):
            assert name in text
    file = tmp_path / "script"
    file.write_text(text)
    if shutil.which(shell):
        subprocess.run([shell, "-n", file], check=True, env={**os.environ, "HOME": str(tmp_path)})


def test_the_command_prints_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 0
    assert capsys.readouterr().out == script("fish", COMMANDS)


def test_the_manual_page_has_every_command_with_its_options_and_exit_codes() -> None:
    text = "\n".join(page(COMMANDS))
    assert text.startswith('.TH AGENTWEAVE-WATCHER 1 "" "agentweave-watcher ')
    for command in COMMANDS[1:]:
        if not command.commands:
            assert f"\n.SS {' '.join(command.path)}\n" in text
    assert "\n\\fB\\-\\-fail\\-on\\fR \\fIcritical|warning|unknown\\fR\n" in text
    assert "\n\\fB3\\fR\nwithout \\-\\-fail\\-on: a condition is unknown" in text
    assert [line for line in text.splitlines() if line.startswith("'") or "\t" in line] == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_manual_page_is_without_a_warning_of_groff() -> None:
    text = "\n".join(page(COMMANDS))
    told = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8"], input=text, capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stderr == ""


def test_every_option_of_every_command_has_help() -> None:
    assert [(command.path, option) for command in COMMANDS for option in command.options if not option.help] == []


def test_every_option_that_may_be_left_out_says_its_default() -> None:
    silent = {
        (" ".join(command.path), *option.names)
        for command in COMMANDS
        for option in command.options
        if not option.needed
        and not any(words in option.help for words in ("default: ", "same as FILE", "needed unless"))
    }
    without = {each for each in silent if "--help" not in each and "--version" not in each}
    assert without == {("rollout", "--image"), ("rollout", "--revision"), ("rollout", "--since")}, (
        "one of these is needed"
    )


def test_every_command_that_ends_with_a_verdict_lists_its_exit_codes() -> None:
    listed = {" ".join(command.path) for command in COMMANDS[1:] if command.epilog.startswith("exit status:\n  0  ")}
    assert listed == {
        *("check", "status", "drill", "validate", "readiness", "rollout", "config check"),
        *("record attest", "record waive", "record import", "evidence export"),
    }
