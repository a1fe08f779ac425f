"""The agent's own config.yaml out of a ConfigMap of the manifests, with the line of each key where it stands there."""

import re
from collections.abc import Iterator, Mapping

import yaml

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentConfigFile, Missing, Seen
from probes.controls.evidence.agent_config import KeyPath
from watcher.checklist.manifests.objects import Manifest
from watcher.discovery.pod.agent_config import MAX_BYTES
from watcher.text.key_path import plain_name
from watcher.text.yaml_reader import Lines, UnsupportedYamlError, YamlReader

_MAX_VALUES = 2000
_BLOCK = re.compile(r":\s*\|[-+0-9]*\s*(?:#.*)?$")


def read_agent_file(config_map: Manifest, key: str, text: str, sdk_version: str, now: float) -> Seen[object] | Missing:
    """The config under this key; Missing with Unparseable where it is none."""
    line = config_map.line_of("data", key)
    where = f"{config_map.file}:{line}"
    if len(text) > MAX_BYTES:
        return _unparseable(f"{where}: the agent's config is over {MAX_BYTES >> 10} KiB and was not read.")
    reader = YamlReader(text, 4 * MAX_BYTES, _MAX_VALUES)
    try:
        document = reader.document()
    except UnsupportedYamlError as error:
        return _unparseable(f"{where}: the agent's config cannot be read: its line {error.line}: {error}.")
    except (yaml.YAMLError, ValueError) as error:
        return _unparseable(f"{where}: the agent's config is not YAML: {str(error).splitlines()[0][:100]}.")
    if not isinstance(document, Mapping):
        return _unparseable(f"{where}: the agent's config: expected a mapping, got {plain_name(document)}.")
    below = line if _is_block(config_map.text, line) else None
    lines: dict[KeyPath, int] = {}
    for place, own in _lines(document, reader.lines, ()):
        lines[place] = line if below is None else below + own
    return Seen(AgentConfigFile(document, lines, sdk_version, in_place=True), now, config_map.file)


def _unparseable(message: str) -> Missing:
    return Missing(UnknownReason.UNPARSEABLE, message[:200])


def _is_block(text: str, line: int) -> bool:
    """Whether the value is a literal block, so that its lines are lines of the file."""
    return bool(_BLOCK.search(text.splitlines()[line - 1])) if line <= text.count("\n") + 1 else False


def _lines(value: object, lines: Lines, place: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    own = lines.get(id(value), {})
    for key, inner in pairs:
        if key in own:
            yield (*place, key), own[key]
        yield from _lines(inner, lines, (*place, key))
