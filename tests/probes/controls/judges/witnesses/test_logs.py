"""What counts of log lines say of controls: shares with their least numbers, and nothing of few lines."""

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Arrived, LogSample, Missing, Retention, Seen, Share
from probes.controls.judges.logs.lines import _FIELDS
from tests.probes.controls.judges.witnesses.found import HOUR, finding, pod, said
from tests.probes.controls.made import NOW

STRUCTURED, REQUEST_ID, LEVEL = (
    f"observability.logging.{each}" for each in ("structured", "request-id", "level-appropriate")
)
REDACTED, CENTRAL = "observability.logging.sensitive-redacted", "observability.logging.centralized"
RETENTION = "observability.logging.retention-configured"
OFF = Missing(UnknownReason.NOT_ENABLED, "Logs are not read: checklist.logs is not set.")


def sample(lines: int = 200, objects: int = 200, **more: object) -> Seen[object]:
    return Seen(LogSample(lines, objects, **more), NOW, "pod/prod/search-0 container agent")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        (sample(200, 198), "pass: 99% of 200 lines are JSON objects."),
        (sample(200, 197), "fail Violated: 98% of 200 lines are JSON objects, 99% should."),
        (sample(200, 190, cut=10), "pass: 100% of 190 lines are JSON objects."),
        (
            sample(0, 0),
            "unknown NoData: Only 0 lines that tell whether lines are JSON objects were read, 100 are needed.",
        ),
        (
            sample(99, 0),
            "unknown NoData: Only 99 lines that tell whether lines are JSON objects were read, 100 are needed.",
        ),
        (OFF, "unknown NotEnabled: Logs are not read: checklist.logs is not set."),
    ],
)
def test_lines_are_structured_where_nearly_all_are_json_objects(logs: Seen[object] | Missing, expected: str) -> None:
    assert said(finding(STRUCTURED, logs=logs)) == expected


@pytest.mark.parametrize("control", sorted(_FIELDS))
def test_each_of_the_seven_fields_must_be_there_in_95_of_100_lines(control: str) -> None:
    name, least, what = _FIELDS[control]
    states = [
        finding(control, logs=sample(fields={name: Share(of, has)})).state
        for of, has in ((100, 95), (100, 94), (least, least), (least - 1, least - 1))
    ]
    assert states == ["pass", "fail", "pass", "unknown"]
    assert said(finding(control, logs=sample())).endswith(f"whether {what} were read, {least} are needed.")


def test_a_request_is_named_by_a_request_id_or_a_trace_id() -> None:
    assert finding(REQUEST_ID, logs=sample(request_or_trace=Share(20, 19))).state == "pass"
    assert finding(REQUEST_ID, logs=sample(request_or_trace=Share(20, 18))).state == "fail"
    assert finding(REQUEST_ID, logs=sample(request_or_trace=Share(19, 19))).reason == "NoData"


@pytest.mark.parametrize(
    ("levels", "config", "expected"),
    [
        ({"INFO": 198, "DEBUG": 2}, {}, "pass: 2 of 200 lines are of level DEBUG or TRACE."),
        ({"INFO": 190, "DEBUG": 9, "TRACE": 1}, {}, "fail Violated: 5% of 200 lines are of level DEBUG or TRACE."),
    ],
)
def test_what_is_logged_shows_the_level(levels: dict[str, int], config: dict[str, object], expected: str) -> None:
    found = finding(LEVEL, config=config, logs=sample(levels=levels))
    assert expected.split(":", maxsplit=1)[0] == said(found).split(":")[0]
    assert expected.split(": ", 1)[1] in [each.summary for each in found.evidence] + [found.message]


def test_of_few_lines_the_level_is_left_to_the_config() -> None:
    without = finding(LEVEL, logs=OFF)
    assert finding(LEVEL, logs=sample(levels={"DEBUG": 99})).state == without.state == "unknown"
    assert finding(LEVEL, logs=sample(levels={"DEBUG": 100})).state == "fail"


def test_rules_for_secrets_are_told_with_their_counts() -> None:
    found = finding(REDACTED, logs=sample(found={"e-mail address": 2, "AWS access key": 7}))
    assert said(found) == (
        "fail Refuted: Of 200 lines some have what should be redacted: AWS access key in 7, e-mail address in 2."
    )
    assert finding(REDACTED, logs=sample()).reason == "AttestationMissing"
    assert finding(REDACTED, logs=sample(), previous=found).reason == "AttestationMissing"
    assert finding(REDACTED, logs=sample(0, 0), previous=found).state == "fail"  # silence redacts nothing
    assert finding(REDACTED, logs=sample(99, 99), previous=found).state == "fail"
    assert finding(REDACTED, logs=sample(100, 100), previous=found).reason == "AttestationMissing"
    assert finding(REDACTED, logs=OFF, previous=found).state == "fail"


@pytest.mark.parametrize(
    ("arrived", "requests", "ready_for", "expected"),
    [
        (Arrived("a", 9, 2), 50, 2 * HOUR, "pass: The store has 2 lines of pod a from the last 15 min."),
        (
            Arrived("a", 0, 0),
            50,
            2 * HOUR,
            "fail Violated: The store has had no line of pod a for an hour, in which it served 50 requests.",
        ),
        (
            Arrived("a", 0, 0),
            19,
            2 * HOUR,
            "unknown NoData: The store has had no line of pod a for an hour, in which it had hardly any request.",
        ),
        (
            Arrived("a", 0, 0),
            None,
            2 * HOUR,
            "unknown NoData: The store has had no line of pod a for an hour, in which it had hardly any request.",
        ),
        (
            Arrived("a", 0, 0),
            20,
            HOUR,
            "fail Violated: The store has had no line of pod a for an hour, in which it served 20 requests.",
        ),
        (
            Arrived("a", 3, 0),
            50,
            2 * HOUR,
            "unknown Observing: The store has lines of pod a from the last hour, and none of the last 15 min.",
        ),
        (
            Arrived("a", 0, 0),
            50,
            HOUR / 2,
            "unknown Observing: No pod has been Ready for an hour, so what is missing tells nothing.",
        ),
    ],
)
def test_lines_of_each_settled_pod_reach_the_store(
    arrived: Arrived, requests: float | None, ready_for: float, expected: str
) -> None:
    assert said(finding(CENTRAL, pod("a", requests, ready_for), logs=sample(arrived=(arrived,)))) == expected


def test_a_store_that_never_had_a_line_of_any_agent_says_nothing_of_one() -> None:
    never = Missing(UnknownReason.NO_DATA, "Loki has had no line of any agent yet.")
    found = finding(CENTRAL, pod("a", 50), logs=sample(arrived=never))
    assert said(found) == "unknown NoData: Loki has had no line of any agent yet."


def test_one_pod_whose_lines_do_not_arrive_fails_all_and_pods_that_are_read_are_no_store() -> None:
    pods = [pod("a", 50), pod("b", 50)]
    assert finding(CENTRAL, *pods, logs=sample(arrived=(Arrived("a", 9, 9), Arrived("b", 0, 0)))).state == "fail"
    missing = finding(CENTRAL, *pods, logs=sample())
    assert said(missing) == "unknown SourceMissing: Lines are read of the pods, not of a central store."


def test_lines_that_are_kept_for_ever_refute_that_their_retention_is_set() -> None:
    forever = Retention("Loki keeps all lines forever: compactor.retention_enabled is false.", "http://loki/config")
    found = finding(RETENTION, logs=sample(retention=forever))
    assert (found.state, found.reason, found.message) == ("fail", "Refuted", forever.refuted)
    assert finding(RETENTION, logs=sample(retention=Retention("", ""))).reason == "AttestationMissing"


def test_lines_of_this_morning_prove_nothing_now() -> None:
    assert finding(STRUCTURED, now=NOW + 4 * HOUR, logs=sample()).reason == "Stale"


def test_lines_of_pods_alone_do_not_tell_whether_decisions_are_recorded() -> None:
    found = finding("security.authz.audit-logging-enabled", logs=sample())
    assert said(found) == "unknown NoData: Audit records of an hour were not counted: only Loki counts them."
