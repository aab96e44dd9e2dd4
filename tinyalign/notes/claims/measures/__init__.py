"""Everything that is measured, and every rule that turns figures into a verdict."""

from tinyalign.notes.claims.measures import (
    answers,
    balance,
    bandit_offline,
    bandit_online,
    contests,
    digits,
    effort,
    functions,
    groups,
    held,
)

COMMON = (held, effort, groups, answers, functions, balance, bandit_offline, bandit_online)
MEASURING, JUDGING = (*COMMON, digits), (*COMMON, contests)
MEASURES = {name: measure for part in MEASURING for name, measure in part.MEASURES.items()}
RULES = {name: rule for part in JUDGING for name, rule in part.RULES.items()}
