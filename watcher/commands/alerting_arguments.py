"""What do the commands about alerts ask for?"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from watcher.commands.arguments import job, labels_to_alerts, runbook_url, seconds, url
from watcher.commands.config_file import add_config_file

_DRILL_EXITS = """exit status:
  0  all test alerts were accepted; with --deliver: and notified
  1  one was not, or all recent notifications of Alertmanager failed
  2  the config has a mistake, or no alertmanager.url"""

_Add: TypeAlias = Callable[..., ArgumentParser]


def add_alerting_commands(add: _Add, anywhere: ArgumentParser) -> None:
    """Add `drill` and `rules export`; `add` makes the parser of one command, `anywhere` has what all take."""
    _drill(add, anywhere)
    rules = add("rules", help="export alert rules, runbooks, dashboards and Alertmanager config")
    commands = rules.add_subparsers(metavar="COMMAND", required=True)
    _rules(commands.add_parser("export", parents=[anywhere], help="write them all to a directory"))


def _rules(export: ArgumentParser) -> None:
    export.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help="output directory, created if missing; files with other names are kept",
    )
    for page, server, kind in (("runbook", "watcher", runbook_url), ("dashboard", "Grafana", url)):
        begin = f"URL prefix of links to {page}s; default: a {server} on this machine"
        export.add_argument(f"--{page}-url", metavar="PREFIX", type=kind, help=begin)
    page = "URL of the watcher's web pages, to which dashboards link; default: a watcher on this machine"
    export.add_argument("--watcher-url", metavar="PREFIX", type=url, help=page)
    copy = (
        "URL prefix of runbooks for alerts about the watcher itself, which may be down; {name} stands for the name "
        "of the runbook; default: --runbook-url"
    )
    export.add_argument("--watcher-runbook-url", metavar="PREFIX", type=runbook_url, help=copy)
    export.add_argument(
        "--job",
        metavar="JOB",
        dest="jobs",
        type=job,
        action="append",
        default=[],
        help="Prometheus job that scrapes a watcher: AgentWeaveWatcherDown fires while it has no series; repeatable; "
        "default: every job seen within a day",
    )
    export.add_argument(
        "--labels-to-alerts",
        metavar="KEY[,KEY]",
        type=labels_to_alerts,
        default=(),
        help="pod labels to put on alerts, as in discovery.kubernetes.labels_to_alerts; default: none",
    )
    export.set_defaults(command="watcher.commands.rules:export")


def _drill(add: _Add, anywhere: ArgumentParser) -> None:
    drill = add(
        "drill",
        parents=[anywhere],
        help="send Alertmanager a test alert of each severity, and check that it is accepted and routed",
        epilog=_DRILL_EXITS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_file(drill)
    drill.add_argument(
        "--deliver",
        action="store_true",
        help="also deliver the alerts: people receive them, marked as a drill; default: check the routing only",
    )
    drill.add_argument(
        "--within", metavar="SECONDS", type=seconds, default=120.0, help="time limit of --deliver; default: 120"
    )
    drill.set_defaults(command="watcher.commands.drill:command")
