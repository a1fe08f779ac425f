"""What is true of one agent: looked at from outside, judged by pure functions. Never imports watcher."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from probes.contract import Probe, SourceKind

AnyProbe = Probe[Any, Any, Any]
AnySourceKind = SourceKind[Any]


@cache
def load_probes() -> tuple[AnyProbe, ...]:
    """Each module or package of this package that has a `PROBE`, by name: adding a probe edits nothing here."""
    return tuple(module.PROBE for module in _modules(__name__) if hasattr(module, "PROBE"))


@cache
def load_sources() -> tuple[AnySourceKind, ...]:
    """Each module or package of probes.sources that has a `KIND`, by name."""
    return tuple(module.KIND for module in _modules(f"{__name__}.sources") if hasattr(module, "KIND"))


@cache
def load_checklist_sources() -> tuple[AnySourceKind, ...]:
    """The same of probes.sources.checklist: those that look for the checklist alone, and far less often."""
    return tuple(module.KIND for module in _modules(f"{__name__}.sources.checklist") if hasattr(module, "KIND"))


def _modules(package: str) -> Iterator[ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__))
    return (importlib.import_module(f"{package}.{name}") for name in names)
