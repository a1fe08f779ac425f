"""Tables: a field looks like its name says, and leads to what a line is about."""

from collections.abc import Mapping
from string import ascii_uppercase

from watcher.alerting.dashboards.panels import EMPTY, GREY, Asked, Json, mapped, override, panel, steps, targets
from watcher.alerting.files import RUNBOOK_URL, WATCHER_URL

_POD = "${__data.fields.namespace:percentencode}/${__data.fields.pod:percentencode}"
_ROW = "namespace=${__data.fields.namespace:percentencode}&agent=${__data.fields.agent:percentencode}"


def _runbook(alert: str, seen: str = "") -> Json:
    return {"title": "The runbook", "url": f"{RUNBOOK_URL}{alert}" + f"?{seen}" * bool(seen)}


_AGENT = {
    "title": "Open the agent",
    "url": "/d/agentweave-agent?var-namespace=${__data.fields.namespace:percentencode}"
    "&var-agent=${__data.fields.agent:percentencode}&var-job=${__data.fields.job:percentencode}"
    "&${datasource:queryparam}&${cluster:queryparam}&${__url_time_range}",
}
_LINKS = {
    "agent": [_AGENT, {"title": "The agent on the watcher's page", "url": f"{WATCHER_URL}?{_ROW}"}],
    "pod": [
        {
            "title": "The pod on the watcher's page",
            "url": f"{WATCHER_URL}agents/{_POD}",
        }
    ],
    "condition": [_runbook("AgentWeave${__data.fields.condition}", _ROW)],
    "alertname": [_runbook("${__data.fields.alertname}")],
    "control": [
        {"title": "What the control asks", "url": f"{WATCHER_URL}controls/${{__data.fields.control:percentencode}}"}
    ],
}
_DATES = {"since", "expires", "full", "ends", "valid from", "last rotation seen", "config taken", "discovered"} | {
    "not closed since",
    "last arrived",
}
_SECONDS = {"p95"}
_RATIOS = {"lifetime left", "errors", "slow", "CPU", "met", "known"}
_WORDS = {
    "severity": {"critical": ("critical", "red"), "warning": ("warning", "orange")},
    "verdict": {
        "not_ready": ("not ready", "red"),
        "indeterminate": ("indeterminate", GREY),
        "vacuous": ("nothing applies", GREY),
    },
    "state": {"closed": ("closed", "green"), "half_open": ("half-open", "orange"), "open": ("open", "red")},
    "note": {"none": ("none", "green"), "not watched": ("not watched", GREY)},
}
_COUNTS = {"critical": "red", "warning": "orange", "unknown": GREY}


def table(
    title: str,
    text: str,
    labels: str,
    values: Mapping[str, str],
    *,
    sort: str,
    runbook: str = "",
    renamed: Mapping[str, str] | None = None,
    size: tuple[int, int] = (12, 9),
) -> Json:
    """A line for each combination of the labels; `values`: name -> query, not shown where the name is empty.

    `sort`: fields, the first most; those after a minus from high to low. `runbook`: where the alert is not in a field.
    """
    refs = ["Value"] if len(values) == 1 else [f"Value #{ref}" for ref in ascii_uppercase[: len(values)]]
    names = dict(zip(refs, values, strict=True))
    order = [*("cluster", "job", "note"), *labels.split(), *(ref for ref, name in names.items() if name)]
    shown = {ref: name for ref, name in names.items() if name} | dict(renamed or {})
    hidden = dict.fromkeys(["Time", *(ref for ref, name in names.items() if not name)], True)
    organize = {"excludeByName": hidden, "indexByName": {name: n for n, name in enumerate(order)}}
    by = [{"displayName": field.removeprefix("-"), "desc": field.startswith("-")} for field in sort.split(",")]
    return panel(
        *("table", title, text, size),
        targets([Asked(each) for each in values.values()], form="table", instant=True),
        fieldConfig={
            "defaults": {"unit": "none", "noValue": "none seen", "mappings": [EMPTY]}
            | {"custom": {"align": "auto", "filterable": True, "inspect": False}},
            "overrides": [_look(name, runbook) for name in dict.fromkeys(shown.get(field, field) for field in order)],
        },
        options={"showHeader": True, "cellHeight": "sm", "sortBy": by},
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": organize | {"renameByName": shown}},
        ],
    )


def _look(name: str, runbook: str) -> Json:
    told: Json = {"noValue": "-"}
    if name in _DATES:
        told |= {"unit": "dateTimeFromNow"}
    if name in _SECONDS:
        told |= {"unit": "s"}
    if name in _RATIOS:
        told |= {"unit": "percentunit", "decimals": 1}
    if name in _COUNTS:
        told |= {"thresholds": steps({None: "text", 1: _COUNTS[name]})}
    if name in _WORDS:
        told |= {"mappings": mapped(_WORDS[name])}
    if name in _COUNTS or name in _WORDS:
        told |= {"custom__cellOptions": {"type": "color-text"}}
    if name in _LINKS:
        more = [_runbook(f"AgentWeave{runbook}", _ROW)] if runbook and name == "agent" else []
        told |= {"links": _LINKS[name] + more}
    return override("byName", name, **told)
