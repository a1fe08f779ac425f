"""The shipped catalogue: whole, agreeing with itself, and with the checklist line by line in both directions."""

import re
from collections import Counter

import pytest

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.catalogue.errors import CatalogueError
from probes.controls.catalogue.loading import SECTIONS, load_catalogue, read_catalogue, shipped_as_json
from probes.controls.catalogue.terms import Automation, Scope
from tests.probes.controls import seed

CATALOGUE = load_catalogue()
SHIPPED = {name: (seed.CATALOGUE_DIRECTORY / f"{name}.yaml").read_bytes() for name in SECTIONS}


def test_what_was_read_before_is_what_the_files_say_and_a_changed_file_is_read_itself() -> None:
    assert (seed.CATALOGUE_DIRECTORY / "plain.json").read_text() == shipped_as_json(), "make checklist"
    changed = SHIPPED["security"].replace(b"title: SPIFFE/SPIRE configured", b"title: Another title")
    assert "Another title" in {each.title for each in read_catalogue({"security": changed}).controls}
    texts = {"security": SHIPPED["security"] + b"\n", "alerts": SHIPPED["alerts"] + b"\n"}
    assert read_catalogue(texts).controls == load_catalogue(("security", "alerts")).controls


def test_each_line_of_the_checklist_has_its_control() -> None:
    assert seed.left_over(CATALOGUE) == seed.NO_LINES, (
        "a line that no control stands on and that is none of the examples"
    )


def test_each_control_stands_on_a_line_of_the_checklist_and_under_its_headings() -> None:
    wrong = [each.id for each in CATALOGUE.controls if seed.fold(each.seed.item) not in seed.FOLDED]
    wrong += [
        each.id for each in CATALOGUE.controls for part in each.seed.section.split(" / ") if part not in seed.FOLDED
    ]
    assert wrong == []


def test_each_key_of_the_checklist_s_own_examples_is_named_by_a_control() -> None:
    named = " ".join(_words(each) for each in CATALOGUE.controls)
    keys = {match[1] for line in seed.NO_LINES if (match := re.match(r"([a-z][A-Za-z_-]+):(?: .+)?$", line))}
    kubernetes_needs_them = {"apiVersion", "spec", "matchLabels", "protocol"}
    assert len(keys) > 40
    assert {key for key in keys if key not in named} == kubernetes_needs_them


def _words(control: Control) -> str:
    texts = [control.passes, control.fails, control.unknown, control.remediation]
    texts += [spec.what for spec in control.evidence]
    return " ".join([*texts, control.applies_when.words if control.applies_when else ""])


def test_the_two_lines_that_are_easily_missed_have_controls() -> None:
    assert CATALOGUE.by_id["reliability.circuit-breaker.success-threshold"].seed.item == "success_threshold: 2"
    assert "Review regularly and update" in CATALOGUE.by_id["criteria.reviewed"].seed.item


def test_the_catalogue_counts_as_the_contract_says() -> None:
    required = [each for each in CATALOGUE.controls if each.required]
    assert Counter(each.automation for each in required) == {
        Automation.AUTO: 61,
        Automation.REFUTABLE: 21,
        Automation.PIPELINE: 17,
        Automation.HUMAN: 7,
    }
    assert len(required) == 106
    assert len(CATALOGUE.controls) == 212
    assert Counter(each.scope for each in CATALOGUE.controls) == {
        Scope.AGENT: 172,
        Scope.RELEASE: 32,
        Scope.FLEET: 6,
        Scope.NAMESPACE: 2,
    }


def test_controls_stand_in_the_order_of_the_sections() -> None:
    sections = [each.section for each in CATALOGUE.controls]
    assert sections == sorted(sections, key=SECTIONS.index)


def test_each_reference_to_another_control_names_one() -> None:
    reference = re.compile(rf"\b(?:{'|'.join(SECTIONS)})\.[a-z-]+(?:\.[a-z0-9-]*[a-z0-9])?\b")
    not_controls = re.compile(r"observability\.(?:tracing|metrics|logging)\.[a-z_]+")
    wrong = {
        (control.id, name)
        for control in CATALOGUE.controls
        for name in reference.findall(f"{_words(control)} {control.limits or ''}")
        if not not_controls.match(name) and not any(each.startswith(name) for each in CATALOGUE.by_id)
    }
    assert wrong == set()


def test_what_only_the_config_says_never_passes_a_control_about_behaviour() -> None:
    declared = {each.id for each in CATALOGUE.controls if each.declared_pass}
    behaviour = {each.id for each in CATALOGUE.controls if each.spec(SourceName.TLS_POSTURE)}
    assert declared & behaviour == set()


def test_sections_can_be_read_alone_and_have_the_digest_of_the_whole() -> None:
    some = load_catalogue(("predeploy",))
    assert {each.section for each in some.controls} == {"predeploy"}
    assert some.digest == CATALOGUE.digest
    assert re.fullmatch("sha256:[0-9a-f]{64}", some.digest)


def test_the_digest_changes_with_a_letter() -> None:
    changed = SHIPPED | {"metrics": SHIPPED["metrics"].replace(b"severity: low", b"severity: high", 1)}
    assert read_catalogue(changed).digest != CATALOGUE.digest


def _broken(section: str, old: str, new: str) -> list[str]:
    text = SHIPPED[section].decode()
    assert old in text
    with pytest.raises(CatalogueError) as refused:
        read_catalogue(SHIPPED | {section: text.replace(old, new, 1).encode()})
    return refused.value.mistakes


def _line(section: str, text: str, *, after: str = "") -> int:
    lines = SHIPPED[section].decode().splitlines()
    begin = next(number for number, line in enumerate(lines) if after in line)
    return next(number for number, line in enumerate(lines[begin:], begin + 1) if text in line)


def test_a_double_id_is_refused_with_its_line() -> None:
    first, second = "id: loadtest.p50", "id: loadtest.p95"
    told = _broken("loadtest", second, first)
    line = _line("loadtest", second)
    assert f"loadtest.yaml:{line}: loadtest.p50: another control has the same id" in told


def test_a_key_that_is_no_key_such_as_an_evaluator_is_refused_with_its_line() -> None:
    told = _broken("metrics", "    waivable: true\n", "    waivable: true\n    evaluator: tls_floor\n")
    line = _line("metrics", "waivable") + 1
    assert told == [f"metrics.yaml:{line}: metrics.requests-total: evaluator: Unexpected keyword argument"]


def test_a_wrong_value_is_refused_with_its_line_and_what_is_expected() -> None:
    told = _broken("metrics", "severity: high", "severity: huge")
    line = _line("metrics", "severity: high")
    assert told == [
        f"metrics.yaml:{line}: metrics.requests-total: severity: Input should be 'critical', 'high', 'medium' or 'low'"
    ]


def test_a_roll_up_that_loops_is_refused_with_its_line() -> None:
    member = "      - predeploy.config.valid"
    told = _broken("release", member, "      - release.pre.configuration-validated")
    line = _line("release", "members:", after="id: release.pre.configuration-validated")
    assert (
        f"release.yaml:{line}: release.pre.configuration-validated: the roll-up loops: it is a member of itself" in told
    )


def test_a_member_that_does_not_exist_is_refused() -> None:
    told = _broken("criteria", "- security.identity.spire-configured", "- security.identity.spire")
    assert any(each.endswith("security.identity.spire is no control") for each in told)


def test_what_is_no_yaml_is_refused_with_its_line() -> None:
    told = _broken("alerts", "section: alerts\n", "section: alerts\nname: [\n")
    assert re.fullmatch(r"alerts\.yaml:\d: not YAML: .*", told[0])


def test_a_file_of_another_section_is_refused() -> None:
    told = _broken("alerts", "section: alerts", "section: metrics")
    assert told == ["alerts.yaml:1: expected `section: alerts` and `controls`, and nothing else"]


_THERE_ONLY = ", and there only"
_NEEDS_OPT_IN = "needs prometheus, which is off by default, without `opt_in: prometheus`"


@pytest.mark.parametrize(
    ("section", "old", "new", "why"),
    [
        ("security", "absent: unknown", "absent: skip", "automatic, but nothing is needed for a pass"),
        ("security", "confirmations: 2", "confirmations: 1", "two probes in a row, but confirmations is 1"),
        ("testing", "proves: [pass, fail]", "proves: [pass]", f"expected where some evidence proves fail{_THERE_ONLY}"),
        ("testing", "kinds: [pipeline]", "kinds: [attestation]", "expected pipeline"),
        ("alerts", "opt_in: prometheus", "opt_in: logs", _NEEDS_OPT_IN),
        ("alerts", "[opt_in_off]", "[no_policy]", "opt_in, but not attestable while it is off"),
        ("loadtest", "EvaluatorError]", "Stale]", "expected EvaluatorError: every judge may raise"),
        ("loadtest", "max_age: null", "max_age: 15m", "expected one, but for record and rollout, which have none"),
        ("logformat", "fail: Fewer than", "fail: Sometimes etc fewer than", "etc is vague"),
        ("release", "image_digest", "none", "expected image_digest: a record of a rollout is bound to it"),
        ("metrics", "revision: 1", "revision: 2", f"expected the date where the revision is over 1{_THERE_ONLY}"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(section: str, old: str, new: str, why: str) -> None:
    assert any(each.endswith(why) for each in _broken(section, old, new))
