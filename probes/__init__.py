"""What is true of one agent: looked at from outside, judged by pure functions. Never imports watcher."""

import importlib
import pkgutil
from functools import cache
from typing import Any

from probes.contract import Probe, SourceKind

AnyProbe = Probe[Any, Any, Any]
AnySourceKind = SourceKind[Any]


@cache
def load_probes() -> tuple[AnyProbe, ...]:
    """Every public module of this package is one probe, its `PROBE`: adding a probe edits nothing here."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg]
    found = [importlib.import_module(f"{__name__}.{name}").PROBE for name in sorted(names) if name[0] != "_"]
    return tuple(found)


@cache
def load_sources() -> tuple[AnySourceKind, ...]:
    """Every public module of probes.sources is one source, its `KIND`."""
    package = importlib.import_module(f"{__name__}.sources")
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_"]
    return tuple(importlib.import_module(f"{__name__}.sources.{name}").KIND for name in sorted(names))
