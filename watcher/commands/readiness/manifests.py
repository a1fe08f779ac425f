"""The checklist of the agents in manifests: nothing else is asked."""

import sys
import time
from argparse import Namespace

from probes.controls.catalogue.loading import Catalogue
from probes.controls.judging import Facts, load_judges
from probes.controls.profile import profile_of
from probes.controls.sdk.loading import load_sdk_facts
from watcher.checklist.agent_report import Chosen, Report, judged
from watcher.checklist.manifests.gathering import Fleet, gather
from watcher.checklist.manifests.objects import STANDARD_INPUT, ManifestsError, Objects, read_objects
from watcher.commands.readiness.selection import NothingSelectedError, checklist_settings, is_wanted


def of_manifests(given: Namespace, catalogue: Catalogue, chosen: Chosen) -> Report:
    """What the manifests show, by the profiles and lists of a config where one is given.

    NothingSelectedError where they have no agent that is meant, or cannot be read; ConfigError.
    """
    settings = checklist_settings(given.file)
    try:
        objects = read_objects(given.manifests, sys.stdin.buffer, given.namespace or "default")
    except ManifestsError as error:
        raise NothingSelectedError(str(error)) from error
    now, sdk, profiles = time.time(), load_sdk_facts(), settings.required_by
    version = sdk.of(given.sdk_version or sdk.newest.version)
    fleet = gather(objects, now, version.version)
    if not version.known:
        fleet.note(f"SDK {version.version} is not known: what rests on what it does with its config is unknown")
    wanted = [ref for ref in fleet.agents if is_wanted(ref, profile_of(ref.namespace, profiles).name, given)]
    if given.output == "sarif" and STANDARD_INPUT in given.manifests:
        fleet.note("what came by standard input has no file, and GitHub refuses such a report: give it as a file")
    for each in (*fleet.problems, *fleet.notes):
        print(each, file=sys.stderr)
    if not wanted:
        raise NothingSelectedError(_nobody(fleet, objects))
    facts = Facts(
        now=now,
        sdk=sdk,
        environment=settings.environment,
        trust_domains=settings.trust_domains,
        secret_readers=settings.secret_readers,
        agent_accounts=fleet.service_accounts(),
        container_roles=settings.roles,
    )
    agents = judged(fleet, wanted, catalogue, chosen, facts, load_judges(), profiles)
    return Report(catalogue, now, agents, fleet.problems, fleet.notes)


def _nobody(fleet: Fleet, objects: Objects) -> str:
    if fleet.agents:
        return f"none of the agents is selected: {', '.join(map(str, sorted(fleet.agents)[:10]))}"
    count, files = len(objects.found), objects.files
    read = f"{count} object{'' if count == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
    return (
        f"no agent among {read}; an agent's container has AGENTWEAVE_CONFIG_PATH in its env, "
        "or its pods have the annotation agentweave.io/watch: true"
    )
