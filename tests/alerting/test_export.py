"""`rules export`: all that goes with the alerts, out of the package as people install it."""

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.alerting.promtool import promtool
from tests.alerting.rules import alerts
from tests.repository import ROOT
from watcher.alerting.export import Links, export_rules, url_prefix
from watcher.alerting.files import ALERT_FILES, DASHBOARD_URL, FOLDERS, RUNBOOK_URL, WATCHER_URL
from watcher.alerting.rules.maker import rule_files
from watcher.alerting.runbook_commands import unfilled
from watcher.cli import main

SHIPPED = {
    path.relative_to(ROOT / "alerts"): path.read_text()
    for folder in FOLDERS
    for path in (ROOT / "alerts" / folder).iterdir()
}
WRITTEN = {name: unfilled(text) if name.parts[0] == "runbooks" else text for name, text in SHIPPED.items()}
LOOPBACK = "the runbooks of a watcher that is down are served by that watcher: publish runbooks/ elsewhere too"
PLAIN = "abcXYZ019-._~:@!&()*+,;=%[]/"


def _written(directory: Path) -> dict[Path, str]:
    return {path.relative_to(directory): path.read_text() for path in directory.rglob("*") if path.is_file()}


def _loaded(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _export(directory: Path, *options: str) -> dict[Path, str]:
    assert main(["rules", "export", str(directory), *options]) == 0
    return _written(directory)


@pytest.mark.parametrize("command", [["rules"], ["rules", "export"]])
def test_the_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: agentweave-watcher {' '.join(command)}")


def test_all_files_are_written_as_they_are_shipped_but_for_commands_without_a_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = _export(tmp_path / "deep" / "new")
    assert written == WRITTEN
    assert "kubectl -n ${NAMESPACE:?} delete pod ${POD:?}" in written[Path("runbooks/AgentWeaveMemoryHigh.md")]
    lines = capsys.readouterr().out.splitlines()
    counts = {folder: sum(name.parts[0] == folder for name in SHIPPED) for folder in FOLDERS}
    assert [line.partition("; ")[0] for line in lines] == [
        f"{tmp_path}/deep/new/{folder}: {count} file{'s' if count > 1 else ''}" for folder, count in counts.items()
    ]
    assert all(len(line.partition("; ")[2]) > 20 for line in lines)  # and what to do with them


def test_the_links_of_the_rules_lead_where_they_are_told_to(tmp_path: Path) -> None:
    links = {RUNBOOK_URL: "https://wiki.example.org/on-call/", DASHBOARD_URL: "http://[::1]:3000/grafana/d/"}
    runbooks, dashboards = links.values()
    told = _export(tmp_path, "--runbook-url", runbooks.rstrip("/"), "--dashboard-url", dashboards)
    urls = re.findall(r"(?:runbook|dashboard)_url: \"(\S+?)(?=AgentWeave|agentweave)", "\n".join(told.values()))
    assert len(urls) > 50
    assert set(urls) == set(links.values())
    for name, text in SHIPPED.items():
        expected = WRITTEN[name]
        if name.parts[0] != "runbooks":
            expected = text.replace(RUNBOOK_URL, runbooks).replace(DASHBOARD_URL, dashboards)
        assert told[name] == expected


def test_dashboards_lead_to_the_page_and_the_runbooks_that_are_told(tmp_path: Path) -> None:
    page, runbooks = "https://watcher.example.org/", "https://git.example.org/{name}.md"
    told = _export(tmp_path, "--watcher-url", page.rstrip("/"), "--runbook-url", runbooks)
    text = told[Path("dashboards/fleet.json")]
    assert WATCHER_URL not in "".join(text for name, text in told.items() if name.parts[0] == "dashboards")
    assert f'"{page}?namespace=${{__data.fields.namespace:percentencode}}&agent=' in text
    assert f'"{page}agents/${{__data.fields.namespace:percentencode}}/${{__data.fields.pod:percentencode}}"' in text
    assert '"https://git.example.org/AgentWeave${__data.fields.condition}.md?namespace=' in text
    assert '"https://git.example.org/${__data.fields.alertname}.md"' in text
    assert (
        f'"{page}runbooks/AgentWeave${{__data.fields.condition}}?'
        in _export(tmp_path, "--watcher-url", page)[Path("dashboards/fleet.json")]
    )


def _links(texts: dict[Path, str]) -> dict[str, str]:
    """The link to its runbook, by alert."""
    rules = [
        rule
        for name, text in texts.items()
        if name.parts[0] in ("rules", "optional-rules")
        for group in _loaded(text)["groups"]
        for rule in group["rules"]
    ]
    return {rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules if "alert" in rule}


@pytest.mark.parametrize(
    ("url", "down", "impaired"),
    [
        (
            "https://wiki.example.org/w",
            "https://wiki.example.org/w/AgentWeaveWatcherDown",
            "/w/AgentWeaveWatcherImpaired?",
        ),
        (
            "https://git.example.org/{name}.md",
            "https://git.example.org/AgentWeaveWatcherDown.md",
            "Impaired.md?reason=",
        ),
    ],
)
def test_alerts_about_the_watcher_itself_can_lead_to_a_second_place(
    tmp_path: Path, url: str, down: str, impaired: str
) -> None:
    there = "https://watcher.example.org/runbooks/"
    links = _links(_export(tmp_path, "--runbook-url", there, "--watcher-runbook-url", url))
    assert links["AgentWeaveWatcherDown"] == down
    assert impaired in links["AgentWeaveWatcherImpaired"]
    elsewhere = {name for name, link in links.items() if not link.startswith(there)}
    assert elsewhere == {alert.name for alert in alerts() if alert.labels["component"] == "watcher"}
    assert {"AgentWeaveWatcherDown", "AgentWeaveWatcherStalled"} <= elsewhere


@pytest.mark.parametrize("host", ["127.0.0.1:9847", "localhost:1", "[::1]", "127.8.9.1", "eyes.localhost"])
def test_links_that_open_on_one_machine_alone_are_told(
    tmp_path: Path, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [f"--{name}-url=https://a.example.org/" for name in ("dashboard", "watcher-runbook", "watcher")]
    _export(tmp_path, "--runbook-url", f"http://{host}/runbooks/", *good)
    assert capsys.readouterr().err == (
        f"alerts link to http://{host}/runbooks/, which opens on that machine alone: "
        "--runbook-url says what people can reach\n"
    )
    _export(tmp_path, "--runbook-url", "https://10.0.0.1/", *good)
    assert capsys.readouterr().err == ""
    _export(tmp_path)
    assert [line.partition(", ")[0] for line in capsys.readouterr().err.splitlines()] == [
        "alerts link to http://127.0.0.1:9847/runbooks/",
        "alerts link to http://127.0.0.1:3000/d/",
        "dashboards link to http://127.0.0.1:9847/",
        LOOPBACK,
    ]


@pytest.mark.parametrize("jobs", [["watcher"], ["team-a/eyes", 'b"\\\n{{ $labels.x }}']])
def test_the_alert_on_a_watcher_that_is_gone_waits_for_the_jobs_that_are_named(tmp_path: Path, jobs: list[str]) -> None:
    told = _export(tmp_path, *(part for job in jobs for part in ("--job", job)))
    changed = {name for name, text in told.items() if text != WRITTEN[name]}
    assert changed == {Path("rules/watcher.yaml")}
    [down] = [
        rule
        for group in _loaded(told[Path("rules/watcher.yaml")])["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "AgentWeaveWatcherDown"
    ]
    waits = re.findall(r'absent\(agentweave_watcher_build_info\{job=("(?:[^"\\]|\\.)*")\}\)', down["expr"])
    assert [json.loads(each) for each in waits] == jobs
    assert "last_over_time" not in down["expr"]
    assert "absent_over_time" not in down["expr"]
    said = subprocess.run(
        [promtool("current"), "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules" / "watcher.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_alerts_on_agents_carry_the_labels_that_are_named(tmp_path: Path) -> None:
    wiki = "https://wiki.example.org/"
    told = _export(tmp_path, "--labels-to-alerts", "team,example.org/cost-center", "--runbook-url", wiki)
    made = rule_files(("team", "cost_center"))
    files = {name.name: text for name, text in told.items() if name.parts[0] == "rules"}
    assert files == {name: text.replace(RUNBOOK_URL, wiki) for name, text in made.items()}
    changed = {name.name for name, text in told.items() if text != WRITTEN[name].replace(RUNBOOK_URL, wiki)}
    assert changed == made.keys() - {"watcher.yaml"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("team,", "expected the key of a label, such as example.org/team, got ''"),
        ("severity", "alerts have a label severity of their own"),
        ("a,b,c,d,e,f", "expected at most 5 labels, got 6"),
    ],
)
def test_labels_that_alerts_cannot_carry_are_refused(
    tmp_path: Path, keys: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rules", "export", str(tmp_path / "out"), "--labels-to-alerts", keys])
    assert ended.value.code == 2
    assert f"argument --labels-to-alerts: {said}" in capsys.readouterr().err


def test_a_job_without_a_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rules", "export", str(tmp_path / "out"), "--job", " "])
    assert ended.value.code == 2
    assert "argument --job: expected the name of a job, got none" in capsys.readouterr().err


def _replaced(value: Any, prefixes: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(each, prefixes) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, prefixes) for each in value]
    found = next((each for each in prefixes if isinstance(value, str) and value.startswith(each)), None)
    return prefixes[found] + value.removeprefix(found) if found else value


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=st.tuples(st.text(PLAIN, max_size=30), st.text(PLAIN, max_size=30)))
def test_with_any_prefix_that_is_taken_the_files_load_as_before(tmp_path: Path, paths: tuple[str, str]) -> None:
    prefixes = {
        old: url_prefix(f"https://a.b/{path}") for old, path in zip((RUNBOOK_URL, DASHBOARD_URL), paths, strict=True)
    }
    assert export_rules(tmp_path, Links(*prefixes.values())) == 0
    for name, text in _written(tmp_path).items():
        if name.parts[0] in ("rules", "optional-rules", "alertmanager"):
            assert _loaded(text) == _replaced(_loaded(SHIPPED[name]), prefixes)


def test_files_of_the_same_name_are_overwritten_and_others_left_alone(tmp_path: Path) -> None:
    for name in ("svid.yaml", "own.yaml"):
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / name).write_text("mine")
    told = _export(tmp_path)
    assert told.pop(Path("rules/own.yaml")) == "mine"
    assert told == WRITTEN


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.touch(), "Not a directory"),
        (lambda path: (path.mkdir(), (path / "rules").touch()), "File exists"),
        (lambda path: (path / "rules" / "svid.yaml").mkdir(parents=True), "Is a directory"),
        (lambda path: path.symlink_to("/proc/nowhere"), "File exists"),
        (lambda path: path.symlink_to("/proc"), "No such file or directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line_and_exit_code_2(
    tmp_path: Path, make: Callable[[Path], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "out")
    assert main(["rules", "export", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"{tmp_path}/out")
    assert told.err.endswith(f": cannot be written: {said}\n")
    assert (told.err.count("\n"), told.out) == (1, "")


@pytest.mark.parametrize("option", ["--runbook-url", "--dashboard-url", "--watcher-runbook-url", "--watcher-url"])
@pytest.mark.parametrize(
    "prefix",
    [
        *("", "wiki.example.org/", "ftp://a/", "javascript:alert(1)", "//a/", "http://", "http:///a", "http://a:b/"),
        *(
            "http://a b/",
            'http://a"/',
            "http://a'/",
            "http://a{{/",
            "http://a}}/",
            "http://a\n/",
            "http://a\\/",
            "http://a`/",
        ),
        *(
            "http://a/?page=",
            "http://a/#x",
            "http://[::1/",
            "http://é/",
            "http://a/$(id)",
            "http://a/\u2028",
            "http://a:99999",
            "http://a/{name}/{name}",
            "http://a/{other}",
            "{name}",
        ),
    ],
)
def test_what_is_no_plain_url_is_refused_in_one_line(
    tmp_path: Path, option: str, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rules", "export", str(tmp_path / "out"), option, prefix])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert f"argument {option}: expected an http(s) URL" in told.err
    assert (told.err.count("\n"), told.out, (tmp_path / "out").exists()) == (1, "", False)


def test_an_editable_install_reads_the_files_of_the_source_tree() -> None:
    assert ALERT_FILES.is_symlink()
    assert ALERT_FILES.readlink() == Path("../../alerts")


def _pip(command: str, *options: str) -> None:
    pip = [sys.executable, "-m", "pip", command, "--quiet", "--no-index", "--disable-pip-version-check", *options]
    subprocess.run(pip, check=True, timeout=120)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(home), str(ROOT))
    [file] = home.glob("*.whl")
    return file


def test_a_source_distribution_holds_what_a_wheel_is_made_of(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [file] = tmp_path.iterdir()
    with tarfile.open(file) as archive:
        names = [Path(*Path(name).parts[1:]) for name in archive.getnames()]
    for folder in ("alerts", "watcher/alerting/alerts"):
        held = [name.relative_to(folder) for name in names if name.is_relative_to(folder)]
        assert sorted(held) == sorted(SHIPPED)


@pytest.mark.xdist_group("wheel")  # built once
def test_a_wheel_holds_each_file_once(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        held = {
            Path(name): archive.read(name).decode() for name in names if name.startswith("watcher/alerting/alerts/")
        }
    assert held == {Path("watcher/alerting/alerts") / name: text for name, text in SHIPPED.items()}
    assert len(names) == len(set(names))


@pytest.mark.xdist_group("wheel")  # built once
def test_an_installed_wheel_exports_without_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    _pip("install", "--no-deps", "--no-compile", "--target", str(tmp_path / "site"), str(wheel))
    others = [path for path in sys.path if path.endswith("site-packages")]
    code = (
        "import sys, watcher; from watcher.cli import main\n"
        "assert watcher.__file__.startswith(sys.argv[1]), watcher.__file__\n"
        "sys.exit(main(['rules', 'export', sys.argv[2]]))"
    )
    # -S: without it a `.pth` of the editable install would put the source tree on the path.
    told = subprocess.run(
        [sys.executable, "-S", "-c", code, tmp_path / "site", tmp_path / "out"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), *others])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (told.returncode, "Traceback" in told.stderr) == (0, False)
    assert _written(tmp_path / "out") == WRITTEN
