"""The checklist of the agents as a running daemon says it is."""

from argparse import Namespace
from dataclasses import replace

from probes.controls.catalogue.loading import Catalogue
from watcher.checklist.agent_report import Chosen, Report
from watcher.checklist.asked_report import report_of
from watcher.commands.readiness.asking import AskingError, ask
from watcher.commands.readiness.pictures import with_pictures_by
from watcher.commands.readiness.selection import NothingSelectedError, is_wanted


def of_daemon(given: Namespace, catalogue: Catalogue, chosen: Chosen) -> Report:
    """What the daemon at `--url` says of the agents that are meant; NothingSelectedError where it says nothing."""
    query = {"findings": "true", "namespace": given.namespace, "agent": given.agent, "since": given.since}
    try:
        answer = ask(given.url, "/api/v1/readiness", {key: value for key, value in query.items() if value}, given)
        report = report_of(answer, catalogue, chosen)
    except AskingError as error:
        raise NothingSelectedError(str(error)) from error
    except ValueError as error:
        raise NothingSelectedError(f"{given.url}: {error}") from error
    agents = [each for each in report.agents if is_wanted(each.ref, each.profile, given)]
    if not agents:
        waiting = f"; {'; '.join(report.problems)}" if report.problems else ""
        raise NothingSelectedError(f"{given.url}: no agent is selected{waiting}")
    refs = {each.ref for each in agents}
    turned = None if report.turned is None else [each for each in report.turned if each.agent in refs]
    return with_pictures_by(replace(report, agents=agents, turned=turned), given)
