"""`docs/configuration.md`: every key of the config file, from its schema."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from watcher.config.schema import config_schema

Schema = Mapping[str, Any]

_KINDS = {"integer": "whole number", "string": "text", "object": "mapping", "boolean": "true or false"}

_INTRODUCTION = """# Configuration reference

<!-- Written by `make docs` from the schema; edit the models in `watcher/config/` and the limits of probes instead. -->
One YAML file. `agentweave-watcher config init` writes one to begin with, `config check` finds every mistake in it, and
`config schema` prints the schema that this page is made from. With the first line
`# yaml-language-server: $schema=config.schema.json` an editor checks the file while it is written.

- Durations: `500ms`, `30s`, `5m`, `24h`. Sizes: `512Mi`, `2Gi`. Unknown keys are refused.
- Relative paths are relative to the directory of the file.
- Environment variables override the file: `AGENTWEAVE_WATCHER_SERVER__PORT=9848` is `server.port`.
- A key without a default that is not marked required may be left out.
"""


def configuration_page() -> str:
    """The whole page."""
    schema = config_schema()
    parts = [_INTRODUCTION]
    for name, section in schema["properties"].items():
        parts.append(f"## `{name}`\n\n{_sentence(section.get('description', ''))}\n")
        if rows := list(_rows(name, section, frozenset())):
            parts.append("| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
        else:
            parts.append(f"Type: {_type(section)}.{_default_sentence(section)}\n")
    return "\n".join(parts)


def _rows(at: str, node: Schema, above: frozenset[str]) -> Iterator[str]:
    """A row for each key below; what is the same for every target as for all stands once."""
    plain, name = _plain(node)
    if name in above:
        return
    required = plain.get("required", ())
    for key, inner in plain.get("properties", {}).items():
        place = f"{at}.{key}"
        default = "required" if key in required else _default(inner)
        yield f"| `{place}` | {_type(inner)} | {default} | {_cell(inner.get('description', ''))} |"
        if place != "discovery.static[].probes":
            yield from _rows(f"{place}[]" if _is_list(inner) else place, inner, above | {name})
    extra = plain.get("additionalProperties")
    if isinstance(extra, dict) and not plain.get("properties"):
        yield from _rows(f"{at}.NAME", extra, above | {name})


def _plain(node: Schema) -> tuple[Schema, str]:
    """The schema that has keys, and its name: behind a reference, in a list, or the one of several that has some."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return config_schema()["$defs"][name], name
    for choice in node.get("anyOf", ()):
        found = _plain(choice)
        if found[0].get("properties") or found[0].get("additionalProperties"):
            return found
    if isinstance(node.get("items"), dict):
        return _plain(node["items"])
    return node, ""


def _is_list(node: Schema) -> bool:
    choices = [node, *node.get("anyOf", ())]
    return any(each.get("type") == "array" for each in choices)


def _type(node: Schema) -> str:
    choices = [each for each in node.get("anyOf", [node]) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(_type_of(each) for each in choices))


def _type_of(node: Schema) -> str:
    if "$ref" in node:
        found, _ = _plain(node)
        return "section" if "properties" in found else _type_of(found)
    if "enum" in node:
        return ", ".join(f"`{each}`" for each in node["enum"])
    if "const" in node:
        return f"`{node['const']}`"
    examples = node.get("examples", ())
    if "500ms" in examples:
        return "duration"
    if "512Mi" in examples:
        return "size"
    if node.get("type") == "array":
        return f"list of {_type(node['items']) if node.get('items') else 'anything'}"
    kind: str = node.get("type", "anything")
    return "path" if node.get("format") == "path" else _KINDS.get(kind, kind)


def _default(node: Schema) -> str:
    if node.get("default") in (None, {}, []) or "$ref" in node:
        return ""
    return f"`{_cell(json.dumps(node['default']).strip(chr(34)))}`"


def _default_sentence(node: Schema) -> str:
    default = _default(node)
    return f" Default: {default}." if default else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
