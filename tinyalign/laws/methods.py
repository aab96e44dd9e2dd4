"""The table: every name that `--as` accepts, what it is called with, and its laws."""


from tinyalign.laws import pair_anchored, pair_dpo
from tinyalign.laws.domain import batches, betas, floats, logps
from tinyalign.laws.method import REDUCTION, Method, rows

PAIR = ("chosen_logp", "rejected_logp", "ref_chosen_logp", "ref_rejected_logp")
small = floats(0.0, 0.45)


def pair(name, laws, conventions=(), **numbers):
    """A pair loss with a reference; numbers are (strategy, default)."""
    return Method(
        name,
        "pair loss with a reference",
        PAIR,
        batches(*[logps] * 4),
        laws,
        {n: s for n, (s, _) in numbers.items()},
        {n: d for n, (_, d) in numbers.items()},
        cells=rows,
        conventions=(REDUCTION, *conventions),
    )


METHODS = [
    pair("dpo", pair_dpo.DPO, beta=(betas, 0.1)),
    pair("cdpo", pair_dpo.CDPO, beta=(betas, 0.1), flip=(small, 0.1)),
    pair("robust_dpo", pair_dpo.ROBUST, beta=(betas, 0.1), flip=(small, 0.1)),
    pair("hinge", pair_dpo.HINGE, beta=(betas, 0.1)),
    pair("dpop", pair_dpo.DPOP, beta=(betas, 0.3), lam=(floats(0.0, 60.0), 50.0)),
    pair("exo_pair", pair_dpo.EXO, beta=(betas, 0.1), eps=(floats(1e-6, 0.4), 1e-3)),
    pair("ipo", pair_anchored.IPO, tau=(betas, 0.1)),
    pair("sppo", pair_anchored.SPPO, beta=(betas, 0.001)),
    pair("apo_zero", pair_anchored.APO_ZERO, beta=(betas, 0.1)),
    pair("apo_down", pair_anchored.APO_DOWN, beta=(betas, 0.1)),
    pair("bco", pair_anchored.BCO, beta=(betas, 0.1), delta=(floats(-3.0, 3.0), 0.0)),
    pair("nca_pair", pair_anchored.NCA_PAIR, beta=(betas, 0.1)),
]
BY_NAME = {method.name: method for method in METHODS}
