"""How is the daemon to work? The config file, overridden by environment variables, as typed and frozen settings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from pathlib import Path

from pydantic import ValidationError

from probes import AnySourceKind, load_sources
from probes.contract import Limits, SourceSettings, Target
from probes.controls.catalogue.loading import control_named, load_catalogue
from probes.controls.profile import CHECKLIST, why_not
from watcher.config.changes import ChangesSettings
from watcher.config.checklist import ChecklistSettings
from watcher.config.environment import overridden, read_variables
from watcher.config.errors import Mistakes
from watcher.config.file import ConfigError, Document, beside_the_file, read_document
from watcher.config.identity import IdentitySettings
from watcher.config.kubernetes import KubernetesSettings
from watcher.config.replicas import Installation, Shard, Standby
from watcher.config.rollouts import RolloutsSettings
from watcher.config.schema import known_keys
from watcher.config.sections import AlertmanagerSettings, DrillSettings, Sections, ServerSettings, sections
from watcher.config.targets.static_target import AgentFiles, agent_files
from watcher.config.targets.target_limits import Own, TargetLimits
from watcher.text.key_path import Location

_STATIC: Location = ("discovery", "static")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the config says, defaults filled in; times are seconds, sizes bytes."""

    server: ServerSettings
    state_dir: Path | None
    identity: IdentitySettings | None
    alertmanager: AlertmanagerSettings | None
    drill: DrillSettings | None  # only with an alertmanager
    sources: Mapping[str, SourceSettings]  # by source
    probes: Mapping[str, Limits]  # by probe; a target may have its own
    kubernetes: KubernetesSettings | None  # what finds more targets
    targets: tuple[Target, ...]  # of all shards
    files: Mapping[tuple[str, str], AgentFiles]  # of listed agents, by namespace and agent
    shard: Shard
    standby: Standby | None  # only with one shard
    checklist: ChecklistSettings
    rollouts: RolloutsSettings
    changes: ChangesSettings
    links: Mapping[str, str]  # pages elsewhere about a target, by name: templates of URLs
    installation: Installation | None  # what commands for the watcher itself are filled in with


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read, lay over and check; raises ConfigError with every mistake and nothing else."""
    document = read_document(path)
    _refuse_another_file(document)
    variables = read_variables(environ)
    data = reduce(overridden, (variable.layer for variable in variables), document.data)
    mistakes = Mistakes(document, variables, data)
    config = _validated(data, mistakes)
    targets = _listed(data)
    _refuse_duplicate_targets(targets, mistakes)
    _refuse_drill_without_alertmanager(data, mistakes)
    _refuse_standby_of_shards(config, mistakes)
    if config is not None:
        _refuse_unsent_tokens(config, mistakes)
        _refuse_strange_controls(config, mistakes)
    limits = TargetLimits(data.get("probes"), mistakes)
    own = [limits.own((*_STATIC, index, "probes"), target.get("probes")) for index, target in enumerate(targets)]
    if config is None or mistakes.found:
        raise ConfigError(mistakes.lines())
    return _settings(beside_the_file(config, path.parent), limits, own)


def _refuse_another_file(document: Document) -> None:
    """A file of something else may hold secrets: of that its keys are not told one by one."""
    known = known_keys(())
    strange = [str(key) for key in document.data if key not in known]
    if len(strange) == len(document.data) > 1 and not any(get_close_matches(key, known, n=1) for key in strange):
        sentence = f"none of its {len(strange)} keys is a section of a config; expected some of {', '.join(known)}"
        raise ConfigError([f"{document.path}:1: this is the file of something else: {sentence}"])


def _validated(data: dict[str, object], mistakes: Mistakes) -> Sections | None:
    # As JSON and strictly: `port: yes` must not become port 1, as it does when Python values are coerced.
    try:
        return sections().model_validate_json(json.dumps(data), strict=True)
    except ValidationError as refused:
        for error in refused.errors(include_url=False):
            mistakes.add_error(error)
    return None


def _listed(data: dict[str, object]) -> list[dict[str, object]]:
    """The targets as they are written, checked or not: one for each item of the list."""
    discovery = data.get("discovery")
    listed = discovery.get("static") if isinstance(discovery, dict) else None
    return [item if isinstance(item, dict) else {} for item in listed] if isinstance(listed, list) else []


def _refuse_duplicate_targets(targets: list[dict[str, object]], mistakes: Mistakes) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for index, target in enumerate(targets):
        agent = target.get("agent")
        key = (target.get("namespace"), agent, target.get("pod") or agent)
        if all(isinstance(part, str) for part in key) and (first := seen.setdefault(key, index)) != index:
            first_defined = mistakes.where((*_STATIC, first))
            mistakes.add(
                (*_STATIC, index), f"duplicate target {'/'.join(map(str, key))}, first defined at {first_defined}"
            )


def _refuse_drill_without_alertmanager(data: dict[str, object], mistakes: Mistakes) -> None:
    if data.get("drill") is not None and data.get("alertmanager") is None:
        mistakes.add(("drill",), "requires alertmanager.url")


def _refuse_standby_of_shards(config: Sections | None, mistakes: Mistakes) -> None:
    if config is not None and config.standby is not None and config.shard.count > 1:
        sentence = f"expected shard.count 1 with it, got {config.shard.count}: one lease is for one shard"
        mistakes.add(("standby",), sentence)


def _refuse_unsent_tokens(config: Sections, mistakes: Mistakes) -> None:
    """A token goes over https only, and to discovered targets only where they are named: say so before it is missed."""
    for kind in load_sources():
        settings = getattr(config.sources, kind.name)
        if getattr(settings, "bearer_token_file", None) is not None:
            _refuse_unsent_token(kind, config, mistakes, named=bool(settings.bearer_token_for))
        elif getattr(settings, "bearer_token_for", ()):
            mistakes.add(("sources", kind.name, "bearer_token_for"), "requires bearer_token_file")


def _refuse_unsent_token(kind: AnySourceKind, config: Sections, mistakes: Mistakes, *, named: bool) -> None:
    urls = [getattr(target, kind.endpoint) for target in config.discovery.static]
    file = f"sources.{kind.name}.bearer_token_file"
    for index, url in enumerate(urls):
        if url is not None and not url.startswith("https:"):
            place = ("discovery", "static", index, kind.endpoint)
            mistakes.add(place, f"expected an https URL with {file}: a token is sent over verified TLS only")
    if not named and not any(urls):
        sentence = (
            f"this token is sent to nobody: no static target has {kind.endpoint}, "
            "and bearer_token_for names no target that discovery finds"
        )
        mistakes.add(("sources", kind.name, "bearer_token_file"), sentence)


def _refuse_strange_controls(config: Sections, mistakes: Mistakes) -> None:
    """What the checklist does not have would be required of nobody, and a second profile of a name never be told."""
    profiles, prometheus = config.checklist.profiles, config.checklist.prometheus
    mapped = prometheus.alerts if prometheus is not None else {}
    if not profiles and not mapped:
        return  # nor is the catalogue read
    names = [each.name for each in profiles]
    for index, name in enumerate(names):
        if name == CHECKLIST.name or names.index(name) != index:
            whose = "that of the checklist's own criteria" if name == CHECKLIST.name else "that of another profile too"
            mistakes.add(("checklist", "profiles", index, "name"), f"expected another name, {name} is {whose}")
    catalogue = load_catalogue()
    for name in mapped:
        if not (found := control_named(name, catalogue.by_id)) or not found.startswith("alerts."):
            where: Location = ("checklist", "prometheus", "alerts", name)
            mistakes.add(where, "expected one of the six lines alerts.*, such as alerts.svid-rotation-failing")
    for index, profile in enumerate(profiles):
        place: Location = ("checklist", "profiles", index, "required")
        removed = [
            ((*place, "remove", number, "control"), each.control) for number, each in enumerate(profile.required.remove)
        ]
        added = [((*place, "add", number), each) for number, each in enumerate(profile.required.add)]
        for where, control in (*added, *removed):
            if sentence := why_not(control, catalogue):
                mistakes.add(where, sentence)


def _settings(config: Sections, limits: TargetLimits, own: list[Own]) -> Settings:
    probes = {name: getattr(config.probes, name) for name in type(config.probes).model_fields}
    static = zip(config.discovery.static, own, strict=True)
    return Settings(
        server=config.server,
        state_dir=config.state_dir,
        identity=config.identity,
        alertmanager=config.alertmanager,
        drill=config.drill,
        sources={name: getattr(config.sources, name) for name in type(config.sources).model_fields},
        probes=probes,
        kubernetes=config.discovery.kubernetes,
        files=agent_files(config.discovery.static),
        targets=tuple(target.target(limits.merged(probes, each)) for target, each in static),
        shard=config.shard,
        standby=config.standby,
        checklist=config.checklist,
        rollouts=config.rollouts,
        changes=config.changes,
        links=config.links,
        installation=config.installation,
    )
