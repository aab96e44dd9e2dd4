"""The rules: each turns the figures of some measures into a verdict.

RULES maps a rule's name to (function, names of the measures whose figures it takes). A rule's
function returns whether the claim holds here, and a sentence with the figures.
"""

from tinyalign.notes.claims.rules import (
    answers,
    bandit_offline,
    bandit_online,
    compute,
    functions,
    groups,
    networks,
    paired_runs,
    stages,
)

# In the order in which the documentation lists them.
MODULES = (
    networks,
    stages,
    compute,
    groups,
    answers,
    functions,
    bandit_offline,
    bandit_online,
    paired_runs,
)
RULES = {name: rule for module in MODULES for name, rule in module.RULES.items()}
