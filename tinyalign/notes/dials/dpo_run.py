"""Page 08: a run of DPO step by step, towards the optimum that was known before it began."""

import functools

import autograd.numpy as np

from tinyalign.losses import dpo
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points
from tinyalign.notes.lesson import minimise
from tinyalign.optimum import bradley_terry_preference, kl, optimal_policy

NAMES, STEPS = ("A", "B", "C", "D"), 160
REF, REWARD = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 1.0, 2.0, 1.5])
TRY = """
import autograd.numpy as np
from tinyalign.notes.dials.dpo_run import REF, REWARD, run
from tinyalign.optimum import expectation, kl, optimal_policy
policy = run(<β>)[<step>]  # `run` is 14 lines of this module
print("KL to the optimum", kl(policy, optimal_policy(REF, REWARD, beta=<β>)))
print("KL to the reference", kl(policy, REF), "reward", expectation(policy, REWARD))
"""


@functools.cache
def run(beta):
    """DPO on all pairs of four answers, labelled by Bradley and Terry: the policy at every step."""
    chosen, rejected = np.indices((4, 4)).reshape(2, -1)
    share = (REF[:, None] * REF * bradley_terry_preference(REWARD)).reshape(-1)
    ref_logp = np.log(REF)

    def loss(params):
        logp = log_softmax(params["logits"])
        four = logp[chosen], logp[rejected], ref_logp[chosen], ref_logp[rejected]
        return np.sum(share * dpo(*four, beta=beta))

    start = {"logits": ref_logp.copy()}
    record = lambda params: softmax(params["logits"])  # noqa: E731
    return minimise(loss, start, steps=STEPS, learning_rate=0.1, record=record)[1]


def frame(beta, step):
    """Reference, policy and optimum after so many steps."""
    policies, best = run(beta), optimal_policy(REF, REWARD, beta=beta)
    every = list(range(0, STEPS + 1, 4))
    curve = [kl(policies[at], best) for at in every]
    policy = policies[step]
    left = kl(policy, best)
    panels = [
        Panel("Four answers", "answer (rewards 0, 1, 2, 1.5)", "probability",
              [Bars("reference", REF), Bars("policy", policy), Bars("optimum", best)], NAMES),
        Panel("What is left", "step", "KL to the optimum, nats",
              [Line("the run", every, curve), Points("this step", [step], [left])]),
    ]  # fmt: skip
    earned = np.sum(policy * REWARD)
    return Frame(panels, {"KL to the optimum": left, "KL to the reference": kl(policy, REF),
                          "reward": earned})  # fmt: skip
