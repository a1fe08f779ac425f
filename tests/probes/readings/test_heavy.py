"""Which readings are judged apart from others, because that may take long?"""

import pytest

from probes.contract import Reading
from probes.readings.decision import OPAReading
from probes.readings.handshake import Handshake


@pytest.mark.parametrize(
    ("kind", "cpu", "heavy"),
    [
        (OPAReading, 0.0, False),
        (OPAReading, 0.003, True),
        (Handshake, 0.003, False),  # the exchange of keys alone
        (Handshake, 0.03, True),
    ],
)
def test_what_took_long_to_read_is_heavy_but_an_ordinary_handshake_is_not(
    kind: type[Reading], cpu: float, heavy: bool
) -> None:
    assert kind(cpu=cpu).is_heavy is heavy
