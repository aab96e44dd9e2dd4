"""Functions that the tests of the laws judge: those of tinyalign, and a wrong one."""

import numpy as np

from tinyalign import optimum
from tinyalign.losses import (
    advantage,
    aggregate,
    baselines,
    distillation,
    divergence,
    f_dpo,
    off_policy,
    policy_gradient,
    preference,
    ranking,
    reference_free,
    self_weighted,
    supervised,
    trust_region,
    turns,
)

OURS = (
    preference, supervised, ranking, distillation, divergence, advantage, policy_gradient,
    aggregate, baselines, f_dpo, off_policy, reference_free, self_weighted, trust_region, turns,
    optimum,
)  # fmt: skip
NOT_A_FUNCTION_OF_OURS = {"nca_pair", "token_logp", "sequence_logp"}  # other people's, or models


def find(modules, name):
    """The function of this name in the first module that has one, or None."""
    return next((getattr(m, name) for m in modules if hasattr(m, name)), None)


def wrong(chosen, rejected, ref_chosen, ref_rejected, *, beta):
    """DPO with the reference added."""
    return np.logaddexp(0, -beta * (chosen + ref_chosen - rejected - ref_rejected))
