"""What became of pods that were asked to end, some seconds later: were they still sent requests, and took they any?"""

from enum import StrEnum
from typing import NamedTuple

AFTER = 5.0
"""Seconds from when a pod was asked to end until it is looked at."""


class Routed(NamedTuple):
    """What EndpointSlices said of a pod then, which they had named before."""

    pod: str
    asked_at: float  # Unix seconds: when it was asked to end
    serving: bool  # one of them still said that it serves


class Took(StrEnum):
    """What a pod took then."""

    NOTHING = "nothing"  # it refused the connection
    ENDED = "nothing, for it had ended"  # so it was not tried
    REQUEST = "a request"
    NEITHER = "neither"  # a connection, or a part of one, and no request
    SILENCE = "silence"  # nobody answered, which may be the network's doing


class LastTry(NamedTuple):
    """A connection to a pod that was tried then, once."""

    pod: str
    asked_at: float  # Unix seconds: when it was asked to end
    tried_at: float  # Unix seconds
    took: Took
    why: str = ""  # of NEITHER and SILENCE, a sentence
