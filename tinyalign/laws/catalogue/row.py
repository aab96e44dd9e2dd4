"""How a row of the table is written: its arrays, its numbers with their ranges, its shape."""

from dataclasses import replace

import numpy as np

from tinyalign.laws.catalogue import conventions as choice
from tinyalign.laws.catalogue.domain import floats
from tinyalign.laws.harness.spec import Spec, rows

# ranges in which a law is about the loss and not about rounding
small, weights = floats(0.0, 0.45), floats(0.1, 3.0)
gammas, alphas = floats(-3.0, 3.0), floats(0.0, 3.0)
tiny = floats(1e-8, 1e-4)
clips, clip_lows = floats(0.05, 3.0), floats(0.05, 0.9)
REF, FREE = "pair loss with a reference", "pair loss without a reference"
KL, PG, ADV, AGG = "KL estimator", "surrogate, value, entropy", "advantage", "aggregation"
PAIR = "chosen_logp rejected_logp ref_chosen_logp ref_rejected_logp"
AVG, LP = "chosen_avg_logp rejected_avg_logp", "logp ref_logp"
NEEDED = object()  # in place of a default: the function must take it, or it must be declared


def spec(name, kind, arrays, draw, laws, *more, **numbers):
    """One row; numbers are name=(strategy, default), `more` are conventions."""
    return Spec(
        name,
        kind,
        tuple(arrays.split()),
        draw,
        laws,
        {n: s for n, (s, _) in numbers.items()},
        {n: d for n, (_, d) in numbers.items() if d is not NEEDED},
        conventions=more,
    )


def per_example(rows_of, shape=lambda *a: np.shape(a[0])[:1], cells=rows):
    """Rows whose batch is a pile of independent examples; they may be reduced by the function."""
    # REDUCTION comes first: it is the convention people most often mean
    reduced = [replace(m, conventions=(choice.REDUCTION, *m.conventions)) for m in rows_of]
    return with_shape(shape, *reduced, cells=cells)


def with_shape(shape, *rows_of, cells=None):
    return [replace(m, shape=shape, cells=cells) for m in rows_of]


def one_number(*arrays):
    return ()


def like_first(*arrays):
    return np.shape(arrays[0])


def without_last_axis(*arrays):
    return np.shape(arrays[0])[:-1]
