"""The command `readiness`: the checklist of agents, shown in one of the formats, and an exit code for pipelines."""

import difflib
import gc
import logging
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module

from probes.controls.catalogue.loading import Catalogue, load_catalogue
from probes.controls.finding import State
from probes.controls.readiness import Verdict
from watcher.checklist.agent_report import AgentReport, Chosen, Report
from watcher.commands.readiness.selection import NothingSelectedError
from watcher.config.file import ConfigError
from watcher.text.printable import printable

OUTPUTS = {
    "text": "text_report:as_text",
    "json": "json_report:as_json",
    "markdown": "markdown_report:as_markdown",
    "html": "html_report:as_html",
    "junit": "junit_report:as_junit",
    "sarif": "sarif_report:as_sarif",
}
"""The module and function of each format; only that which is asked for is imported."""

_NAMED = 3
_READY = (Verdict.READY, Verdict.READY_WITH_WAIVERS)


def command(given: Namespace) -> int:
    """`readiness [FILE]`, `--url` or `--manifests`: 0 ready or none fails; 1 one fails; 3 one is unknown; 2 none."""
    logging.getLogger("watcher").setLevel(logging.ERROR)
    gc.disable()  # a quarter of the time, and the process ends at once
    catalogue = load_catalogue()
    chosen = Chosen(
        given.section or "", given.owner or "", frozenset(given.control or ()), given.required, not given.no_waivers
    )
    for name in sorted(chosen.named - catalogue.by_id.keys()):
        near = difflib.get_close_matches(name, catalogue.by_id, n=1, cutoff=0.5)
        return _refuse(f"{name!r} is no control{f'; did you mean {near[0]}?' if near else ''}")
    if not chosen.of(catalogue):
        return _refuse("no control is selected")
    try:
        report = _report(given, catalogue, chosen)
    except NothingSelectedError as error:
        return _refuse(str(error))
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    fail_on = given.fail_on or ("fail" if given.manifests else "unknown")
    report = replace(report, open_fails=fail_on == "unknown")
    module, name = OUTPUTS[given.output].split(":")
    show: Callable[[Report], str] = getattr(import_module(f"watcher.checklist.reports.{module}"), name)
    for each in () if given.manifests else (*report.problems, *report.notes):
        print(printable(each), file=sys.stderr)
    print(show(report), end="")
    if given.output == "sarif":
        left_out: Callable[[Report], Sequence[str]] = import_module("watcher.checklist.reports.sarif_report").left_out
        for each in left_out(report):
            print(each, file=sys.stderr)
    code, why = verdict(report.agents, report.problems, fail_on)
    if given.output == "text":
        print(f"Exit code {code}: {why}.")
    return code


def _report(given: Namespace, catalogue: Catalogue, chosen: Chosen) -> Report:
    if given.since is not None and given.url is None:
        raise NothingSelectedError("--since: only a running daemon knows what turned: give its --url")
    if given.url is not None:
        if given.file is not None:
            raise NothingSelectedError(f"expected either {given.file} or --url, not both")
        return _origin("asked:of_daemon")(given, catalogue, chosen)
    if given.manifests is not None:
        return _origin("manifests:of_manifests")(given, catalogue, chosen)
    return _origin("fleet:of_fleet")(given, chosen)


def _origin(where: str) -> Callable[..., Report]:
    """Only that which is asked for is imported: who reads manifests needs nothing of the daemon."""
    module, name = where.split(":")
    found: Callable[..., Report] = getattr(import_module(f"watcher.commands.readiness.{module}"), name)
    return found


def verdict(agents: Sequence[AgentReport], problems: Sequence[str], fail_on: str) -> tuple[int, str]:
    """The exit code, by what is required of those that were judged, and why; 3 where not all could be judged."""
    if failing := [each for each in agents if any(each.findings[name].state is State.FAIL for name in each.required)]:
        return 1, f"a required control fails of {_named(failing)}"
    if problems:
        return 3, f"{len(problems)} of what was given could not be judged, as standard error says"
    unready = [each for each in agents if _verdict_of(each) not in _READY]
    if unready and fail_on == "unknown":
        return 3, f"a required control is not known of {_named(unready)}"
    open_ones = f", and whether all are met is not known of {_named(unready)}" if unready else ""
    return 0, f"no required control fails{open_ones}"


def _verdict_of(agent: AgentReport) -> Verdict:
    """Of what was chosen; where nothing of that is required, the agent's own."""
    chosen = agent.chosen.verdict
    return agent.readiness.verdict if chosen is Verdict.VACUOUS else chosen


def _named(agents: Sequence[AgentReport]) -> str:
    shown = ", ".join(printable(str(each.ref)) for each in agents[:_NAMED])
    return shown if len(agents) <= _NAMED else f"{shown} and {len(agents) - _NAMED} more"


def _refuse(why: str) -> int:
    print(f"agentweave-watcher readiness: {printable(why)}", file=sys.stderr)
    return 2
