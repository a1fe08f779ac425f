"""What the probe `breaker` says, to the word."""

from collections.abc import Sequence

import pytest

from probes.breaker import PROBE
from probes.breaker.transitions import BreakerLimits
from tests.probes.breakers import FLAPPING, OPEN
from tests.probes.judged import Judged

STATE = "agentweave_circuit_breaker_state"
INDEX = STATE + '{callee="index"} '
ALL = STATE + " "
ABSENT = f"The metrics endpoint has no {STATE}."
NO_STATE = f"{STATE} says a state that is none of closed, open, half_open"
OVERFULL = "\n".join(f'{STATE}{{callee="c{number}"}} 0' for number in range(1001))

Looks = Sequence[tuple[float, str]]  # seconds and what the page says


def looked(looks: Looks, *, once: bool = False) -> Judged:
    judged = Judged(PROBE, BreakerLimits(), once=once)
    for at, text in looks:
        judged.read(at, text)
    return judged


FLAPS = [(at, INDEX + str(at // 30 % 2)) for at in range(0, 900, 30)]


@pytest.mark.parametrize(
    ("condition", "looks", "sentence"),
    [
        (OPEN, [(0, INDEX + "1"), (61, INDEX + "1")], "The circuit breaker for index is open, not closed for 1m1s."),
        (
            OPEN,
            [(0, ALL + "1"), (600, ALL + "2")],
            "The circuit breaker for all calls is half_open, not closed for 10m0s.",
        ),
        (OPEN, [(0, INDEX + "1")], "The circuit breaker for index is open; since when is not known yet."),
        (OPEN, [(0, ALL + "2")], "The circuit breaker for all calls is half_open; since when is not known yet."),
        (FLAPPING, FLAPS[:10], "Opened at least 5 times within 30m0s."),
        (FLAPPING, FLAPS, "Opened at least 5 times within 30m0s."),
        (OPEN, [(0, "")], ABSENT),
        (FLAPPING, [(0, "")], ABSENT),
        (OPEN, [(0, INDEX + "7")], NO_STATE),
        (FLAPPING, [(0, INDEX + "7")], NO_STATE),
        (OPEN, [(0, INDEX + "NaN")], f"{STATE} is nan"),
        (OPEN, [(0, OVERFULL)], f"1001 subjects in {STATE}, at most 1000 are judged"),
    ],
)
def test_every_verdict_says_exactly_this(condition: str, looks: Looks, sentence: str) -> None:
    assert looked(looks).message(condition) == sentence


def test_a_single_check_says_that_it_cannot_tell_since_when() -> None:
    told = looked([(0, INDEX + "1")], once=True).message(OPEN)
    assert told == "The circuit breaker for index is open; since when is not known yet."


@pytest.mark.parametrize(("text", "subject"), [(INDEX, "index: "), (ALL, "")])
def test_a_closed_breaker_is_said_to_be_well_by_name(text: str, subject: str) -> None:
    told = looked([(at, text + "0") for at in range(0, 1830, 30)]).messages()
    assert told == [subject + kind.all_clear for kind in PROBE.conditions]
