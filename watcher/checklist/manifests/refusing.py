"""Why is a value no object of Kubernetes, or none that can be judged?"""

import re
from collections.abc import Iterator, Mapping

from watcher.checklist.manifests.documents import UNRENDERED
from watcher.text.key_path import Location, kind_name

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")
"""Of any kind; RBAC has colons."""

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_API_VERSION = re.compile(r"[A-Za-z0-9./-]{1,317}")
_HELM = re.compile(
    r"\{\{-?\s*(?:[^{}]*[\s(])?(?:\.(?:Values|Release|Chart|Capabilities|Files|Template)\b|(?:include|template|tpl)\s)"
)
"""What no other program's templates have: annotations and arguments may well hold those of another one."""

_JUDGED = (
    *("", "apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io"),
    *("external-secrets.io", "cert-manager.io", "keda.sh", "argoproj.io", "serving.knative.dev"),
)
_TEXTS = ("ConfigMap", "Secret")


def wrong(data: object) -> str:
    """Why this is no object of Kubernetes; a sentence, or empty."""
    if not isinstance(data, Mapping):
        return f"expected an object of Kubernetes, got {kind_name(data)}"
    for key, form in (("apiVersion", _API_VERSION), ("kind", _KIND)):
        if why := _wrong_text(data, key, form):
            return why
    meta = data.get("metadata")
    if not isinstance(meta, Mapping):
        return f"metadata: expected a mapping, got {kind_name(meta)}"
    for key in ("name", "namespace"):
        value = meta.get(key) if key == "namespace" else name_of(meta)
        if value is None and key == "namespace":
            continue
        if isinstance(value, str) and "{{" in value:
            return UNRENDERED
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            quotes = ", which needs quotes" if isinstance(value, bool | int | float) else ""
            return f"metadata.{key}: expected a name, got {kind_name(value)}{quotes}"
    return ""


def _wrong_text(data: Mapping[str, object], key: str, form: re.Pattern[str]) -> str:
    value = data.get(key)
    if key not in data and key == "apiVersion":
        return "expected an object of Kubernetes, with apiVersion and kind"
    if not isinstance(value, str):
        return f"{key}: expected text, got {kind_name(value)}"
    if "{{" in value:
        return UNRENDERED
    return "" if form.fullmatch(value) else f"{key}: expected a name, got {kind_name(value)}"


def name_of(meta: Mapping[str, object]) -> object:
    """Of an object whose name the server is to make: what that begins with."""
    begin = meta.get("generateName")
    return begin.rstrip("-.") if meta.get("name") is None and isinstance(begin, str) else meta.get("name")


def unrendered(body: Mapping[str, object]) -> Location | None:
    """The place of the first text of Helm's that nobody rendered, in an object that is judged; else None."""
    group = str(body.get("apiVersion")).rpartition("/")[0]
    if group not in _JUDGED or body.get("kind") in _TEXTS:
        return None
    return next(_helm_texts(body, (), set()), None)


def _helm_texts(value: object, place: Location, seen: set[int]) -> Iterator[Location]:
    """What aliases repeat is read once."""
    if isinstance(value, str) and "{{" in value and _HELM.search(value):
        yield place
    elif isinstance(value, dict | list) and id(value) not in seen:
        seen.add(id(value))
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _helm_texts(inner, (*place, key), seen) if key != "annotations" else ()
