"""What each switch of the chart changes: `python -m tests.chart.golden` writes golden/*.yaml anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.chart.render import Document, Values, rendered

GOLDEN = Path(__file__).parent / "golden"
GONE = "(gone)"


def cases() -> list[Path]:
    """A file a case."""
    return sorted(GOLDEN.glob("*.yaml"))


def changes(values: Values) -> dict[str, Any]:
    """By document: what is new as a whole, what differs from the default by its path."""
    before, after = ({name: _read(each) for name, each in rendered(some).items()} for some in ({}, values))
    found = {name: _change(before.get(name), after.get(name)) for name in sorted({*before, *after})}
    return {name: change for name, change in found.items() if change}


def _read(document: Document) -> Document:
    config = document.get("data", {}).get("config.yaml")
    return document | {"data": {"config.yaml": yaml.load(config, Loader=yaml.CSafeLoader)}} if config else document


def _change(before: Any, after: Any) -> Any:
    if before is None or after is None:
        return _shortened(after) if before is None else GONE
    return dict(_differences("", before, after))


def _shortened(document: Any) -> Any:
    """Rules and dashboards are not written down twice: tests of their own hold them to alerts/."""
    if document["kind"] in {"PrometheusRule", "VMRule"}:
        return document | {"spec": "(rules)"}
    if document["kind"] == "GrafanaDashboard":
        return document | {"spec": document["spec"] | {"json": "(text)"}}
    if "data" in document:
        return document | {"data": dict.fromkeys(document["data"], "(text)")}
    return document


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any]]:
    pairs = _paired(before, after)
    if pairs is None:
        if before != after:
            yield path.removeprefix("."), after
        return
    for key, (old, new) in pairs.items():
        yield from _differences(f"{path}.{key}", old, new)


def _paired(before: Any, after: Any) -> dict[Any, tuple[Any, Any]] | None:
    if isinstance(before, dict) and isinstance(after, dict):
        return {key: (before.get(key, GONE), after.get(key, GONE)) for key in {**before, **after}}
    if isinstance(before, list) and isinstance(after, list):
        longest = range(max(len(before), len(after)))
        return {i: (dict(enumerate(before)).get(i, GONE), dict(enumerate(after)).get(i, GONE)) for i in longest}
    return None


def main() -> None:
    """Write every case anew: its values stay, what they change is what Helm says now."""
    for path in cases():
        values = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["values"]
        text = yaml.safe_dump({"values": values, "changes": changes(values)}, sort_keys=False, width=120)
        path.write_text(text)


if __name__ == "__main__":
    main()
