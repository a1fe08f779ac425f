"""The settings of the sources that look for the checklist alone, of what the config says of it."""

from collections.abc import Mapping, Sequence

from probes import AnySourceKind, load_checklist_sources
from probes.contract import SourceSettings


def source_settings(
    intervals: Mapping[str, float], kinds: Sequence[AnySourceKind] | None = None, **more: object
) -> dict[str, SourceSettings]:
    """The settings of each source, by these intervals in seconds; `more`: values for those that have such a setting."""
    made: dict[str, SourceSettings] = {}
    for kind in load_checklist_sources() if kinds is None else kinds:
        known = {name: value for name, value in more.items() if name in kind.settings.model_fields}
        every = {"interval": f"{intervals[kind.name] * 1000:.0f}ms"} if kind.name in intervals else {}
        made[kind.name] = kind.settings.model_validate({**every, **known})
    return made
