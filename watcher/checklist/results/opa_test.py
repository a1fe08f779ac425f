"""What `opa test --format=json` prints: a list of tests; with `--coverage` instead, which lines of the policies ran.

OPA prints one or the other, so that a pipeline runs it twice and imports both. Lines of the tests themselves are left
out of the coverage: they run whatever they test. A run with coverage whose tests fail prints no JSON, and is refused.
"""

from typing import Annotated

from pydantic import BaseModel, Field, RootModel

from watcher.checklist.results.counted import Count, Counted, document, ratio


class _Test(BaseModel):
    name: str
    fail: bool = False
    skip: bool = False
    error: object = None


class _Tests(RootModel[list[_Test]]):
    pass


class _File(BaseModel):
    covered: Annotated[Count, Field(alias="covered_lines")] = 0
    not_covered: Annotated[Count, Field(alias="not_covered_lines")] = 0


class _Coverage(BaseModel):
    files: dict[str, _File]


def read_opa_test(data: bytes) -> Counted:
    """`tests` that ran, `failures`, `errors`, `skipped`; or `coverage_ratio` of the policies; UnreadableError."""
    if data.lstrip()[:1] == b"{":
        return _coverage(data)
    tests = document(
        data, _Tests, "the JSON of `opa test --format=json`, of which there is none where a test fails with --coverage"
    ).root
    ran = [each for each in tests if not each.skip]
    return Counted(
        {
            "tests": len(ran),
            "failures": sum(each.fail and each.error is None for each in ran),
            "errors": sum(each.error is not None for each in ran),
            "skipped": len(tests) - len(ran),
        }
    )


def _coverage(data: bytes) -> Counted:
    files = document(data, _Coverage, "the JSON of `opa test --format=json --coverage`").files
    policies = [each for name, each in files.items() if not name.endswith("_test.rego")]
    covered = sum(each.covered for each in policies)
    return Counted({"coverage_ratio": ratio(covered, covered + sum(each.not_covered for each in policies))})
