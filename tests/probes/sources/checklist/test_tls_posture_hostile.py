"""What hostile ports do to a round of `tls_posture`: they cost themselves a verdict, and nobody else anything."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from probes.contract import TargetKey
from probes.contract.target import DeclaredPort
from probes.controls.judges.tls_posture.strangers import certificate_required, certificates_verified
from probes.controls.judges.tls_posture.versions import only_tls13, strong_suites
from probes.controls.judging import Says
from probes.readings.tls_posture import InClear, Outcome, Refusal, TLSPosture
from probes.sources.tls.first_bytes import Heard
from probes.sources.tls.posture.hello import ServerSaid, client_hello, is_enough, read_answer
from probes.sources.tls.posture.limits import EnoughError, RoundLimits
from probes.sources.tls.posture.suites import STRONG, WEAK
from probes.sources.tls.posture.told import told_by_hello, told_in_clear
from tests.hostile.tls_attacks import Certificates
from tests.probes.sources.checklist.postures import (
    LOOPS,
    OURS,
    SVID,
    WATCHER,
    LoopFactory,
    Pauses,
    Provider,
    identity,
    look,
    source,
    target,
)
from tests.repository import ROOT
from tests.servers.tls_servers import Talk, hear, leave, reset, say, serve, speak_tls, tls_context, when_spoken_to
from watcher.demo.authority import Svid

_ALERTS = [
    0,
    10,
    20,
    21,
    22,
    40,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    51,
    70,
    71,
    80,
    86,
    90,
    109,
    110,
    112,
    115,
    116,
    120,
]


def _alert(level: int, number: int) -> bytes:
    return b"\x15\x03\x03\x00\x02" + bytes([level, number])


@pytest.mark.parametrize("number", _ALERTS)
def test_an_alert_of_any_kind_to_each_hello_never_makes_a_pass(number: int) -> None:
    with serve(when_spoken_to(say(_alert(2, number)))) as address:
        reading = look(address, hostile=True)
    outcomes = {each.outcome for each in (reading.own, reading.tls12, reading.without) if each}
    assert outcomes == {Outcome.REFUSED}
    assert reading.own is not None
    assert reading.own.refusal in (Refusal.ALERT, Refusal.VERSION, Refusal.CLOSED)
    assert not reading.weak


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("talk", "how"),
    [
        (hear, "silence in the middle of the handshake"),
        (when_spoken_to(reset), "the connection was reset, by the server or on the way"),
        (when_spoken_to(say(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", then=hear)), "silence"),
        (when_spoken_to(say(b"\x16\x03\x03\x00\x05garbage")), "what came is not understood"),
    ],
    ids=["silent", "RST", "half a ServerHello", "garbage"],
)
def test_silence_a_reset_and_noise_are_no_evidence(talk: Talk, how: str, loop: LoopFactory) -> None:
    with serve(talk) as address:
        reading = look(address, hostile=True, patience=0.3, loop=loop)
    tried = [each for each in (reading.own, reading.tls12, reading.without, reading.foreign, reading.forged) if each]
    assert tried
    assert {each.outcome for each in tried} == {Outcome.UNANSWERED}
    assert all(each.how.startswith(how) for each in tried)


def test_a_port_that_never_closes_is_given_up_after_a_few_attempts() -> None:
    began = time.monotonic()
    with serve(hear) as address:
        reading = look(target(address, [DeclaredPort(1, "agent")]), patience=0.3, hostile=True)
    assert time.monotonic() - began < 3
    assert reading.error == f"{address} was not tried in full. {reading.left_out}"
    assert reading.left_out == "4 attempts got no answer, so not all was tried."
    assert reading.forged is None
    assert reading.ports[-1].answer is InClear.LEFT_OUT


@contextmanager
def attackers(home: Path) -> Iterator[list[str]]:
    """Every attack on those who speak TLS, each at its own `host:port`, in a process that is not charged to us."""
    command = [sys.executable, "-m", "tests.hostile.attackers", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield [each["address"] for each in json.loads(process.stdout.readline()) if "address" in each]
        finally:
            process.kill()


@pytest.mark.usefixtures("no_garbage")
def test_hostile_ports_cost_little_and_keep_nobody_out(tmp_path: Path) -> None:
    async def rounds(addresses: list[str]) -> list[TLSPosture]:
        tried = source(hostile=True, patience=0.5)
        pods = [target(each, key=TargetKey("evil", f"tls-{n}", "a")) for n, each in enumerate(addresses)]
        found = await asyncio.gather(*[tried.look(pod, ()) for pod in pods])
        return [each for each in found if isinstance(each, TLSPosture)]

    with attackers(tmp_path) as addresses:
        began, cpu = time.monotonic(), time.thread_time()
        readings = asyncio.run(rounds(addresses))
        took, spent = time.monotonic() - began, time.thread_time() - cpu
    assert len(readings) == len(addresses) > 20
    assert took < 60
    assert spent < 0.1 * len(readings)
    assert max(each.cpu for each in readings) < 0.2
    for each in readings:
        assert {certificate_required(each).says, certificates_verified(each).says} <= {Says.BAD, Says.UNCLEAR}


def test_a_server_of_endless_tickets_is_no_refusal(tmp_path: Path) -> None:
    certificate = Certificates(tmp_path, OURS).plain()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.num_tickets = 65_535

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True):
            time.sleep(1)

    with serve(talk) as address:
        reading = look(address)
    assert reading.own is not None
    assert reading.own.outcome is Outcome.UNANSWERED
    assert reading.own.how.startswith("what came is not understood: ")


def test_a_round_ends_when_its_ports_took_too_much_cpu() -> None:
    async def main() -> str:
        async def turn() -> float:
            return 0.0

        round_limits = RoundLimits(turn, 45.0)
        await round_limits.start()
        round_limits.ended(cpu=0.06)
        with pytest.raises(EnoughError) as enough:
            await round_limits.start()
        return str(enough.value)

    assert asyncio.run(main()) == "What its ports sent took 60 ms of CPU, so not all was tried."


def test_a_round_ends_after_its_time_but_not_for_other_pods() -> None:
    waits = iter([100.0, 100.0, 0.0])

    async def main() -> list[str]:
        async def turn() -> float:
            return next(waits)

        round_limits, told = RoundLimits(turn, 0.05), list[str]()
        await round_limits.start()
        await round_limits.start()
        round_limits._ends = asyncio.get_running_loop().time()
        with pytest.raises(EnoughError) as enough:
            await round_limits.start()
        told.append(str(enough.value))
        return told

    assert asyncio.run(main()) == ["Attempts took longer than 50ms, so not all was tried."]


def test_a_reset_or_a_close_that_was_chance_is_asked_again() -> None:
    context, visits = tls_context(SVID), list[int]()

    def once(then: Callable[[socket.socket], None]) -> Talk:
        def talk(connection: socket.socket) -> None:
            visits.append(1)
            if len(visits) == 1:
                connection.recv(65536)
                then(connection)
            else:
                speak_tls(context)(connection)

        return talk

    for then in (leave, reset):
        visits.clear()
        with serve(once(then)) as address:
            reading = look(address)
        assert reading.own is not None
        assert reading.own.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("newest", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
@pytest.mark.parametrize("answered", range(1, 8))
@pytest.mark.parametrize("svid", [WATCHER, None], ids=["SVID", "no SVID"])
def test_a_server_that_shuts_itself_off_during_a_round_never_looks_stricter(
    answered: int, newest: int, svid: Svid | None
) -> None:
    context, visits = tls_context(SVID, newest=newest), list[int]()

    def talk(connection: socket.socket) -> None:
        visits.append(1)
        if len(visits) <= answered:
            speak_tls(context)(connection)
        else:
            when_spoken_to(leave)(connection)

    with serve(talk) as address:
        reading = look(address, Provider(identity(svid)), hostile=True, patience=0.3)
    said = [only_tls13(reading), strong_suites(reading), certificate_required(reading), certificates_verified(reading)]
    assert Says.GOOD not in {each.says for each in said}


@pytest.mark.parametrize("newest", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
@pytest.mark.parametrize("records", range(1, 6))
def test_who_is_cut_off_before_the_certificate_is_shown_was_not_refused(records: int, newest: int) -> None:
    """The server asks for a certificate, answers whoever has one, and cuts off others after so many records."""
    strict = tls_context(SVID, client_ca=OURS.certificate, newest=newest)
    known = {SSL.TLS1_2_VERSION: 2, SSL.TLS1_3_VERSION: 1}[newest]  # attempts up to the one that is answered
    visits = list[int]()

    def talk(connection: socket.socket) -> None:
        visits.append(1)
        speak_tls(strict, records=None if len(visits) <= known else records, then=leave)(connection)

    with serve(talk) as address:
        reading = look(address, hostile=True, patience=0.3)
    assert Outcome.ANSWERED in {each.outcome for each in (reading.own, reading.tls12) if each}
    tried = [each for each in (reading.without, reading.foreign, reading.forged) if each]
    assert tried
    for each, says in ((reading.without, certificate_required), (reading.forged, certificates_verified)):
        if each is not None and each.outcome is Outcome.REFUSED:
            assert each.shown == (says(reading).says is Says.GOOD)
    assert newest == SSL.TLS1_2_VERSION or not any(each.shown for each in tried if not each.completed)


def test_many_rounds_at_once_wait_for_one_another_only_at_one_agent() -> None:
    pauses = Pauses()

    async def main(address: str) -> None:
        tried = source(pauses=pauses)
        pods = [target(address, key=target(address).key._replace(pod=f"search-{number}")) for number in range(3)]
        await asyncio.gather(*[tried.look(pod, ()) for pod in pods])

    with serve(speak_tls(tls_context(SVID))) as address:
        asyncio.run(main(address))
    assert sum(pauses.taken) > 0


@given(st.binary(max_size=200))
def test_whatever_a_server_says_to_a_hello_is_read_without_an_error(data: bytes) -> None:
    said = read_answer(data)
    told = told_by_hello(said, Heard(data, None))
    assert (told.outcome is Outcome.REFUSED) == (said.suite is None and (bool(said.alert) or not data))
    assert told_in_clear(Heard(data, None))[0] in InClear
    if data:
        assert is_enough(data) in (True, False)


@given(st.lists(st.integers(1, 60), max_size=6), st.integers(0, 0xFFFF), st.binary(max_size=32))
def test_a_server_hello_is_read_however_it_is_cut_into_records(cuts: list[int], suite: int, session: bytes) -> None:
    body = b"\x03\x03" + bytes(32) + bytes([len(session)]) + session + suite.to_bytes(2) + b"\x00"
    message = b"\x02" + len(body).to_bytes(3) + body + b"\x0b\x00\x00\x01\x00"
    records = _alert(1, 112)
    for cut in [*cuts, len(message)]:
        part, message = message[:cut], message[cut:]
        records += b"\x16\x03\x03" + len(part).to_bytes(2) + part
    assert read_answer(records) == ServerSaid(suite, "TLSv1.2")
    assert is_enough(records)


@given(st.integers(0, 255))
def test_a_fatal_alert_ends_an_offer_and_a_warning_does_not(number: int) -> None:
    assert read_answer(_alert(2, number)).alert
    assert bool(read_answer(_alert(1, number)).alert) == (number == 0)


def test_a_hello_offers_what_it_is_told_to_and_names_the_server() -> None:
    hello = client_hello((0x0005, 0xC02B), b"search.prod")
    assert hello[:3] == b"\x16\x03\x01"
    assert int.from_bytes(hello[3:5]) == len(hello) - 5
    assert b"\x00\x06\x00\x05\xc0\x2b\x00\xff" in hello
    assert b"search.prod" in hello
    assert b"search.prod" not in client_hello((0x0005,), None)


def test_no_suite_is_in_two_groups_and_the_groups_are_those_of_the_checklist() -> None:
    assert list(WEAK) == ["NULL", "anonymous", "export", "RC4", "3DES", "static keys", "CBC"]
    numbers = [*STRONG, *(number for group in WEAK.values() for number in group)]
    assert len(numbers) == len(set(numbers)) == 171


def test_each_suite_that_openssl_knows_is_offered_and_called_by_its_name() -> None:
    command = ["openssl", "ciphers", "-V", "ALL:COMPLEMENTOFALL:eNULL:!PSK:!SRP:@SECLEVEL=0"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    known = {int(number.replace("0x", "").replace(",", ""), 16): name for number, _, name, *_ in map(str.split, lines)}
    weak = {number: name for group in WEAK.values() for number, name in group.items()}
    older = {number: name for number, name in known.items() if not name.startswith("TLS_")}
    assert len(older) > 80
    strong = {number for number, name in older.items() if any(mode in name for mode in ("GCM", "CHACHA20", "CCM"))}
    strong = {number for number in strong if older[number].startswith(("ECDHE", "DHE"))}
    assert strong <= set(STRONG)
    assert {number: name for number, name in older.items() if number not in strong}.items() <= weak.items()
