"""How often do people go through the checklist of the whole fleet?"""

from typing import Annotated

from pydantic import AfterValidator

from probes.contract import Seconds, say_duration

LONGEST_REVIEW = 90 * 86400.0
"""Seconds from one review of the fleet to the next: a record of it holds no longer."""

REVIEW_WORDS = "how often people review the checklist of the fleet, at most 90d: by a record of criteria.reviewed"


def _review(seconds: float) -> float:
    if not 86400.0 <= seconds <= LONGEST_REVIEW:
        raise ValueError(f"expected a duration from 1d to 90d, got {say_duration(seconds)}")
    return seconds


ReviewEvery = Annotated[Seconds, AfterValidator(_review)]
