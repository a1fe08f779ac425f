"""Reports that other programs read are valid by the schemas of those programs, whatever manifests say.

schemas/sarif-2.1.0-rtm.5.json: of OASIS, as Microsoft's matchers for Jest ship it (MIT). schemas/junit-10.xsd: of the
xUnit plugin of Jenkins (MIT, Gregory Boissinot), as the tests of pytest ship it.
"""

import json
from pathlib import Path

import pytest
import xmlschema

from tests.commands.test_readiness import AGENT, BAD, RESOURCES
from watcher.cli import main

SCHEMAS = Path(__file__).parent / "schemas"
jsonschema = pytest.importorskip("jsonschema", reason="an independent validator is not installed")
SARIF = jsonschema.Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text()))
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
HOSTILE = BAD.replace("name: agent\n", 'name: "\\e[31m<a>&\\0\\uFFFE ]]>"\n')
CASES = {
    "one that fails": BAD,
    "one that does not": AGENT % RESOURCES,
    "what could not be read beside it": f"{BAD}---\nkind: {{{{ .Values.kind }}}}\n---\n5\n",
    "names that no XML holds": HOSTILE,
}


def _report(form: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / "a b.yaml").write_text(text)
    main(["readiness", "--manifests", str(tmp_path), "--output", form])
    return capsys.readouterr().out


@pytest.mark.parametrize("case", CASES)
def test_sarif_is_valid_by_its_schema(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(_report("sarif", CASES[case], tmp_path, capsys))
    assert [f"{each.json_path}: {each.message}" for each in SARIF.iter_errors(found)] == []
    assert len(found["runs"][0]["results"]) > 100


@pytest.mark.parametrize("case", CASES)
def test_junit_is_valid_by_the_schema_of_jenkins(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _report("junit", CASES[case], tmp_path, capsys)
    assert [f"{each.path}: {each.reason}" for each in JUNIT.iter_errors(text)] == []


def test_the_schemas_refuse_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(_report("sarif", BAD, tmp_path, capsys))
    found["runs"][0]["results"][0]["kind"] = "failed"
    assert list(SARIF.iter_errors(found)) != []
    text = _report("junit", BAD, tmp_path, capsys).replace("<testcase ", '<testcase file="x" ', 1)
    assert list(JUNIT.iter_errors(text)) != []
