"""What does a server say of its own config, which it shows as YAML?"""

import yaml

from watcher.text.yaml_reader import UnsupportedYamlError, YamlReader, plain_value

_MOST_CHARACTERS, _MOST_VALUES = 2**20, 20_000


def stated(body: bytes, *paths: str) -> dict[str, object] | None:
    """The values at paths such as `limits_config.retention_period`, those that are there; None: it is none."""
    text = body.decode(errors="replace")
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        document = YamlReader(text, _MOST_CHARACTERS, _MOST_VALUES, plain_value).document()
    except (UnsupportedYamlError, yaml.YAMLError, ValueError, RecursionError):
        return None
    found = {path: _at(document, path) for path in paths} if isinstance(document, dict) else None
    return None if found is None else {path: value for path, value in found.items() if value is not None}


def is_zero(duration: object) -> bool:
    """Whether a duration as Go writes it is 0: `0s`, `0`, `0h0m0s`."""
    text = str(duration)
    return "0" in text and not any(each in text for each in "123456789")


def _at(document: object, path: str) -> object:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document
