"""The example for Alertmanager as an AlertmanagerConfig of the Prometheus operator, made from alertmanager.yaml.

`python -m tests.alerting.alertmanager_config` renews it. Fields as of `monitoring.coreos.com/v1alpha1`.
"""

import re
from typing import Any

import yaml

from tests.repository import ROOT

SOURCE = ROOT / "alerts" / "alertmanager" / "alertmanager.yaml"
FILE = SOURCE.with_name("alertmanagerconfig.yaml")
RECEIVERS = ("pagerduty", "slack", "deadmansswitch")
HEAD = """\
# The same routes for the Prometheus operator, made from alertmanager.yaml, where each is explained: change it there.
# By default (alertmanagerConfigMatcherStrategy OnNamespace) the operator adds `namespace="monitoring"` to the route and
# to the inhibition rules, and no alert of an agent elsewhere, of a fleet or of the watcher comes through:
# docs/alerting.md says what to set. Working hours are in UTC here, and the Secrets are yours to make.
"""
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')
_SECRET = "/etc/alertmanager/secrets/"
_NAMED = {"api_url": "apiURL"}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are."""

    def ignore_aliases(self, _: object) -> bool:
        return True


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def made() -> str:
    """The text of the file."""
    config = yaml.load(SOURCE.read_text(), Loader=yaml.CSafeLoader)
    spec = {
        "route": {
            "receiver": "slack",
            "matchers": [_matcher('alertname=~"AgentWeave.+"')],
            "groupBy": config["route"]["group_by"],
            **{_camel(key): config["route"][key] for key in ("group_wait", "group_interval", "repeat_interval")},
            "routes": [_route(each) for each in config["route"]["routes"]],
        },
        "inhibitRules": [
            {
                "sourceMatch": [_matcher(each) for each in rule["source_matchers"]],
                "targetMatch": [_matcher(each) for each in rule["target_matchers"]],
                "equal": rule["equal"],
            }
            for rule in config["inhibit_rules"]
        ],
        "muteTimeIntervals": [_hours(each) for each in config["time_intervals"]],
        "receivers": [_receiver(each) for each in config["receivers"] if each["name"] in RECEIVERS],
    }
    document = {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": {"name": "agentweave", "namespace": "monitoring"},
        "spec": spec,
    }
    return HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100_000, allow_unicode=True)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _matcher(text: str) -> dict[str, str]:
    found = _MATCHER.fullmatch(text)
    assert found, text
    return {"name": found[1], "matchType": found[2], "value": found[3]}


def _route(route: dict[str, Any]) -> dict[str, Any]:
    out = {_camel(key): value for key, value in route.items()}
    out["matchers"] = [_matcher(each) for each in route["matchers"]]
    if "routes" in route:
        out["routes"] = [_route(each) for each in route["routes"]]
    return out


def _hours(named: dict[str, Any]) -> dict[str, Any]:
    def interval(each: dict[str, Any]) -> dict[str, Any]:
        times = [{_camel(key): value for key, value in time.items()} for time in each["times"]]
        return {"times": times, "weekdays": each["weekdays"]}

    return {"name": named["name"], "timeIntervals": [interval(each) for each in named["time_intervals"]]}


def _receiver(receiver: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"name": receiver["name"]}
    for kind, configs in receiver.items():
        if kind != "name":
            out[_camel(kind)] = [_integration(each) for each in configs]
    return out


def _integration(config: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in config.items():
        if key.endswith("_file"):
            name = key.removesuffix("_file")
            secret = {"name": "agentweave-alertmanager", "key": value.removeprefix(_SECRET)}
            out[_NAMED.get(name, _camel(name))] = secret
        elif key == "details":
            out[key] = [{"key": name, "value": text} for name, text in value.items()]
        elif key == "links":
            out["pagerDutyLinkConfigs"] = [{"alt": each["text"], "href": each["href"]} for each in value]
        else:
            out[_camel(key)] = value
    return out


def as_the_operator_makes_it(document: dict[str, Any], namespace: str, *, strategy: str) -> dict[str, Any]:
    """The routes that an Alertmanager is given; `namespace`: its own. See pkg/alertmanager/amcfg.go of the operator."""
    of = document["metadata"]["namespace"]
    enforced = strategy == "OnNamespace" or (
        strategy == "OnNamespaceExceptForAlertmanagerNamespace" and of != namespace
    )
    route = _plain(document["spec"]["route"])
    route["continue"] = True
    if enforced:
        route["matchers"] = [each for each in route["matchers"] if not each.startswith("namespace=")]
        route["matchers"].append(f'namespace="{of}"')
    receivers = [{"name": name} for name in ("null", *RECEIVERS)]
    hours = [
        {"name": each["name"], "time_intervals": [_snaked(one) for one in each["timeIntervals"]]}
        for each in document["spec"]["muteTimeIntervals"]
    ]
    return {"route": {"receiver": "null", "routes": [route]}, "receivers": receivers, "time_intervals": hours}


def _plain(route: dict[str, Any]) -> dict[str, Any]:
    out = {_snake(key): value for key, value in route.items()}
    out["matchers"] = [f'{each["name"]}{each["matchType"]}"{each["value"]}"' for each in route["matchers"]]
    if "routes" in route:
        out["routes"] = [_plain(each) for each in route["routes"]]
    return out


def _snaked(node: Any) -> Any:
    if isinstance(node, dict):
        return {_snake(key): _snaked(value) for key, value in node.items()}
    return [_snaked(each) for each in node] if isinstance(node, list) else node


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


if __name__ == "__main__":
    FILE.write_text(made(), encoding="utf-8")
