"""The agent's own config.yaml out of a ConfigMap of the manifests, with the line of each key where it stands there."""

from dataclasses import replace

from probes.controls.evidence import AgentConfigFile, Seen
from watcher.checklist.agent_config import read_agent_config
from watcher.checklist.manifests.documents import moved
from watcher.checklist.manifests.objects import Manifest


def read_agent_file(config_map: Manifest, key: str, text: str, sdk_version: str, now: float) -> Seen[AgentConfigFile]:
    """The config under this key; what is none is `broken`, and no judge says good of it."""
    read = read_agent_config(text.encode(errors="surrogatepass"), sdk_version, in_place=True)
    begin, line = config_map.literal_of("data", key), config_map.line_of("data", key)
    there = _on_one_line(read, line) if begin is None else _below(read, begin)
    there = replace(there, lines={(): line, **there.lines})
    return Seen(there, now, config_map.file)


def _below(read: AgentConfigFile, begin: int) -> AgentConfigFile:
    """With the lines of the manifest's file, where the text begins below this line."""
    lines = {place: begin + line for place, line in read.lines.items()}
    return replace(read, lines=lines, broken=tuple((begin + line, moved(why, begin)) for line, why in read.broken))


def _on_one_line(read: AgentConfigFile, line: int) -> AgentConfigFile:
    """Of a quoted or folded text all that is known is where it begins."""
    broken = tuple((line, f"{why} (line {own} of its own text)") for own, why in read.broken)
    return replace(read, lines=dict.fromkeys(read.lines, line), broken=broken)
