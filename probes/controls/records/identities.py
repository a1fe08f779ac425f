"""Whether two identities are those of one person, however they are written.

1. Of `Ann <ann@example.org>` the address counts, of `ann+ci@example.org` what stands before the `+`.
2. Forms that stand for one another are one (NFKC: full-width letters, ligatures), what cannot be seen is left out,
   runs of spaces are one space, and case does not count.
3. Letters of Cyrillic and Greek that look like Latin ones are those, small or capital.

That two names are two people is not known here: a signature, or who may write to the place of the record, tells that.
"""

import re
import unicodedata
from functools import lru_cache

_ADDRESS = re.compile(r".*<([^<>\s]+@[^<>\s]+)>\s*")
_TAG = re.compile(r"\+[^@]*(?=@)")
_SMALL = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0475\u043a"
    "\u043c\u0442\u0433\u043f\u03b9\u03bf\u03b1\u03c1\u03bd\u03ba\u03c4\u03c5\u03c7\u03b3\u03b7\u03f2"
    "\u03f3",
    "aeopcyxijshdqwvkmtrnioapvktuxyncj",
)
_CAPITAL = str.maketrans(
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u051c"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03f9",
    "ABESIJKMHOPCTYXWABEZHIKMNOPTYXC",
)
_UNSEEN = ("Cc", "Cf", "Mn")
"""Categories: controls, formats such as a zero-width space, and marks that no letter has taken up."""


def same_person(one: str, other: str) -> bool:
    """Whether these may be one."""
    return bool(_looks(one) & _looks(other))


def is_somebody(identity: str) -> bool:
    """Whether there is anything to be seen in it."""
    return "" not in _looks(identity)


@lru_cache(maxsize=4096)  # a team has few people, and a judge of records many records of them
def _looks(identity: str) -> frozenset[str]:
    """The same for all that one person may be written as: by small letters, and by capital ones."""
    text = unicodedata.normalize("NFKC", identity)
    seen = "".join(each for each in text if unicodedata.category(each) not in _UNSEEN or each.isspace())
    address = _ADDRESS.fullmatch(seen)
    words = " ".join((address[1] if address else seen).split()).removeprefix("@")
    plain = _TAG.sub("", words)
    small = plain.casefold()
    return frozenset({small.translate(_SMALL), small.upper().translate(_CAPITAL)})
