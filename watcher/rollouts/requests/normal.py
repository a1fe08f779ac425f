"""Is what a new revision does normal? Shares of requests, compared with a baseline. Pure.

A plain test of two shares, looked at each minute, takes 43 to 61 % of healthy rollouts for bad where errors come in
clusters. So:
1. Requests are counted by the minute. How much more the minutes differ than chance would have it is the
   overdispersion; by it each variance is multiplied.
2. Worse is what is over 1.2 times the baseline and a tenth of a point: its lower bound is, with at least ten bad
   requests in at least three minutes, and in more than one pod where there are several.
3. Where the baseline is that of former days, their hours differ by more than chance: what they differ by counts too.
4. It is asked at fixed looks alone; an error of one in a thousand is shared out among them.
5. Normal is what is under the limit by its upper bound of 95 %. Between these nothing is decided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist
from typing import NamedTuple

TIMES, POINTS = 1.2, 0.001
"""How much worse than the baseline is still normal: so many times as much, and a tenth of a point more."""

LEAST_BAD, LEAST_MINUTES = 10, 3
"""Bad requests, and minutes that had some, of which a share can be said to be worse."""

LEAST_BASELINE = 100
"""Requests that a baseline must have."""

LOOKS = (5, 15, 30, 45)
"""Sixtieths of the short window after which is looked: minutes, for it is an hour."""

ERROR = 0.001
"""One-sided, of one line over all looks."""

LEAST_DAYS = 4
"""Former days that must be known: how much three differ says next to nothing."""

_MORE = 1.3
_Z = NormalDist().inv_cdf(1 - ERROR / len(LOOKS))
_Z95 = NormalDist().inv_cdf(0.95)


class Tally(NamedTuple):
    """Requests of some minutes: all that a comparison needs of them."""

    requests: float = 0.0
    bad: float = 0.0
    squares: float = 0.0  # of the bad ones of each minute, divided by its requests
    minutes: int = 0  # that had requests
    bad_minutes: int = 0  # that had bad ones

    @property
    def share(self) -> float:
        """Bad ones of all; 0 where there are none."""
        return self.bad / self.requests if self.requests else 0.0

    def plus(self, other: "Tally") -> "Tally":
        """Both together: of other minutes."""
        return Tally(
            self.requests + other.requests,
            self.bad + other.bad,
            self.squares + other.squares,
            self.minutes + other.minutes,
            self.bad_minutes + other.bad_minutes,
        )


def tally(minutes: Iterable[tuple[float, float]]) -> Tally:
    """Of (requests, bad ones) of each minute."""
    counted = [(requests, min(bad, requests)) for requests, bad in minutes if requests > 0]
    return Tally(
        sum(requests for requests, _ in counted),
        sum(bad for _, bad in counted),
        sum(bad * bad / requests for requests, bad in counted),
        len(counted),
        sum(bad > 0 for _, bad in counted),
    )


def overdispersion(counted: Tally) -> float:
    """How many times as much the minutes differ as chance would have it; at least 1."""
    if counted.minutes < 2 or not counted.requests:
        return 1.0
    share = max(counted.bad, 0.5) / counted.requests
    if share >= 1:
        return 1.0
    squares = counted.squares - 2 * share * counted.bad + share * share * counted.requests
    return max(1.0, squares / (share * (1 - share)) / (counted.minutes - 1))


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is compared with: one tally of the same time, or one for each former day."""

    days: tuple[Tally, ...]
    same_time: bool  # of pods of the revision before, in the same minutes

    @property
    def counted(self) -> Tally:
        """All of it together."""
        found = Tally()
        for each in self.days:
            found = found.plus(each)
        return found

    @property
    def is_enough(self) -> bool:
        """Whether anything can be compared with it."""
        days = [each for each in self.days if each.requests]
        enough = self.counted.requests >= LEAST_BASELINE
        return enough and (self.same_time or len(days) >= LEAST_DAYS)


class Compared(NamedTuple):
    """What a comparison says."""

    is_worse: bool
    is_normal: bool
    limit: float  # the share up to which it is normal
    smallest: float  # the smallest share that could have been seen to be worse; over 1 where none could


def compared(new: Tally, baseline: Baseline, *, pods: int, bad_pods: int, looks: int = len(LOOKS)) -> Compared:
    """What is to be said of `new`; `pods` have requests, `bad_pods` of them bad ones; `looks`: how many there are."""
    old = baseline.counted
    before = (old.bad + 0.5) / (old.requests + 1)
    limit = TIMES * before + POINTS
    spread = max(overdispersion(new), *map(overdispersion, baseline.days))
    if baseline.same_time:
        old_variance, times = spread * before * (1 - before) / max(old.requests, 1.0), _z(looks)
    else:
        old_variance, times = _between(baseline.days), _t(_z(looks), _days(baseline) - 1)
    test = _Test(new, limit, spread, TIMES * TIMES * old_variance, _z(looks), times)
    return test.said(pods, bad_pods)


def within(new: Tally, limit: float, *, pods: int, bad_pods: int, looks: int = len(LOOKS)) -> Compared:
    """The same of a limit that the config sets, where there is nothing to compare with."""
    return _Test(new, limit, overdispersion(new), 0.0, _z(looks), 0.0).said(pods, bad_pods)


@dataclass(frozen=True, slots=True)
class _Test:
    new: Tally
    limit: float
    spread: float
    old_variance: float  # of the limit
    z: float  # standard deviations of the new share
    old_z: float  # and of the limit

    def said(self, pods: int, bad_pods: int) -> Compared:
        if not self.new.requests:
            return Compared(is_worse=False, is_normal=False, limit=self.limit, smallest=inf)
        share = (self.new.bad + 0.5) / (self.new.requests + 1)
        many = self.new.bad >= LEAST_BAD and self.new.bad_minutes >= LEAST_MINUTES
        several = bad_pods > 1 or pods < 2
        worse = many and several and share - self._reach(share, self.z, self.old_z) > self.limit
        upper = min(1.0, (self.new.bad + _MORE) / (self.new.requests + 2))  # none of n may be up to 3 / n
        normal = upper + self._reach(upper, _Z95, _Z95 * self.old_z / self.z) < self.limit
        return Compared(worse, normal and not worse, self.limit, self._smallest())

    def _reach(self, share: float, z: float, old_z: float) -> float:
        """Between a share and its bound."""
        variance = self.spread * share * (1 - min(share, 1.0)) / self.new.requests
        return sqrt(max(0.0, z * z * variance) + old_z * old_z * self.old_variance)

    def _smallest(self) -> float:
        low, high = self.limit, 1.0
        if high - self._reach(high, self.z, self.old_z) <= self.limit:
            return inf
        for _ in range(30):
            middle = (low + high) / 2
            seen = middle - self._reach(middle, self.z, self.old_z) > self.limit
            low, high = (low, middle) if seen else (middle, high)
        return max(high, LEAST_BAD / self.new.requests)


def _z(looks: int) -> float:
    return _Z if looks == len(LOOKS) else NormalDist().inv_cdf(1 - ERROR / looks)


def _days(baseline: Baseline) -> int:
    return sum(1 for each in baseline.days if each.requests)


def _between(days: Sequence[Tally]) -> float:
    """The variance of the share of one more such hour around their mean."""
    shares = [each.share for each in days if each.requests]
    if len(shares) < 2:
        return inf
    mean = sum(shares) / len(shares)
    return sum((each - mean) ** 2 for each in shares) / (len(shares) - 1) * (1 + 1 / len(shares))


def _t(z: float, degrees: int) -> float:
    """The quantile of Student's distribution where the normal one has `z`: Cornish and Fisher's expansion."""
    if degrees < 1:
        return inf
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(degrees) ** power for power, term in enumerate(terms, start=1))
