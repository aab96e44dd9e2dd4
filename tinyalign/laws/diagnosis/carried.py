"""Into which of its constants a function lets a gradient flow: whoever calls it detaches them."""

import numpy as np

from tinyalign.laws.catalogue.conventions import DETACH
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes


def carried_sentence(subject):
    """That they have to be given without a gradient; "" where none flows."""
    if subject.conventions.get(DETACH.name) != "outside":
        return ""
    names = [_theirs(subject, i) for i in subject.spec.constants if _flows(subject, i)]
    if not names:
        return ""
    them = "it" if len(names) == 1 else "them"
    return (
        f"{' and '.join(names)} must be passed detached: a gradient flows into {them} "
        f"(--convention detach=inside asks that none does)."
    )


def _theirs(subject, index):
    """What the function calls one of our arrays."""
    name = subject.spec.arrays[index]
    return (subject.caller.binding.arrays or {}).get(name, name)


def _flows(subject, index):
    """Whether its autodiff gives a slope in this constant on one of three ordinary inputs."""
    if subject.spec.arrays[index] in subject.caller.substitutes:
        return False
    for x, p in fitted_probes(subject)[:3]:
        try:
            own = subject.own_grad(x, index, **p)
        except (Broken, NotApplicable, OutOfDomain):
            continue
        if own is not None and np.any(np.asarray(own) != 0):
            return True
    return False
