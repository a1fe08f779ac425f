"""How is each condition of an agent told to people? One module for each probe, by its name."""

import importlib
import pkgutil
from collections.abc import Mapping

from probes import AnyProbe, load_probes
from probes.contract.units import parse_duration
from watcher.alerting.rules.descriptions import AgentAlert, ProbeAlerts


def load_alerts() -> tuple[tuple[str, ProbeAlerts], ...]:
    """Name of the probe and its alerts; raises ImportError or ValueError where some are missing."""
    return tuple(
        (probe.name, complete(probe, importlib.import_module(f"{__name__}.{probe.name}").ALERTS))
        for probe in load_probes()
    )


def complete(probe: AnyProbe, alerts: ProbeAlerts) -> ProbeAlerts:
    """These alerts; raises ValueError unless they are one for each condition of the probe."""
    if sorted(each.condition for each in alerts.alerts) != sorted(kind.name for kind in probe.conditions):
        raise ValueError(f"watcher/alerting/rules/agents/{probe.name}.py: not one alert for each condition")
    return alerts


def all_alerts() -> tuple[AgentAlert, ...]:
    """Those of all probes."""
    return tuple(alert for _, alerts in load_alerts() for alert in alerts.alerts)


def waits() -> Mapping[str, float]:
    """Seconds for which each condition must be true until its alert fires; a probe of somebody's own may have none."""
    written = {module.name for module in pkgutil.iter_modules(__path__)}
    modules = (importlib.import_module(f"{__name__}.{each.name}") for each in load_probes() if each.name in written)
    alerts = (alert for module in modules for alert in module.ALERTS.alerts)
    return {each.condition: parse_duration(each.held) if each.held else 0.0 for each in alerts}
