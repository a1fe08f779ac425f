"""Whether a key of the agent's config counts: the SDK version uses it, and it was there before the process started."""

from collections.abc import Iterable, Sequence

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, EvidenceSet, Seen
from probes.controls.judging import Says, Statement
from probes.controls.sdk.facts import SdkVersion

CONFIG = SourceName.AGENT_CONFIG
OF_SOME = "Not all pods of the agent are known to have this config."


def config_of(evidence: EvidenceSet) -> Seen[AgentConfigFile]:
    """The agent's config; a judge of source agent_config alone is asked only where it was seen."""
    found = evidence.of(CONFIG, AgentConfigFile)
    if not isinstance(found, Seen):
        raise TypeError("expected the agent's config")
    return found


def place(found: Seen[AgentConfigFile], path: str) -> str:
    """`config.yaml:12`: where the key stands, or the nearest above it."""
    line = found.value.line(path)
    return found.ref if line is None else f"{found.ref}:{line}"


def if_effective(found: Seen[AgentConfigFile], sdk: SdkVersion, paths: Iterable[str], message: str) -> Statement:
    """Good, with this message; unclear where the SDK drops one of the keys, or may not have seen them."""
    paths = tuple(paths)
    ref = place(found, paths[0])
    if not sdk.known:
        said = f"SDK {sdk.version} is not known, so whether it reads {_listed(paths)} is not known."
        return Statement(CONFIG, Says.UNCLEAR, said, ref, reason=UnknownReason.KEY_NOT_EFFECTIVE)
    dropped = [path for path in paths if not sdk.uses(path)]
    if dropped:
        effect = "they have" if len(dropped) > 1 else "it has"
        said = f"SDK {sdk.version} does not read {_listed(dropped)}, so {effect} no effect."
        return Statement(CONFIG, Says.UNCLEAR, said, ref, reason=UnknownReason.KEY_NOT_EFFECTIVE)
    if found.value.in_place is not True:
        said = "It is not known whether the process started with this config."
        if found.value.of_some:
            said = OF_SOME
        elif found.value.in_place is False:
            said = "The process started before this config was there."
        return Statement(CONFIG, Says.UNCLEAR, said, ref, reason=UnknownReason.NOT_LOADED)
    return Statement(CONFIG, Says.GOOD, message, ref)


def _listed(paths: Sequence[str]) -> str:
    *others, last = paths
    return f"{', '.join(others)} and {last}" if others else last
