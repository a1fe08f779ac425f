"""The facts of each SDK version, from the files of YAML beside this module."""

from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter

from probes.controls.catalogue.reading import read
from probes.controls.sdk.facts import SdkFacts, SdkVersion


@cache
def load_sdk_facts() -> SdkFacts:
    """All versions that are known, oldest first; the package's own files, so that a mistake in one is a bug."""
    package = files(__package__)
    texts = {each.name: each.read_bytes() for each in package.iterdir() if each.name.endswith(".yaml")}
    return read_sdk_facts(texts)


def read_sdk_facts(texts: dict[str, bytes]) -> SdkFacts:
    """The facts in these files, a version each."""
    adapter: TypeAdapter[Any] = TypeAdapter(SdkVersion)
    versions = [adapter.validate_python(read(name, text)) for name, text in texts.items()]
    return SdkFacts(tuple(sorted(versions, key=lambda each: each.order)))
