"""The command `readiness`: the checklist of agents, of manifests alone."""

import difflib
import gc
import logging
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module

from probes.controls.catalogue.loading import load_catalogue
from probes.controls.finding import State
from probes.controls.judging import Facts, load_judges
from probes.controls.readiness import Verdict
from probes.controls.sdk.loading import load_sdk_facts
from watcher.checklist.agent_report import AgentReport, Chosen, Report, judged
from watcher.checklist.manifests.gathering import Fleet, gather
from watcher.checklist.manifests.objects import STANDARD_INPUT, ManifestsError, Objects, read_objects
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
    """`readiness --manifests PATH...`: 0 none fails, 1 one does, 3 one is indeterminate, 2 nothing is selected."""
    logging.getLogger("watcher").setLevel(logging.ERROR)
    gc.disable()  # a quarter of the time, and the process ends at once
    catalogue = load_catalogue()
    chosen = Chosen(given.section or "", given.owner or "", frozenset(given.control or ()), given.required)
    for name in sorted(chosen.named - catalogue.by_id.keys()):
        near = difflib.get_close_matches(name, catalogue.by_id, n=1, cutoff=0.5)
        return _refuse(f"{name!r} is no control{f'; did you mean {near[0]}?' if near else ''}")
    if not chosen.of(catalogue):
        return _refuse("no control is selected")
    try:
        objects = read_objects(given.manifests, sys.stdin.buffer, given.namespace or "default")
    except ManifestsError as error:
        return _refuse(str(error))
    now, sdk = time.time(), load_sdk_facts()
    version = sdk.of(given.sdk_version or sdk.newest.version)
    fleet = gather(objects, now, version.version)
    if not version.known:
        fleet.note(f"SDK {version.version} is not known: what rests on what it does with its config is unknown")
    wanted = [
        ref for ref in fleet.agents if given.namespace in (None, ref.namespace) and given.agent in (None, ref.agent)
    ]
    if given.output == "sarif" and STANDARD_INPUT in given.manifests:
        fleet.note("what came by standard input has no file, and GitHub refuses such a report: give it as a file")
    _tell(fleet)
    if not wanted:
        return _refuse(_nobody(fleet, objects))
    facts = Facts(now=now, sdk=sdk, agent_accounts=fleet.service_accounts())
    agents = judged(fleet, wanted, catalogue, chosen, facts, load_judges())
    module, name = OUTPUTS[given.output].split(":")
    show: Callable[[Report], str] = getattr(import_module(f"watcher.checklist.reports.{module}"), name)
    print(show(Report(catalogue, now, agents, fleet.problems, fleet.notes)), end="")
    code, why = verdict(agents, fleet.problems, given.fail_on or "fail")
    if given.output == "text":
        print(f"Exit code {code}: {why}.")
    return code


def verdict(agents: Sequence[AgentReport], problems: Sequence[str], fail_on: str) -> tuple[int, str]:
    """The exit code, by what is required of those that were judged, and why; 3 where not all could be judged."""
    if failing := [each for each in agents if any(each.findings[name].state is State.FAIL for name in each.required)]:
        return 1, f"a required control fails of {_named(failing)}"
    if problems:
        return 3, f"{len(problems)} of what was given could not be judged, as standard error says"
    unready = [each for each in agents if each.readiness.verdict not in _READY]
    if unready and fail_on == "unknown":
        return 3, f"a required control is not known of {_named(unready)}"
    open_ones = f", and whether all are met is not known of {_named(unready)}" if unready else ""
    return 0, f"no required control fails{open_ones}"


def _named(agents: Sequence[AgentReport]) -> str:
    shown = ", ".join(printable(str(each.ref)) for each in agents[:_NAMED])
    return shown if len(agents) <= _NAMED else f"{shown} and {len(agents) - _NAMED} more"


def _tell(fleet: Fleet) -> None:
    for each in (*fleet.problems, *fleet.notes):
        print(each, file=sys.stderr)


def _refuse(why: str) -> int:
    print(f"agentweave-watcher readiness: {printable(why)}", file=sys.stderr)
    return 2


def _nobody(fleet: Fleet, objects: Objects) -> str:
    if fleet.agents:
        return f"none of the agents is selected: {', '.join(map(str, sorted(fleet.agents)[:10]))}"
    count, files = len(objects.found), objects.files
    read = f"{count} object{'' if count == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
    return (
        f"no agent among {read}; an agent's container has AGENTWEAVE_CONFIG_PATH in its env, "
        "or its pods have the annotation agentweave.io/watch: true"
    )
