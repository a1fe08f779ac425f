"""Which keys of somebody's file may be told? A secret that was pasted at the wrong place is a key too."""

import re

NOT_SHOWN = "<not shown>"

_LONGEST = 64
"""Characters of a key."""

_FORM = re.compile(r"[._]?[A-Za-z][A-Za-z0-9._/-]*")
_MERGE = "<<"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""The words of `idleTimeoutSeconds` and of `IDLE_TIMEOUT`."""

_DIGITS = re.compile(r"[0-9]+")
_LONGEST_WORD, _LONGEST_CAPITALS, _MOST_DIGITS = 20, 12, 4
_MANY_WORDS, _LETTERS_A_WORD = 4, 3.0
"""What many words have at least on average: those of a random text have two."""

_OF_A_TOKEN = re.compile(
    r"gh[pousr]_|github_pat|glpat-|xox[a-z]-|AKIA|ASIA|AIza|eyJ|pypi-Ag|dop_v1|AGE-SECRET|\bSG\.|"
    r"(?<![A-Za-z])(?:sk|rk|pk|hf|npm|hv[sbr])[_.-]"
)
"""How known kinds of tokens begin."""


def told_key(key: str) -> str:
    """The key where it is made of words, as keys are; else that it is not shown."""
    ordinary = len(key) <= _LONGEST and _FORM.fullmatch(key) is not None and _of_words(key)
    return key if ordinary or key == _MERGE else NOT_SHOWN


def _of_words(key: str) -> bool:
    words, digits = _WORD.findall(key), _DIGITS.findall(key)
    letters = sum(map(len, words))
    return (
        not _OF_A_TOKEN.search(key)
        and all(len(each) <= (_LONGEST_CAPITALS if each.isupper() else _LONGEST_WORD) for each in words)
        and len(digits) <= 1
        and all(len(each) <= _MOST_DIGITS for each in digits)
        and (len(words) < _MANY_WORDS or letters >= _LETTERS_A_WORD * len(words))
    )
