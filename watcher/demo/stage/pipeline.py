"""What the tools of the agent's pipeline wrote, in their own formats, and the numbers that are read there."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from watcher.checklist.results.formats import FORMATS

_LINES, _COVERED = 240, 221
"""Of the agent's code, and of these those that its tests ran."""


class Result(NamedTuple):
    """One control, what it was counted from, and what is counted by hand."""

    control: str
    file: str = ""
    by_hand: Mapping[str, float] = {}


def files() -> dict[str, bytes]:
    """The files, by `format:name`."""
    return {
        "junit:unit": _junit("tests.unit", 58),
        "junit:integration": _junit("tests.integration", 16),
        "junit:smoke": _junit("tests.smoke", 6),
        "coverage:unit": _coverage(),
        "opa-test:policy": json.dumps(
            [{"name": f"test_{each}"} for each in ("own_domain", "foreigner", "empty")]
        ).encode(),
        "sarif:secrets": b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "gitleaks"}}, "results": []}]}',
        "k6:peak": _k6(seconds=600, rate=42.0),
        "k6:day": _k6(seconds=86_400, rate=20.0),
    }


RESULTS = (
    Result("security.authz.opa-policies-tested", "opa-test:policy"),
    Result("security.secrets.none-in-code", "sarif:secrets", {"commits_scanned": 412}),
    Result("deployment.rollback.tested", "junit:smoke", {"duration_seconds": 48}),
    Result("testing.unit.written", "junit:unit", {"capabilities": 2, "capabilities_tested": 2}),
    Result("testing.unit.coverage-80", "coverage:unit"),
    Result("testing.unit.in-ci", "junit:unit"),
    Result("testing.unit.pass", "junit:unit"),
    Result("testing.integration.written", "junit:integration", {"multi_agent_tests": 5}),
    Result("testing.integration.opa-policies-tested", "opa-test:policy"),
    Result("testing.integration.authz-flows-tested", "junit:integration", {"allow_cases": 3, "deny_cases": 4}),
    Result("testing.integration.error-handling-tested", "junit:integration", {"fault_cases": 4}),
    Result("testing.integration.in-ci", "junit:integration"),
    Result("testing.load.performed", "k6:peak"),
    Result(
        "testing.load.peak-tested",
        "k6:peak",
        {"expected_peak_requests_per_second": 20, "peak_requests_per_second": 42},
    ),
    Result("testing.load.sustained-tested", "k6:day"),
    Result("testing.load.spike-tested", "k6:peak", {"spike_factor": 2.1, "spike_rise_seconds": 30}),
    Result("predeploy.smoke.deployed-staging", "", {"pods_ready": 1}),
    Result("predeploy.smoke.tests-run", "junit:smoke"),
    Result("predeploy.smoke.calls-other-agents", "junit:smoke", {"calls": 25}),
)


def counts(result: Result, read_from: Mapping[str, bytes]) -> Mapping[str, float]:
    """All numbers of one result."""
    form = result.file.partition(":")[0]
    read = FORMATS[form].read(read_from[result.file]).counts if form else {}
    return {**read, **result.by_hand}


def _junit(suite: str, tests: int) -> bytes:
    cases = "".join(f'<testcase classname="{suite}" name="case_{number}" time="0.01"/>' for number in range(tests))
    return f'<testsuite name="{suite}" tests="{tests}" failures="0" errors="0" skipped="0">{cases}</testsuite>'.encode()


def _coverage() -> bytes:
    lines = "".join(f'<line number="{number}" hits="{int(number <= _COVERED)}"/>' for number in range(1, _LINES + 1))
    module = f'<class name="ranker" filename="ranker.py"><lines>{lines}</lines></class>'
    return f"<coverage><packages><package><classes>{module}</classes></package></packages></coverage>".encode()


def _k6(seconds: int, rate: float) -> bytes:
    requests = int(seconds * rate)
    metrics = {
        "http_reqs": {"count": requests, "rate": rate},
        "http_req_duration": {"med": 11.0, "p(95)": 34.0},
        "http_req_failed": {"passes": 0, "fails": requests, "value": 0},
    }
    return json.dumps({"metrics": metrics, "state": {"testRunDurationMs": seconds * 1000.0}}).encode()
