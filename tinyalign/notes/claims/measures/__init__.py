"""Everything that is measured: MEASURES maps a name to its Measure."""

from tinyalign.notes.claims.measures import (
    answers,
    bandit_offline,
    bandit_online,
    compute,
    digits,
    functions,
    groups,
    networks,
)

# In the order in which the documentation and the file of figures list them.
MODULES = (
    networks,
    compute,
    groups,
    answers,
    functions,
    bandit_offline,
    bandit_online,
    digits,
)
MEASURES = {name: measure for module in MODULES for name, measure in module.MEASURES.items()}
