"""What stands in a runbook's commands: values that are safe in a shell, or something that cannot be run."""

import pytest

from watcher.alerting.runbook_commands import (
    PlaceholderValues,
    filled,
    installation_values,
    language_of,
    safe_values,
    unfilled,
)
from watcher.config.replicas import Installation

EYE = Installation(
    namespace="watch", workload="statefulset/eye", selector="app.kubernetes.io/instance=eye,a=b", pod="eye-1"
)
KNOWN = PlaceholderValues({"POD": "search-0"})


@pytest.mark.parametrize(
    ("code", "language", "expected"),
    [
        ("logs $POD -n $NAMESPACE", "sh", "logs search-0 -n [${NAMESPACE:?}]"),
        ('logs "${POD}" "$NAMESPACE"', "sh", 'logs "search-0" "[${NAMESPACE:?}]"'),
        ("logs $PODS $POD_IP $pod", "sh", "logs $PODS $POD_IP $pod"),
        ("-n $WATCHER_NAMESPACE $WATCHER/x", "sh", "-n [${WATCHER_NAMESPACE:?}] [${WATCHER:?}]/x"),
        ("--limits=cpu=${CPU_LIMIT:?more, please}", "sh", "--limits=cpu=[${CPU_LIMIT:?more, please}]"),
        ("now=${now:?}", "sh", "now=${now:?}"),
        ('up{pod="$POD",namespace="$NAMESPACE"}', "promql", 'up{pod="search-0",namespace=[$NAMESPACE]}'),
        ("up{namespace=&quot;$NAMESPACE&quot;}", "promql", "up{namespace=[$NAMESPACE]}"),
        ("admit $NAMESPACE", "", "admit [$NAMESPACE]"),
    ],
)
def test_what_has_a_value_is_filled_in_and_the_rest_cannot_be_run(code: str, language: str, expected: str) -> None:
    assert filled(code, language, KNOWN, lambda missing: f"[{missing}]") == expected


def test_a_copy_has_no_command_that_runs_with_an_empty_variable() -> None:
    copy = unfilled(
        "Look at `$POD`, or `kubectl logs $POD`.\n1. So:\n   ```sh\n   kubectl logs $POD `date`\n   ```\n"
        '```promql\nup{pod="$POD"}\n```\n'
    )
    assert copy == (
        "Look at `$POD`, or `kubectl logs ${POD:?}`.\n1. So:\n   ```sh\n   kubectl logs ${POD:?} `date`\n   ```\n"
        "```promql\nup{pod=$POD}\n```\n"
    )


def test_a_word_alone_is_a_name_and_several_are_a_command() -> None:
    assert (language_of("$POD"), language_of("kubectl logs $POD")) == ("", "sh")


@pytest.mark.parametrize(
    ("holder", "pod"), [("eye-0_1a2b3c4d", "eye-0"), ("", "eye-1"), ("_", "eye-1"), ("a_b_1a2b", "a_b")]
)
def test_commands_for_the_watcher_ask_the_replica_that_leads(holder: str, pod: str) -> None:
    assert installation_values(EYE, holder)["WATCHER_POD"] == pod
    assert installation_values(EYE, holder, "eye-2")["WATCHER_POD"] == "eye-2"  # a shard that the alert names


def test_all_of_the_installation_is_safe_in_a_shell() -> None:
    values = safe_values(installation_values(EYE, ""))
    assert values.unfit == frozenset()
    assert values.fit == {
        "WATCHER_NAMESPACE": "watch",
        "WATCHER_WORKLOAD": "statefulset/eye",
        "WATCHER_POD": "eye-1",
        "WATCHER_SELECTOR": "app.kubernetes.io/instance=eye,a=b",
    }
    assert safe_values(installation_values(EYE, "$(id)_1a2b")).unfit == {"WATCHER_POD"}
    assert installation_values(None, "eye-0_1a2b") == {}


@pytest.mark.parametrize("workload", ["deployment/search", "rollouts.argoproj.io/search", "job/nightly-29413920"])
def test_a_workload_is_what_kubectl_takes(workload: str) -> None:
    assert safe_values({"WORKLOAD": workload}).fit == {"WORKLOAD": workload}


@pytest.mark.parametrize("workload", ["search", "deployment/", "deployment/-x", "deployment/a;id", "$(id)/a", "a/b/c"])
def test_another_text_is_no_workload(workload: str) -> None:
    assert safe_values({"WORKLOAD": workload}).unfit == {"WORKLOAD"}
