"""What the docs say of the tree is so: its rooms, its layers, its ways, and what they say that a test holds."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

from probes import contract, load_probes, load_sources
from tests.repository import ROOT

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
SOURCES = sorted(path for room in ("probes", "watcher") for path in (ROOT / room).rglob("*.py"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
PURE = ("contract", "readings", "history", "controls", *(probe.name for probe in load_probes()))
NETWORK = frozenset({"httpx", "httptools", "aiohttp", "OpenSSL", "ssl", "grpc", "urllib.request", "http.client"})


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _imports() -> grimp.ImportGraph:
    return grimp.build_graph("probes", "watcher")


def _is_a_probe(package: Path) -> bool:
    return package.name in {probe.name for probe in load_probes()} and package.parent.name == "probes"


def _rooms() -> Iterator[Path]:
    for top in (ROOT / "probes", ROOT / "watcher"):
        for init in sorted(top.rglob("__init__.py")):
            if init.parent != ROOT / "probes" and not _is_a_probe(init.parent):
                yield init.parent


def _sentence(path: Path) -> str:
    return (ast.get_docstring(_tree(path)) or "").split("\n")[0]


def test_the_page_of_the_architecture_has_each_room_with_its_own_sentence() -> None:
    rows = {f"`{_name(room)}/`": _sentence(room / "__init__.py") for room in _rooms() if room != ROOT / "watcher"}
    above = (path for path in (ROOT / "watcher").glob("*.py") if not path.name.startswith("__"))
    rows |= {f"`{_name(path)}`": _sentence(path) for path in above}
    told = dict(re.findall(r"^\| (`(?:probes|watcher)/[^|]*`) \| (.*) \|$", ARCHITECTURE, re.MULTILINE))
    del told["`probes/NAME.py` or `probes/NAME/`"]
    assert told == rows


@pytest.mark.parametrize("room", list(_rooms()), ids=_name)
def test_a_room_has_two_to_fourteen_modules_or_rooms_of_its_own(room: Path) -> None:
    modules = [path for path in room.glob("*.py") if path.name != "__init__.py"]
    rooms = [path for path in room.iterdir() if (path / "__init__.py").exists()]
    assert len(modules) + len(rooms) >= 2, f"{_name(room)} is no room of its own"
    assert len(modules) <= 14, f"{_name(room)} wants rooms of its own"


def test_what_a_module_has_is_had_from_that_module_alone() -> None:
    """But for a room's `__init__`: without `__all__` mypy refuses to take a name from a module that only imports it."""
    assert [_name(path) for path in SOURCES if path.name != "__init__.py" and "__all__" in path.read_text()] == []


def test_every_file_and_room_that_a_page_names_is_there() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("helm/*/README.md")]
    text = "".join(page.read_text() for page in pages)
    named = set(re.findall(r"`((?:probes|watcher|tests|alerts|helm)/[\w./-]*)`", text))
    assert len(named) > 40
    assert {name for name in named if not re.search("NAME|<", name) and not (ROOT / name).exists()} == set()


@pytest.mark.parametrize(
    ("way", "most"),
    [("A config value reaches a probe", 7), ("A pod is deleted", 7), ("A condition gets into /metrics", 6)],
)
def test_a_way_through_the_tree_is_short_and_its_files_are_there(way: str, most: int) -> None:
    steps = re.findall(
        r"^\d+\. `([\w./]+)\.py`", ARCHITECTURE.partition(f"**{way}**")[2].partition("\n\n")[0], re.MULTILINE
    )
    assert 0 < len(steps) <= most
    modules = [step.replace("/", ".").removesuffix(".__init__") for step in steps]
    assert [module for module in modules if module not in _imports().modules] == []


def test_every_module_of_the_watcher_stands_in_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each for each in contracts if each.get("containers") == ["watcher"])
    assert layers["exhaustive"]
    named = {name.strip() for layer in layers["layers"] for name in layer.split("|")}
    there = {
        path.stem for path in (ROOT / "watcher").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert named == there - {"__init__"}


@pytest.mark.parametrize("probe", [probe.name for probe in load_probes()])
def test_nothing_imports_a_probe(probe: str) -> None:
    graph, package = _imports(), f"probes.{probe}"
    own = {package} | graph.find_descendants(package)
    strangers = {each for module in own for each in graph.find_modules_that_directly_import(module)} - own
    assert strangers == set(), "a probe is found by its PROBE, and told by what the contract has"


def test_nothing_imports_a_judge_of_controls() -> None:
    judged = re.compile(r"^@(?:\w+_)?judge\(", re.MULTILINE)
    judges = [path for path in SOURCES if "judges" in path.parts and judged.search(path.read_text())]
    assert len(judges) > 4
    for path in judges:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert _imports().find_modules_that_directly_import(module) == set(), "a judge is found by its decorator"


def test_only_sources_use_sources_and_each_room_of_probes_is_a_layer_or_a_probe() -> None:
    users = {
        importer
        for module in {"probes.sources"} | _imports().find_descendants("probes.sources")
        for importer in _imports().find_modules_that_directly_import(module)
        if importer.startswith("probes.") and not importer.startswith("probes.sources")
    }
    assert users == set()
    rooms = {path.parent.name for path in (ROOT / "probes").glob("*/__init__.py")}
    assert rooms <= {"contract", "readings", "history", "sources", "controls", *(probe.name for probe in load_probes())}


def test_to_import_what_judges_loads_no_network_library() -> None:
    script = f"""
import importlib, pkgutil, sys
for name in {sorted(PURE)!r}:
    before = set(sys.modules)
    room = importlib.import_module("probes." + name)
    for each in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
        importlib.import_module(each.name)
    for loaded in sorted({set(NETWORK)!r} & (set(sys.modules) - before)):
        print(name, "loads", loaded)"""
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == []


def test_each_public_name_of_the_contract_is_used_by_a_probe_or_a_source() -> None:
    outside = [path for path in (ROOT / "probes").rglob("*.py") if path.parent != ROOT / "probes" / "contract"]
    used = {
        alias.name
        for path in outside
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "probes.contract"
        for alias in node.names
    }
    assert set(contract.__all__) - used == set()


def test_no_probe_and_no_source_of_the_contract_is_missing() -> None:
    probes = {"breaker", "cpu", "memory", "opa", "pool", "slo", "svid", "telemetry"}
    assert probes <= {probe.name for probe in load_probes()}
    assert {"agent_metrics", "handshake", "opa"} <= {kind.name for kind in load_sources()}


@pytest.mark.parametrize("module", [path for path in SOURCES if path.parent == ROOT / "probes"], ids=_name)
def test_a_module_beside_the_rooms_of_probes_is_a_probe(module: Path) -> None:
    if module.name != "__init__.py":
        assert hasattr(importlib.import_module(f"probes.{module.stem}"), "PROBE")


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
    written = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    assert [_name(path) for path in written if later.search(path.read_text())] == []


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
    assert [_name(path) for path in SOURCES if path.stem in drawers or path.parent.name in drawers] == []


def test_no_module_is_longer_than_250_lines() -> None:
    assert {_name(path): n for path in SOURCES if (n := path.read_text().count("\n")) > 250} == {}


def test_at_most_twenty_exceptions_are_made_to_the_rules_of_the_linter() -> None:
    made = [
        line for path in SOURCES for line in path.read_text().splitlines() if re.search(r"#\s*(?:ruff: )?noqa", line)
    ]
    assert len(made) <= 20
    assert [line for line in made if not re.search(r"# noqa: [A-Z]+\d+  \S", line)] == [], "each says why"


_PROMISE = re.compile(
    r"[^\n]*(?:\btests?\b[^.\n]*\bholds?\b|\bheld\b[^.\n]*\btests?\b|\btests/\S+ holds\b)[^\n]*", re.IGNORECASE
)
_PAGES = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("helm/*/README.md"), ROOT / "pyproject.toml")


def _promises() -> list[str]:
    return [promise.strip() for page in _PAGES for promise in _PROMISE.findall(page.read_text())]


@pytest.mark.parametrize("promise", _promises())
def test_a_sentence_that_a_test_holds_something_names_the_test(promise: str) -> None:
    named = re.findall(r"tests/[\w/]+\.py", promise)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_each_test_or_program_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    files = {ROOT / name for name in re.findall(r"\btests/[\w/]+\.\w+", text)}
    programs = {ROOT / name.replace(".", "/") for name in re.findall(r"python -m (tests[.\w]+\w)", text)}
    absent = {file for file in files if not file.exists()}
    absent |= {one for one in programs if not one.with_suffix(".py").exists() and not (one / "__main__.py").exists()}
    assert set(map(_name, absent)) == set()


def test_every_log_line_that_a_runbook_looks_for_is_one_that_the_program_writes() -> None:
    written = {
        node.args[0].value
        for path in SOURCES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("debug", "info", "warning", "error", "critical", "exception")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    runbooks = "".join(path.read_text() for path in (ROOT / "alerts" / "runbooks").glob("*.md"))
    looked_for = {
        msg for found in re.findall(r'"msg": "\(?([^"]*?)\)?"', runbooks) for msg in found.split("|") if "\\" not in msg
    }
    assert looked_for
    assert looked_for - written == set()


_SHOW_A_DISK = """
import sys, probes
probes.__path__.append(sys.argv[1])
from probes.contract import Sample, Target, TargetKey
from probes.contract.picture import PictureContext
from probes.disk import USED_RATIO, DiskHistory, DiskLimits, bars, measured
target = Target(key=TargetKey("prod", "search", "search-0"))
known = dict(target=target, limits=DiskLimits(), now=0.0, date=0.0, interval=30.0, looked=0.0)
for stale in (False, True):
    context = PictureContext(**known, samples=(Sample(USED_RATIO, 0.95),), stale=stale)
    shown = bars(DiskHistory(), context)
    print([(bar.name, bar.said, bar.value, bar.full, bar.levels[0].value) for bar in shown])
    print([(each.kind.name, each.said) for each in measured(DiskHistory(), context)])
"""

_LOOK_AT_A_DISK = """
import sys, probes
probes.__path__.append(sys.argv[1])
from probes.disk import PROBE, DiskLimits
from tests.probes.judged import Judged
for page in ("agentweave_disk_used_ratio 0.95", "agentweave_disk_used_ratio 0.5", "up 1"):
    judged = Judged(PROBE, DiskLimits())
    print(*map(str, judged.read(0, page).values()), *judged.messages())
"""


def test_the_examples_of_a_bar_and_of_numbers_in_contributing_show_what_is_known_now(tmp_path: Path) -> None:
    probe, *shown = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)[:3]
    imports = (
        "from collections.abc import Iterator\nfrom probes.contract import Metric\n"
        "from probes.contract.picture import Bar, Level, Measured, PictureContext, Tone\n"
    )
    (tmp_path / "disk.py").write_text("".join((imports, probe, *shown)))
    command = [sys.executable, "-c", _SHOW_A_DISK, str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.stderr == ""
    assert told.stdout.splitlines() == [
        "[('disk', '95% used', 0.95, 1.0, 0.9)]",
        "[('DiskFull', '95% is used; more than 90% is full.')]",
        "[]",
        "[]",
    ]


def test_the_example_of_a_probe_in_contributing_is_a_probe(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert example is not None
    (tmp_path / "disk.py").write_text(example[1])
    command = [sys.executable, "-c", _LOOK_AT_A_DISK, str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.stderr == ""
    assert told.stdout.splitlines() == [
        "DiskFull 95% of the disk are used.",
        "false The agent's disk has room.",
        "SignalAbsent The metrics endpoint has no agentweave_disk_used_ratio.",
    ]
