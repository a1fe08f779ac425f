"""A real daemon hears small servers after the APIs of Loki and Jaeger: what they say is in findings and metrics."""

from pathlib import Path

from tests.checklist.live.logs.test_loki import answered
from tests.checklist.live.test_live_daemon import _await, _finding
from tests.checklist.live.traces.test_traces import SPIFFE_ID, of_jaeger
from tests.servers.answering import Asked, json_answer, run_answering
from tests.servers.daemon import run_daemon
from tests.servers.watched_fleet import run_fleet


def test_logs_and_traces_decide_controls_and_their_places_are_up(tmp_path: Path) -> None:
    spans = [("SPAN_KIND_SERVER", SPIFFE_ID, False)]

    def loki(asked: Asked) -> tuple[int, bytes]:
        return answered(asked, 150, {})

    with (
        run_answering(loki) as logs,
        run_answering(lambda _: json_answer(of_jaeger(spans, 6))) as traces,
        run_fleet(tmp_path, "search", with_opa=False) as fleet,
    ):
        checklist = {"logs": {"kind": "loki", "url": logs.url}, "traces": {"kind": "jaeger", "url": traces.url}}
        with run_daemon(tmp_path, fleet.config(checklist=checklist)) as daemon:
            structured = _await(daemon, "observability.logging.structured", "pass")
            assert structured["message"] == "100% of 150 lines are JSON objects."
            assert structured["assurance"] == "observed"
            ids = _await(daemon, "observability.tracing.spiffe-ids", "pass")
            assert ids["message"] == "6 of 6 sampled spans have an attribute that is a SPIFFE ID."
            assert _finding(daemon, "observability.tracing.exported")["state"] == "pass"
            assert _finding(daemon, "documentation.operational.troubleshooting-guide")["reason"] == "AttestationMissing"
            page = daemon.get("/metrics").text
            up = [each for each in page.splitlines() if each.startswith("agentweave_watcher_evidence_source_up{")]
            assert [each.split()[-1] for each in up if "logs" in each or "traces" in each] == ["1.0", "1.0"], up
            assert len(logs.asked) <= 4
