"""The runbooks as texts: each has what somebody needs who was just woken, and names only what there is."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from probes import load_probes, load_sources
from probes.contract import Unknown
from probes.history.process import IN_TURN
from tests.alerting.promtool import both_versions, promtool
from tests.alerting.rules import OPTIONAL, alerts, conditions, rules
from tests.alerting.runbooks import FILES, PAGES, VALUES, blocks, commands
from watcher.alerting.runbook_commands import PlaceholderValues, filled
from watcher.metrics.families import FAMILIES, PREFIX
from watcher.web.runbooks.text import RunbookText, meaning

HEADINGS = ("Meaning", "Impact", "Is the watcher wrong?", "Diagnosis", "Mitigation", "Escalation", "Related")
ENDINGS = ("_bucket", "_sum", "_count", "")


def mistakes(name: str, text: str) -> Iterator[str]:
    """What is wrong with one page, each with its name."""
    found = (
        *_heading_mistakes(name, text),
        *_step_mistakes(name, text),
        *_link_mistakes(text),
        *_setting_mistakes(text),
        *_wait_mistakes(name, text),
        *_series_mistakes(text),
        *_command_mistakes(text),
    )
    yield from (f"{name}.md: {mistake}" for mistake in found)


def _prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)


def _section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def _heading_mistakes(name: str, text: str) -> Iterator[str]:
    wanted = [f"# {name}", *(f"## {heading}" for heading in HEADINGS)]
    headings = re.findall(r"^##? .*$", _prose(text), re.MULTILINE)
    if headings != wanted:
        yield f"expected the headings {wanted}, got {headings}"
    yield from (f"nothing below {heading}" for heading in HEADINGS if not _section(text, heading).strip())
    if "\n**Do not**" not in _section(text, "Mitigation"):
        yield "Mitigation has no paragraph that begins with **Do not**"
    if not text.replace("\n", "").isprintable():
        yield "a control character"
    if not meaning(text):
        yield "Meaning has no first sentence"


def _step_mistakes(name: str, text: str) -> Iterator[str]:
    if name not in conditions():
        return
    _, kind = conditions()[name]
    wanted = {f"### `{reason}`" for reason in kind.reasons or (kind.name,)}
    steps = re.findall(r"^###+ .*$", _prose(text), re.MULTILINE)
    yield from (f"Diagnosis has no {step}" for step in sorted(wanted - set(steps)))
    yield from (f"{step} is no reason of {kind.name}" for step in steps if step not in wanted)
    yield from (f"{step} is not in Diagnosis" for step in steps if step not in _section(text, "Diagnosis"))
    if len(steps) != len(set(steps)):
        yield f"a step twice: {steps}"


def _link_mistakes(text: str) -> Iterator[str]:
    for label, target in re.findall(r"\[([^\]]*)\]\(([^)]*)\)", _prose(text)):
        if not target.startswith("https://") and target.removesuffix(".md") not in PAGES:
            yield f"the link to {target} leads nowhere"
        elif target.startswith("AgentWeave") and target != f"{label}.md":
            yield f"the link {label} leads to {target}"


def _setting_mistakes(text: str) -> Iterator[str]:
    limits = {probe.name: set(probe.limits.model_fields) for probe in load_probes()}
    sources = {kind.name: set(kind.settings.model_fields) for kind in load_sources()}
    for section, part, key in re.findall(r"`(probes|sources)\.(\w+)\.(\w+)", _prose(text)):
        if key not in {"probes": limits, "sources": sources}[section].get(part, set()):
            yield f"there is no setting {section}.{part}.{key}"
    for said in re.findall(r"`probes\.\w+\.\w+`,? *(?:\(|is|of|=|by default)+ *(?:default )?\d[^ ]*", _prose(text)):
        yield f"a limit lives in the config alone: {said}"


def _wait_mistakes(name: str, text: str) -> Iterator[str]:
    """What a page says of its own alert is as the rule has it."""
    own = [rule for _, rule in (*rules(), *rules(OPTIONAL)) if rule.get("alert") == name]
    waits = set(re.findall(r"`for: (\w+)`", text)) - {str(rule.get("for")) for rule in own}
    yield from (f"`for: {wait}` is not that of the rule" for wait in sorted(waits))
    severities = {severity.lower() for severity in re.findall(r"Severity:? (critical|warning)\b", text)}
    if len(own) == 1 and not severities <= {own[0]["labels"]["severity"]}:
        yield f"its severity is {own[0]['labels']['severity']}"


def _series_mistakes(text: str) -> Iterator[str]:
    own = {metric.name for probe in load_probes() for metric in probe.metrics}
    declared = {PREFIX + name for name in own | {metric.name for metric in FAMILIES}}
    recorded = {rule["record"] for _, rule in (*rules(), *rules(OPTIONAL)) if "record" in rule}
    for series in re.findall(rf"\b(?:{PREFIX}|agentweave:)[a-z0-9_:]*[a-z0-9]\b", text):
        if series not in recorded and not any(series.removesuffix(ending) in declared for ending in ENDINGS):
            yield f"nobody exports {series}"


def _command_mistakes(text: str) -> Iterator[str]:
    for command in commands(text):
        said = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True, check=False)
        if said.returncode:
            yield f"bash does not read {command!r}: {said.stderr}"
    for block in blocks(text, "sh"):
        for quoted in _single_quoted(block):
            if re.search(rf"\$\{{?({'|'.join(VALUES)})\b", quoted):
                yield f"a shell leaves a placeholder in single quotes as it is: {quoted!r}"


def _single_quoted(block: str) -> Iterator[str]:
    quoting = r"""\\.|(?:(?<=\s)|^)#[^\n]*|"(?:\\.|[^"\\])*"|'([^']*)'"""
    for found in re.finditer(quoting, block, re.DOTALL | re.MULTILINE):
        if found[1] is not None:
            yield found[1]


@pytest.mark.parametrize("name", PAGES)
def test_a_runbook_has_no_mistake(name: str) -> None:
    assert list(mistakes(name, PAGES[name])) == []


def test_each_reason_that_the_alert_on_unknown_verdicts_counts_has_a_step() -> None:
    [rule] = [rule for _, rule in rules() if rule.get("alert") == "AgentWeaveVerdictUnknown"]
    [silent] = re.findall(r'condition_unknown\{reason!~"(.*?)"', rule["expr"])
    steps = set(re.findall(r"^### `(.*)`$", _prose(PAGES["AgentWeaveVerdictUnknown"]), re.MULTILINE))
    unexplained = {Unknown.SOURCE_FAILED}  # counted beside them, where nothing that is true tells it
    assert steps == set(Unknown) - set(silent.split("|")) - {Unknown.NOT_HELD_YET} | unexplained
    assert Unknown.HISTORY_INTERRUPTED in steps


def test_the_way_out_for_several_processes_in_turn_is_named() -> None:
    text = PAGES["AgentWeaveVerdictUnknown"]
    step = text[text.index("### `Malformed`") : text.index("### `HistoryInterrupted`")]
    assert "multiprocess mode" in IN_TURN
    assert "- `Several processes answer in turn`" in step
    assert "**multiprocess mode**" in step
    assert "`PROMETHEUS_MULTIPROC_DIR`" in step


def unpaired(alert_names: set[str], pages: set[str]) -> list[str]:
    """Alerts without a page, and pages without an alert."""
    missing = [f"{name}.md is missing: the alert leads to it" for name in sorted(alert_names - pages)]
    return missing + [f"{name}.md is an orphan: no alert leads to it" for name in sorted(pages - alert_names)]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert unpaired({alert.name for alert in (*alerts(), *alerts(OPTIONAL))}, set(PAGES)) == []
    assert [file.name for file in FILES if file.suffix != ".md"] == []


def test_a_runbook_that_is_missing_or_an_orphan_is_named() -> None:
    assert unpaired({"AgentWeaveFire"}, {"AgentWeaveSmoke"}) == [
        "AgentWeaveFire.md is missing: the alert leads to it",
        "AgentWeaveSmoke.md is an orphan: no alert leads to it",
    ]


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (lambda text: text.replace("## Impact", "## Effect"), "expected the headings"),
        (lambda text: text.replace("# AgentWeaveTLSMissing", "# TLSMissing"), "expected the headings"),
        (lambda text: text.replace("### `NotTLS`", "### NotTLS"), "Diagnosis has no ### `NotTLS`"),
        (lambda text: text.replace("### `NotTLS`", "### `Burnt`"), "### `Burnt` is no reason of TLSMissing"),
        (lambda text: text.replace("**Do not**", "Never"), "no paragraph that begins with **Do not**"),
        (lambda text: text + "[AgentWeaveX](AgentWeaveX.md)", "the link to AgentWeaveX.md leads nowhere"),
        (lambda text: text + "[AgentWeaveX](AgentWeaveNoTargets.md)", "the link AgentWeaveX leads to"),
        (lambda text: text + "`probes.svid.hope`", "there is no setting probes.svid.hope"),
        (lambda text: text + "`probes.svid.expiry_imminent_ratio` (0.2)", "a limit lives in the config alone"),
        (lambda text: text + "`agentweave_watcher_hope`", "nobody exports agentweave_watcher_hope"),
        (lambda text: text + "\x01", "a control character"),
        (lambda text: text + "\n```sh\nif true\n```\n", "bash does not read"),
        (lambda text: text + "\n```sh\necho '$POD'\n```\n", "in single quotes"),
    ],
)
def test_a_mistake_in_a_runbook_is_named(plant: Callable[[str], str], named: str) -> None:
    [*said] = mistakes("AgentWeaveTLSMissing", plant(PAGES["AgentWeaveTLSMissing"]))
    assert any(each.startswith("AgentWeaveTLSMissing.md: ") and named in each for each in said), said


@both_versions
def test_prometheus_reads_every_query_of_the_runbooks(version: str, tmp_path: Path) -> None:
    values = PlaceholderValues(VALUES)
    queries = [
        (name, filled(query, "promql", values)) for name, text in PAGES.items() for query in blocks(text, "promql")
    ]
    recorded = [{"record": f"{name}:{at}", "expr": query} for at, (name, query) in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    said = subprocess.run([promtool(version), "check", "rules", file], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("name", PAGES)
def test_every_step_of_a_runbook_can_be_linked_to(name: str) -> None:
    steps = re.findall(r"^### `(.*)`$", _prose(PAGES[name]), re.MULTILINE)
    assert RunbookText(PAGES[name], PAGES).steps == set(steps)
