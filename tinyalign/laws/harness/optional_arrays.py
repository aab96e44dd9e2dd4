"""Arrays that a sound loss may do without, and how it is judged all the same.

A loss that works an array out for itself is judged as if it had been given it: what it used is
taken back out, what the law gives is put in. A loss that fixes one is judged where it has that
value, and laws that move it are silent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True)
class Substitute:
    sentence: str
    value: float | None = None  # what the loss fixes it at
    correction: Callable | None = None  # arrays -> what the laws' array adds to the loss's own
    same_as: str = ""  # the array that it is equal to inside
    numbers: dict = field(default_factory=dict)  # those that are fixed without this array


ON_POLICY = {
    "old_logp": Substitute(
        "taken as the policy's own, without a gradient: judged at ratio 1 only", same_as="logp"
    )
}
SUBSTITUTES = {
    "orpo": {
        "chosen_nll": Substitute(
            "taken as -chosen_avg_logp", correction=lambda chosen, rejected, nll: nll + chosen
        )
    },
    "cpo": {"chosen_nll": Substitute("taken as 0: the likelihood is added elsewhere", value=0.0)},
    "gae": {"mask": Substitute("taken as ones: every token counts", value=1.0)},
    "clipped_surrogate": ON_POLICY,
    "dual_clipped_surrogate": ON_POLICY,
    "truncated_importance": ON_POLICY,
    "whiten": {"mask": Substitute("taken as ones: every number counts", value=1.0)},
    "value_loss": {"old_value": Substitute("no value is clipped", numbers={"clip": inf})},
    "kto": {"z0": Substitute("taken as fixed at 0", value=0.0)},
}
