"""How long does the preStop hook of a container sleep?"""

import re
from collections.abc import Mapping

from probes.controls.judges.kubernetes_object.case import mapping, texts

_LONGEST = 10.0**6
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MENTIONED = re.compile(r"sleep", re.IGNORECASE)
_TIME = r"[0-9]{0,7}(?:(?<=[0-9])\.?|\.(?=[0-9]))[0-9]{0,6}[smhd]?"
_CALL = re.compile(rf"(?:^|(?<=[\s/;&|(]))sleep((?:\s+[\"']?{_TIME}[\"']?(?=$|[\s;&|)]))+)(?=\s*(?:$|[;&|)]))")
"""`sleep 5`, `sleep 1m 30s`: each call as a whole."""

_ONE = re.compile(r"([0-9.]+)([smhd]?)")
_LOOP = re.compile(r"\b(?:while|until|for)\b")


def pre_stop_sleep(container: Mapping[str, object]) -> float | None:
    """Seconds; 0 where it does not sleep, None where that time cannot be read, such as that of `sleep $DELAY`."""
    hook = mapping(mapping(container.get("lifecycle")).get("preStop"))
    seconds = mapping(hook.get("sleep")).get("seconds")
    if isinstance(seconds, int) and not isinstance(seconds, bool):
        return min(max(float(min(seconds, _LONGEST)), 0.0), _LONGEST)
    if "sleep" in hook:
        return None
    command = " ".join(texts(mapping(hook.get("exec")).get("command")))
    calls = _CALL.findall(command)
    if len(calls) != len(_MENTIONED.findall(command)) or (calls and _LOOP.search(command)):
        return None
    return sum(float(number) * _SECONDS[unit] for times in calls for number, unit in _ONE.findall(times))
