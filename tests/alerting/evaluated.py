"""What a Prometheus that loads the shipped rules answers, in virtual time."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.alerting.promtool import Story, in_order, run_test
from tests.alerting.rules import RULES
from tests.servers.prometheus_server import Series

Question = tuple[int, str]
"""When it is asked, in seconds from the begin of the story, and the PromQL."""

_GOT = re.compile(r"^\s*got:(.*)$", re.MULTILINE)
_ANSWER = re.compile(r'\{((?:[^}"]|"(?:[^"\\]|\\.)*")*)\} ([^\s,"]+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def evaluated(version: str, told: Story, asked: Sequence[Question], directory: Path) -> Mapping[Question, list[Series]]:
    """The answers; AssertionError where Prometheus refuses a question."""
    files = sorted(RULES.glob("*.yaml"))
    tests = [{"expr": _marked(number, expr), "eval_time": f"{at}s"} for number, (at, expr) in enumerate(asked)]
    document = {
        "rule_files": [str(file) for file in files],
        "evaluation_interval": "15s",
        "group_eval_order": in_order(files),
        "tests": [told.document() | {"promql_expr_test": tests}],  # whatever is answered, is told as a failure
    }
    passed, answers = run_test(version, document, directory / "asked.yaml", 600)
    assert passed or _GOT.search(answers), answers
    refused = [line for line in answers.splitlines() if ", err: " in line or "parse error" in line]
    assert refused == [], "\n".join(refused)
    return _read(answers, asked)


def _marked(number: int, expr: str) -> str:
    return f'label_replace({expr}, "asked", "{number}", "", "")'


def _read(answers: str, asked: Sequence[Question]) -> dict[Question, list[Series]]:
    found: dict[Question, list[Series]] = defaultdict(list)
    for got in _GOT.findall(answers):
        for text, value in _ANSWER.findall(got):
            labels = dict(_LABEL.findall(text))
            found[asked[int(labels.pop("asked"))]].append(Series(labels, float(value)))
    return found
