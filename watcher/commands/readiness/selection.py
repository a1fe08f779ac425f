"""Which agents does the command mean, and by which config?"""

import os
from argparse import Namespace
from importlib import import_module
from pathlib import Path

from probes.controls.evidence import AgentRef
from watcher.config.checklist import ChecklistSettings


class NothingSelectedError(Exception):
    """There is nothing to tell of; one sentence says why. Exit code 2."""


def is_wanted(ref: AgentRef, profile: str, given: Namespace) -> bool:
    """Whether an agent is one of those that the options name."""
    return (
        given.namespace in (None, ref.namespace)
        and given.agent in (None, ref.agent)
        and given.profile in (None, profile)
    )


def checklist_settings(file: Path | None) -> ChecklistSettings:
    """Those of a config; ConfigError. Without one, what holds where nothing is set."""
    if file is None:
        return ChecklistSettings()
    settings = import_module("watcher.config.settings").load_settings(file, os.environ)  # which reads all of probes
    found: ChecklistSettings = settings.checklist
    return found
