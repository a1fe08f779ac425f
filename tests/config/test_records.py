"""Where records are and whom they are believed, as the config says it."""

import pytest
from pydantic import ValidationError

from probes.controls.records import Authority, Verify
from watcher.config.checklist import ChecklistSettings


def records(**given: object) -> ChecklistSettings:
    return ChecklistSettings.model_validate({"records": given})


def test_places_authorities_and_keys_are_read() -> None:
    settings = records(
        files=["/etc/agentweave-watcher/records/*.yaml"],
        configmaps={"namespace": "agentweave-records"},
        authorities=[{"source": "configmap:agentweave-records/security-*", "controls": ["security.*"], "keys": ["ci"]}],
        verify="pipelines",
        keys={"ci": "/keys/ci.pub"},
    ).records
    assert settings.wanted
    assert settings.verify is Verify.PIPELINES
    assert settings.configmaps is not None
    assert settings.configmaps.selector == "agentweave.io/records=true"
    expected = Authority("configmap:agentweave-records/security-*", ("security.*",), ("*",), frozenset({"ci"}))
    assert [each.authority() for each in settings.authorities] == [expected]
    assert not ChecklistSettings().records.wanted


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"files": ["records/*.yaml"]}, "expected an absolute path such as"),
        ({"files": ["/etc/*/records.yaml"]}, "expected a pattern in the name of the file alone"),
        ({"configmaps": {"namespace": "Prod"}}, "expected the name of a namespace"),
        ({"configmaps": {"namespace": "prod", "selector": "a\n"}}, "expected a label selector such as"),
        ({"authorities": [{"source": "a b"}]}, "expected a pattern such as"),
        ({"verify": "some"}, "'off', 'pipelines' or 'all'"),
        ({"verify": "all"}, "verify needs keys"),
        ({"authorities": [{"source": "a", "keys": ["ci"]}]}, "authorities name ci, which is not among"),
        ({"file": []}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_no_place_of_records_is_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        records(**given)


@pytest.mark.parametrize("every", ["23h", "91d"])
def test_a_review_is_asked_for_each_day_at_most_and_each_quarter_at_least(every: str) -> None:
    with pytest.raises(ValidationError, match="expected a duration from 1d to 90d"):
        ChecklistSettings.model_validate({"review_every": every})
