"""Are there secrets in the config? Told by rule and place, never by value."""

from collections.abc import Iterator
from itertools import islice

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence.agent_config import KeyPath
from probes.controls.judges.agent_config.case import ConfigCase, config_judge
from probes.controls.judges.agent_config.shown import key_name
from probes.controls.judges.effective_keys import CONFIG
from probes.controls.judges.secret_texts.documents import doubts_of
from probes.controls.judges.secret_texts.rules import secret_rule
from probes.controls.judges.texts import keys_of, texts_of
from probes.controls.judging import Says, Statement

_MOST = 50
"""Secrets that are told of one file."""


@config_judge("security.secrets.none-in-config")
def none_in_config(case: ConfigCase) -> Iterator[Statement]:
    """Whether no text of the file matches a rule for secrets."""
    document = case.found.value.document
    texts = list(texts_of(document))
    rules = {place: rule for place, text in texts if (rule := secret_rule(text))}
    rules |= {place: rule for place in keys_of(document) if (rule := secret_rule(str(place[-1])))}
    for place, rule in list(rules.items())[:_MOST]:
        yield _said(case, place, f"{key_name(place)} matches the rule {rule}.", Says.BAD)
    doubts = list(islice(((place, why) for place, why in doubts_of(document) if place not in rules), _MOST))
    for place, why in doubts:
        yield _said(case, place, f"{key_name(place)} may be a secret: {why}. People must look.", Says.UNCLEAR)
    if not rules and not doubts:
        said = f"{len(texts)} texts were read, and none matches a rule for secrets."
        yield Statement(CONFIG, Says.GOOD, said, case.place(""))


def _said(case: ConfigCase, place: KeyPath, message: str, says: Says) -> Statement:
    line = case.found.value.line_at(place)
    reason = UnknownReason.NO_POLICY if says is Says.UNCLEAR else None
    return Statement(CONFIG, says, message, f"{case.found.ref}:{line}" if line else case.found.ref, reason=reason)
