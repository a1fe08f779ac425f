"""TLS records that say nothing are charged to who sends them, and do not hold up the loop."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import load_sources
from probes.contract import OwnIdentity, Reading, SourceContext, Target, TargetKey
from probes.readings.decision import OPAReading
from probes.readings.handshake import Handshake
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.sources.cpu_budget import TLS_BUDGET, CPUBudget
from probes.sources.names import Names
from probes.sources.tls.metered import OverspentError
from probes.sources.tls.records import Records
from tests.hostile.tls_records_attacks import a_byte_a_record, changing_keys
from tests.hostile.worst_turn import Watchman
from tests.servers.tls_servers import Talk, serve
from watcher.demo.authority import Authority

NOW = float(int(time.time()))
OURS = Authority("example.org", NOW)
MOST = 0.03


class NoIdentity:
    """What a watcher without an SVID has."""

    current: OwnIdentity | None = None
    confirmed = False


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    svid = OURS.issue("spiffe://example.org/a", not_before=NOW - 60, not_after=NOW + 3600, hosts=["127.0.0.1"])
    path = tmp_path / "both.pem"
    path.write_bytes(svid.key_pem + svid.chain_pem)
    return path


def looks(kind: str, talk: Talk, home: Path, count: int = 1, timeout: str = "20s") -> tuple[list[Reading], float]:
    """What so many looks at one such server tell, and the CPU of the longest turn of the loop."""
    found = next(each for each in load_sources() if each.name == kind)
    given = {"timeout": timeout} | ({} if kind == "handshake" else {"ca_file": str(OURS.write_bundle(home))})

    async def main(address: str) -> tuple[list[Reading], float]:
        context = SourceContext(NoIdentity(), time.monotonic, time.time, Names())
        source = found.open(found.settings.model_validate(given), context)
        url = f"https://{address}"
        target = Target(key=TargetKey("prod", "search", "search-0"), address=address, metrics=url, opa=url)
        watchman = Watchman()
        watchman.turn()
        readings = [await source.look(target, ()) for _ in range(count)]
        watchman.end()
        await source.close()
        return readings, watchman.worst

    with serve(talk) as address:
        return asyncio.run(main(address))


def test_a_page_whose_keys_change_without_an_end_is_too_much_and_asked_for_less_often(
    certificate: Path, tmp_path: Path
) -> None:
    (page, again), worst = looks("agent_metrics", changing_keys(certificate, tmp_path / "keys", 50_000), tmp_path, 2)
    assert isinstance(page, MetricsPage)
    assert (page.trouble, page.asked_in, again.asked) == (PageTrouble.TOO_LARGE, 2, False)
    assert "its TLS takes more than 80 ms of CPU. It is requested at one of 2 attempts." in page.error
    assert TLS_BUDGET < page.cpu < TLS_BUDGET + MOST
    assert worst < MOST


def test_a_page_in_records_of_one_byte_is_charged_to_who_sends_it(certificate: Path, tmp_path: Path) -> None:
    (page,), worst = looks("agent_metrics", a_byte_a_record(certificate), tmp_path, timeout="3s")
    assert 0.005 < page.cpu < TLS_BUDGET + MOST
    assert worst < MOST


def test_an_opa_whose_keys_change_without_an_end_is_cut_and_charged(certificate: Path, tmp_path: Path) -> None:
    (reading,), worst = looks("opa", changing_keys(certificate, tmp_path / "keys", 50_000), tmp_path)
    assert isinstance(reading, OPAReading)
    assert "is too much to read: its TLS takes more than 80 ms of CPU." in reading.error
    assert TLS_BUDGET < reading.cpu < TLS_BUDGET + MOST
    assert worst < MOST


def test_a_port_whose_keys_change_without_an_end_is_heard_for_two_hundred_records(
    certificate: Path, tmp_path: Path
) -> None:
    (reading,), worst = looks("handshake", changing_keys(certificate, tmp_path / "keys", 2400), tmp_path, timeout="3s")
    assert isinstance(reading, Handshake)
    assert reading.completed
    assert (reading.refusal, reading.ending) == ("", "200 TLS records came, and no end")
    assert 0 < reading.cpu < MOST
    assert worst < MOST


def test_tls_is_charged_to_the_budget_of_its_look() -> None:
    budget = CPUBudget(lambda: 0.0, 0.02)
    budget.took(0.015)
    with pytest.raises(OverspentError, match="its TLS takes more than 20 ms of CPU"):
        budget.took(0.01)
    assert budget.spent == pytest.approx(0.025)


def test_what_reading_used_up_is_not_called_the_cost_of_tls() -> None:
    moments = iter((0.0, 0.14))
    budget = CPUBudget(lambda: next(moments), 0.15)
    with budget:
        pass  # 140 ms
    with pytest.raises(OverspentError, match=r"^to read it takes more than 150 ms of CPU$"):
        budget.took(0.02)


@given(st.lists(st.binary(max_size=40), max_size=20), st.lists(st.integers(1, 30), max_size=60), st.integers(1, 9))
def test_records_are_counted_wherever_their_bytes_are_cut(bodies: list[bytes], cuts: Sequence[int], most: int) -> None:
    stream = b"".join(b"\x17\x03\x03" + len(body).to_bytes(2) + body for body in bodies)
    records, at = Records(), 0
    for cut in [*cuts, *[len(stream) + 1] * len(bodies)]:
        before, size = records.count, records.measure(stream[at : at + cut], most)
        assert size <= cut
        assert records.count - before <= most
        at += size
    assert (at, records.count) == (len(stream), len(bodies))
