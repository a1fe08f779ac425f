"""An OPA that redirects is told where it points, and is not followed: the clients of agents follow nothing either."""

import asyncio

from probes.contract import SourceContext, Target, TargetKey
from probes.opa import PROBE, OPALimits
from probes.readings.decision import Actual, OPAReading
from probes.sources.names import Names
from probes.sources.opa import KIND, OPASettings
from tests.servers import metrics_pages as pages


class NoIdentity:
    """None is configured."""

    current = None
    confirmed = False


async def _moved(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[16:]) for line in head.split("\r\n") if line.startswith("Content-Length: ")), 0)
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 308 Moved\r\nLocation: https://opa.example.org/v1/data/x\r\nContent-Length: 0\r\n\r\n")


def test_where_an_opa_points_is_told() -> None:
    async def main() -> OPAReading:
        source = KIND.open(OPASettings(), SourceContext(NoIdentity(), lambda: 0.0, lambda: 0.0, Names()))
        async with pages.serving(_moved) as url:
            target = Target(key=TargetKey("prod", "search", "search-0"), opa=url, decision_path="x")
            reading = await source.look(target, PROBE.wants(OPALimits()))
        await source.close()
        assert isinstance(reading, OPAReading)
        return reading

    reading = asyncio.run(main())
    assert {answer.actual for answer in reading.answers} == {Actual.MALFORMED}
    assert {answer.reply.error for answer in reading.answers} == {
        "HTTP 308 is not a decision. It points to https://opa.example.org/v1/data/x."
    }
