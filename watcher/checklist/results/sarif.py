"""SARIF 2.1.0: what a scanner found, by level and by severity.

1. A run that did not finish, or that has no list of results, is no result.
2. Counted is what is found and holds: not what is suppressed, absent from this run, or of a kind other than fail.
3. The level is that of the result, else of its rule, else `warning` (section 3.27.10 of the standard).
4. `critical` and `high` are read from `security-severity` (GitHub's), and only where each result has one.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from watcher.checklist.results.counted import Counted, Figure, UnreadableError, document

_CRITICAL, _HIGH = 9.0, 7.0


class _Properties(BaseModel):
    severity: Annotated[str | Figure | None, Field(alias="security-severity")] = None


class _Configuration(BaseModel):
    level: str | None = None


class _Rule(BaseModel):
    id: str
    properties: _Properties = _Properties()
    configuration: Annotated[_Configuration, Field(alias="defaultConfiguration")] = _Configuration()


class _Driver(BaseModel):
    rules: list[_Rule] = []


class _Tool(BaseModel):
    driver: _Driver
    extensions: list[_Driver] = []


class _Suppression(BaseModel):
    status: str = "accepted"


class _Place(BaseModel):
    id: str | None = None


class _Result(BaseModel):
    rule_id: Annotated[str | None, Field(alias="ruleId")] = None
    rule_index: Annotated[int, Field(alias="ruleIndex")] = -1
    rule: _Place = _Place()
    kind: str = "fail"
    level: str | None = None
    baseline: Annotated[str, Field(alias="baselineState")] = "new"
    suppressions: list[_Suppression] = []
    properties: _Properties = _Properties()

    @property
    def holds(self) -> bool:
        suppressed = bool(self.suppressions) and all(each.status == "accepted" for each in self.suppressions)
        return self.kind == "fail" and self.baseline != "absent" and not suppressed


class _Invocation(BaseModel):
    finished: Annotated[bool, Field(alias="executionSuccessful")]


class _Run(BaseModel):
    tool: _Tool
    results: list[_Result] | None = None
    invocations: list[_Invocation] = []


class _Sarif(BaseModel):
    version: Literal["2.1.0"]
    runs: Annotated[list[_Run], Field(min_length=1)]


def read_sarif(data: bytes) -> Counted:
    """`findings`, `errors`, `warnings`, `notes`, and `critical` and `high` where it says them; UnreadableError."""
    found: list[tuple[str, float | None]] = []
    for run in document(data, _Sarif, "SARIF 2.1.0").runs:
        if run.results is None or not all(each.finished for each in run.invocations):
            raise UnreadableError("the scanner did not finish, so that what it did not find says nothing")
        rules = {each.id: each for driver in (run.tool.driver, *run.tool.extensions) for each in driver.rules}
        found += [_told(each, run, rules) for each in run.results if each.holds]
    levels = [level for level, _ in found]
    counts: dict[str, float] = {
        "findings": len(found),
        "errors": levels.count("error"),
        "warnings": levels.count("warning"),
        "notes": levels.count("note"),
    }
    scores = [score for _, score in found if score is not None]
    if len(scores) == len(found):
        counts["critical"] = sum(each >= _CRITICAL for each in scores)
        counts["high"] = sum(_HIGH <= each < _CRITICAL for each in scores)
    return Counted(counts)


def _told(result: _Result, run: _Run, rules: dict[str, _Rule]) -> tuple[str, float | None]:
    """Its level and its score."""
    listed = run.tool.driver.rules
    name = result.rule_id or result.rule.id or ""
    rule = rules.get(name) or (listed[result.rule_index] if 0 <= result.rule_index < len(listed) else None)
    score = _score(result.properties) if result.properties.severity is not None else None
    if rule is None:
        return result.level or "warning", score
    return result.level or rule.configuration.level or "warning", score if score is not None else _score(
        rule.properties
    )


def _score(properties: _Properties) -> float | None:
    try:
        score = float(properties.severity) if properties.severity is not None else None
    except ValueError:
        return None
    return score if score is not None and 0 <= score <= 10 else None
