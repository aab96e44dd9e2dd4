"""Constants that may hang on what is trained, and into which a function lets a gradient flow."""

import numpy as np

from tinyalign.laws.catalogue.conventions import DETACH
from tinyalign.laws.diagnosis.their_name import their_name
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes

# worked out from the policy at every step; old log-probs, references and advantages are mostly data
OF_THE_POLICY = ("z0",)


def carried_sentence(subject):
    """What the caller has to detach; "" where no gradient flows, or where it is mostly data."""
    spec, outside = subject.spec, subject.conventions.get(DETACH.name) == "outside"
    flowing = [spec.arrays[i] for i in spec.constants if outside and _flows(subject, i)]
    if 0 in spec.constants:  # what it gives is a constant itself
        names = " and ".join(their_name(subject, a) for a in flowing)
        said = f"A gradient flows through the result into {names}"
        return f"{said}: detach the result before the loss." if names else ""
    names = [their_name(subject, a) for a in flowing if a in OF_THE_POLICY]
    return "".join(
        f"A gradient flows into {n}: pass {n} detached (--convention detach=inside asks that the "
        f"function detaches {n})."
        for n in names
    )


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
