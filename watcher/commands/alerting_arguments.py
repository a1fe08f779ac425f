"""What do the commands about alerts ask for?"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from watcher.commands.arguments import job, labels_to_alerts, runbook_url, seconds, url
from watcher.commands.config_file import add_config_file

_DRILL_EXITS = """exit status:
  0  all test alerts were accepted; with --deliver: and notified
  1  one was not, or Alertmanager failed to notify anything lately
  2  the config has a mistake, or no alertmanager.url"""

_Add: TypeAlias = Callable[..., ArgumentParser]


def add_alerting_commands(add: _Add, anywhere: ArgumentParser) -> None:
    """Add `drill` and `rules export`; `add` makes the parser of one command, `anywhere` has what all take."""
    _drill(add, anywhere)
    rules = add("rules", help="write out alert rules, runbooks, dashboards and Alertmanager config")
    commands = rules.add_subparsers(metavar="COMMAND", required=True)
    _rules(commands.add_parser("export", parents=[anywhere], help="write them to a directory"))


def _rules(export: ArgumentParser) -> None:
    export.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help="output directory, created if missing; files with other names are kept",
    )
    for page, server, kind in (("runbook", "watcher", runbook_url), ("dashboard", "Grafana", url)):
        begin = f"what links to {page}s begin with; default: those of a {server} on the same machine"
        export.add_argument(f"--{page}-url", metavar="PREFIX", type=kind, help=begin)
    page = "the address of the watcher's page, to which dashboards link; default: that of a watcher on the same machine"
    export.add_argument("--watcher-url", metavar="PREFIX", type=url, help=page)
    copy = "the same for alerts about the watcher itself, whose own page may be down; {name} in it: the runbook's name"
    export.add_argument("--watcher-runbook-url", metavar="PREFIX", type=runbook_url, help=copy)
    export.add_argument(
        "--job",
        metavar="JOB",
        dest="jobs",
        type=job,
        action="append",
        default=[],
        help="a job by which Prometheus scrapes a watcher: while it is gone, it is down; may be given again; "
        "default: whatever was there within a day",
    )
    export.add_argument(
        "--labels-to-alerts",
        metavar="KEY[,KEY]",
        type=labels_to_alerts,
        default=(),
        help="labels of pods that alerts carry, as in discovery.kubernetes.labels_to_alerts",
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
        help="also have the alerts notified: somebody receives a drill; default: routing only",
    )
    drill.add_argument(
        "--within", metavar="SECONDS", type=seconds, default=120.0, help="how long --deliver may take; default: 120"
    )
    drill.set_defaults(command="watcher.commands.drill:command")
