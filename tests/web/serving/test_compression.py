"""Pages and the API are zipped for whoever takes gzip, and for nobody else."""

from pathlib import Path

import pytest

from tests.web.fleet.made_fleet import CALM, MadeFleet


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> MadeFleet:
    made: Path = tmp_path_factory.mktemp("zipped")
    return MadeFleet(made, {f"prod/agent-{at}/pod": [CALM] for at in range(200)})


@pytest.mark.parametrize("path", ["/", "/api/v1/targets", "/runbooks/AgentWeaveSVIDExpired", "/style.css"])
@pytest.mark.parametrize(
    ("accept", "zipped"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False), ("gzip;q=x", False)],
)
def test_an_answer_is_zipped_where_that_is_accepted(fleet: MadeFleet, path: str, accept: str, zipped: bool) -> None:
    answer = fleet.get(path, **{"Accept-Encoding": accept})
    assert answer.status_code == 200
    assert (answer.headers.get("Content-Encoding") == "gzip") is zipped
    assert len(answer.text) > 1024, "httpx has unzipped it"


def test_a_zipped_page_is_far_smaller(fleet: MadeFleet) -> None:
    sizes = [
        int(fleet.get("/", **{"Accept-Encoding": accept}).headers["Content-Length"]) for accept in ("identity", "gzip")
    ]
    assert sizes[1] < sizes[0] / 5


def test_a_small_answer_is_not_worth_it(fleet: MadeFleet) -> None:
    assert "Content-Encoding" not in fleet.get("/api/v1/targets/prod/nobody", **{"Accept-Encoding": "gzip"}).headers
