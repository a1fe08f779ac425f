"""What a place of logs gives: counts, and where the lines were."""

from typing import NamedTuple

from probes.controls.evidence import LogSample


class Sampled(NamedTuple):
    """One sample."""

    value: LogSample
    ref: str  # `pod/prod/search-0 container agent`
