"""Log-probabilities that are held away from 0 before anything is made of them."""

import numpy as np

from tinyalign.laws.diagnosis.their_name import their_name
from tinyalign.laws.reading.probes import fitted_probes, value_at

NEARER = [-(10.0**-k) for k in range(2, 13)]


def held_from_zero(subject, broken):
    """Averages that are clamped just below 0, where the slope ends."""
    bounds = {
        their_name(subject, name): _bound(subject, i)
        for i, name in enumerate(subject.spec.arrays)
        if name.endswith("avg_logp")
    }
    names = [n for n, bound in bounds.items() if bound is not None]
    if not names:
        return ""
    are = "is" if len(names) == 1 else "are"
    return (
        f"{' and '.join(names)} {are} clamped at {bounds[names[0]]:g}: nearer to 0 the value stays "
        f"and the slope is 0."
    )


def _bound(subject, i):
    """Where the value stops to move as this array comes nearer to 0; None where it never does."""
    x, p = fitted_probes(subject)[0]
    values = [
        value_at(subject, (*x[:i], np.full_like(x[i], near), *x[i + 1 :]), p) for near in NEARER
    ]
    if any(v is None or not np.all(np.isfinite(v)) for v in values):
        return None
    still = [near for near, v in zip(NEARER, values, strict=True) if np.array_equal(v, values[-1])]
    return still[0] if 3 <= len(still) < len(NEARER) - 1 else None
