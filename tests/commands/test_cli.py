import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.config.contract_config import CONTRACT
from watcher.cli import main

COMMAND = (sys.executable, "-m", "watcher")


def call(
    *arguments: str, environ: dict[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environ or {})},
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "watcher.yaml"
    path.write_text(CONTRACT)
    return path


def test_help_names_every_command() -> None:
    told = call("--help")
    assert told.returncode == 0
    assert all(
        f"    {command} " in told.stdout
        for command in (
            *("run", "check", "status", "explain", "drill", "demo", "rules", "validate", "readiness", "controls"),
            *("config", "completion", "man"),
        )
    )


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["check"],
        ["drill"],
        ["demo"],
        ["validate"],
        ["readiness"],
        ["controls"],
        ["config"],
        ["config", "check"],
        ["config", "schema"],
        ["config", "init"],
        ["status"],
        ["explain"],
        ["completion"],
        ["man"],
    ],
)
def test_every_command_has_help(command: list[str]) -> None:
    told = call(*command, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: agentweave-watcher {' '.join(command)}")


def test_no_plugin_of_pydantic_is_looked_for() -> None:
    script = (
        "from watcher.cli import main\nmain(['controls', 'predeploy.config.valid'])\n"
        "from pydantic.plugin import _loader\nprint(_loader._plugins)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.splitlines()[-1] == "None"


def test_help_waits_for_nothing_heavy() -> None:
    heavy = "{'pydantic', 'yaml', 'httpx', 'cryptography', 'rich', 'asyncio', 'logging'}"
    script = (
        f"import sys\nfrom watcher.cli import make_parser\nmake_parser()\nprint(sorted({heavy} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "[]\n"


def test_a_check_by_hand_waits_for_nothing_that_only_the_daemon_needs() -> None:
    of_the_daemon = "{'apscheduler', 'uvicorn', 'starlette', 'jinja2', 'uvloop', 'multiprocessing', 'statistics'}"
    script = f"import sys\nimport watcher.commands.check.command\nprint(sorted({of_the_daemon} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("command", ["validate", "readiness", "controls"])
def test_the_checklist_of_files_waits_for_nothing_that_talks_to_anybody(command: str) -> None:
    talks = "{'httpx', 'aiohttp', 'asyncio', 'ssl', 'kubernetes', 'rich', 'jinja2', 'prometheus_client'}"
    script = f"import sys\nimport watcher.commands.{command}\nprint(sorted({talks} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("command", ["commands.run", "commands.check.command", "commands.drill", "demo.run"])
def test_the_command_line_of_httpx_is_not_imported(command: str) -> None:
    script = f"import sys\nimport watcher.{command}\nprint('httpx' in sys.modules, 'pygments' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "True False\n"


def test_a_daemon_without_a_checklist_does_not_import_what_gathers_for_it() -> None:
    script = "import sys\nimport watcher.commands.run\nprint('watcher.checklist.live.opening' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "False\n"


def test_the_version_is_that_of_the_package() -> None:
    told = call("--version")
    assert told.returncode == 0
    assert told.stdout.startswith("agentweave-watcher 0.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["watch"], "invalid choice: 'watch'"),
        (["check", "--config"], "argument --config: expected one argument"),
        (["check", "--config", "x", "--output", "xml"], "argument --output: invalid choice: 'xml'"),
        (["check", "x", "more\nwatcher.yaml:1: forged"], "unrecognized arguments: more\\nwatcher.yaml:1"),
        (["demo", "--seconds", "-1"], "argument --seconds: expected a number over 0, got '-1'"),
        (["demo", "--seconds", "nan"], "argument --seconds: expected a number over 0, got 'nan'"),
        (["demo", "--seconds", "soon"], "argument --seconds: expected a number over 0, got 'soon'"),
        (["demo", "--port", "65536"], "argument --port: expected a port from 0 to 65535, got '65536'"),
        (["config"], "the following arguments are required: COMMAND"),
        (["check", "x", "--config", "y"], "argument --config: not allowed with argument FILE"),
        (["--log-format", "xml", "config", "schema"], "argument --log-format: invalid choice: 'xml'"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert said in told.err
    assert (told.err.count("\n"), told.out) == (1, "")


def test_config_check_says_how_many_targets_there_are(file: Path) -> None:
    told = call("config", "check", str(file))
    assert (told.returncode, told.stdout, told.stderr) == (0, f"{file}: valid, 1 target listed\n", "")


@pytest.mark.parametrize(
    "command", [["config", "check"], ["run", "--config"], ["check", "--config"], ["drill", "--config"]]
)
def test_a_config_error_is_one_line_a_mistake_and_exit_code_2(file: Path, command: list[str]) -> None:
    file.write_text("sever: {}\nserver: {port: x}\n")
    told = call(*command, str(file))
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [
        f"{file}:1: sever: unknown key, did you mean server?",
        f"{file}:2: server.port: expected a whole number, got 'x'",
    ]


def test_config_check_reads_the_environment(file: Path) -> None:
    told = call("config", "check", str(file), environ={"AGENTWEAVE_WATCHER_SERVER__PORT": "x"})
    assert told.returncode == 2
    assert told.stderr == "AGENTWEAVE_WATCHER_SERVER__PORT: server.port: expected a whole number, got 'x'\n"


def test_config_schema_prints_json() -> None:
    told = call("config", "schema")
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("command", ["config schema", "man"])
def test_a_reader_that_has_seen_enough_is_no_error(command: str) -> None:
    told = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} {command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (told.stdout, told.stderr) == ("141\n", "")


@pytest.mark.parametrize("command", ["config schema", "check --help", "--version"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_said_and_is_no_bug(command: str, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [*COMMAND, *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            env=environment,
        )
    assert (told.returncode, told.stderr) == (74, "agentweave-watcher: cannot write: No space left on device\n")


def test_standard_output_that_is_closed_takes_nothing_and_is_no_bug() -> None:
    told = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} explain WarmingUp >&- 2>&-; echo $?"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (told.stdout, told.stderr) == ("0\n", "")


def test_an_interrupt_ends_without_a_traceback(tmp_path: Path) -> None:
    config = tmp_path / "pipe.yaml"
    os.mkfifo(config)
    # Where the tests run in the background of a shell, an interrupt is ignored from the start.
    command = ["env", "--default-signal=INT", *COMMAND, "config", "check", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, config.open("w"):
        for _ in range(5):
            # It has opened the pipe, and waits for what nobody writes; a signal just before it waits goes unheard.
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
                break
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (130, "")


def test_a_bug_is_said_as_such_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "pydantic.py").write_text("raise LookupError('a thing')")
    told = call("config", "schema", environ={"PYTHONPATH": str(tmp_path)})
    line = json.loads(told.stderr)
    assert (told.returncode, told.stdout) == (70, "")
    assert (line["level"], line["msg"]) == ("critical", "unexpected error, this is a bug of agentweave-watcher")
    assert line["exception"].endswith("LookupError: a thing")
