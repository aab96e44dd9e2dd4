"""Each method that learns from pairs or triples, through its own stage, to its own optimum.

On a bandit of two prompts and four arms every step sees all examples, so that the stage ends where
the objective of the examples drawn is lowest. That place is found a second time by Newton's method
on losses written out here. A run of 300 steps of Adam in single precision, its learning rate
falling to 0, ends within 0.003 of it in every probability.
"""

import autograd.numpy as np
import pytest
from optima import (
    ARMS,
    BETA,
    CONTEXTS,
    DRAWN,
    EASY,
    NEAR,
    REWARD,
    assert_same_policy,
    descend,
    examples,
    inverse,
    log_policy,
    log_softmax,
    plus,
    setting,
    settle,
    sigma,
    trained,
    whole,
)

__all__ = ["examples"]  # a fixture


def odds(logp):
    return logp - np.log(1 - np.exp(logp))


def exo(c, r, rc, rr):
    """KL(σ(z), 1 − σ(z) ‖ 0.999, 0.001)."""
    z = 3.0 * (c - rc - r + rr)
    return sigma(z) * (-plus(-z) - np.log(0.999)) + sigma(-z) * (-plus(z) - np.log(0.001))


PAIRS = {  # loss of a pair from log π of chosen and rejected, and log π_ref of both
    "dpo": lambda c, r, rc, rr: plus(-BETA * (c - rc - r + rr)),
    "cdpo": lambda c, r, rc, rr: (
        0.9 * plus(-BETA * (c - rc - r + rr)) + 0.1 * plus(BETA * (c - rc - r + rr))
    ),
    "robust_dpo": lambda c, r, rc, rr: (
        0.9 * plus(-BETA * (c - rc - r + rr)) - 0.1 * plus(BETA * (c - rc - r + rr))
    ) / 0.8,
    "ipo": lambda c, r, rc, rr: (c - rc - r + rr - 1 / (2 * BETA)) ** 2,
    "ipo_average": lambda c, r, rc, rr: (c - rc - r + rr - 1 / (2 * BETA)) ** 2,
    "sppo": lambda c, r, rc, rr: (c - rc - 0.5 / BETA) ** 2 + (r - rr + 0.5 / BETA) ** 2,
    "exo": exo,
    "apo_zero": lambda c, r, rc, rr: sigma(-BETA * (c - rc)) + sigma(BETA * (r - rr)),
    "cpo": lambda c, r, rc, rr: plus(-BETA * (c - r)) - c,
    "simpo": lambda c, r, rc, rr: plus(-BETA * (c - r) + 1.375),
    "orpo": lambda c, r, rc, rr: BETA * plus(odds(r) - odds(c)) - c,
}  # fmt: skip
KINKED = {  # these bend sharply, so that their values are compared
    "hinge": lambda c, r, rc, rr: np.maximum(0, 1 - BETA * (c - rc - r + rr)),
    "rso": lambda c, r, rc, rr: np.maximum(0, 1 - BETA * (c - rc - r + rr)),
    "slic": lambda c, r, rc, rr: np.maximum(0, BETA - c + r) - c,
    "dpop": lambda c, r, rc, rr: plus(-BETA * (c - rc - r + rr - 50 * np.maximum(0, rc - c))),
}
CORNERED = {
    "apo_down": lambda c, r, rc, rr: sigma(BETA * (c - rc)) + sigma(-BETA * (c - rc - r + rr)),
}
TRIPLES = {  # with the log-probability of gold in front
    "tpo": lambda g, c, r: plus(-BETA * (c - r)) - g,
    "tpo_l": lambda g, c, r: plus(-BETA * (c - r) + 0.5) - g,
}


def end_and_cases(examples, name, roles):
    """(log π where the stage ends, log π_ref, what each role drew, how often each was drawn)."""
    seen, beta = examples("preference_step"), 3.0 if name == "exo" else BETA
    rate = {"learning_rate": 0.03 if name in KINKED else 0.1}
    made = setting(name, beta=beta, **EASY | rate, **DRAWN)
    end, start = (
        log_policy(trained(made, whole())["policy"].params),
        log_policy(made.initial_policy),
    )
    rows = np.concatenate(np.split(seen[0][0], roles), axis=1)[:, [0, *range(1, 2 * roles, 2)]]
    cases, often = np.unique(rows, axis=0, return_counts=True)  # prompt, an arm for each role
    return end, start, [(cases[:, 0], arm) for arm in cases[:, 1:].T], often / often.sum()


def end_and_objective(examples, name, losses, roles):
    """(log π where the stage ends, log π_ref, the mean loss as a function of logits)."""
    end, start, places, often = end_and_cases(examples, name, roles)

    def mean(theta):
        logp = log_softmax(theta)
        reference = [start[place] for place in places] if roles == 2 else []
        return np.sum(often * losses[name](*(logp[place] for place in places), *reference))

    return end, start, mean


@pytest.mark.parametrize("name", PAIRS)
def test_a_loss_on_pairs_ends_at_the_optimum_of_its_pairs(examples, name):
    end, start, mean = end_and_objective(examples, name, PAIRS, 2)
    assert_same_policy(end, descend(mean, start), start)


def test_apo_down_ends_in_a_corner(examples):
    """It lowers chosen answers too, rejected ones more: from any interior policy its loss falls
    towards some corner of the simplex, here in both contexts."""
    end, start, mean = end_and_objective(examples, "apo_down", CORNERED, 2)
    assert np.exp(end).max(axis=1).min() > 1 - NEAR
    assert mean(2 * end) < mean(end) < mean(start) - 0.05


def test_bco_ends_at_the_optimum_of_its_pairs_for_the_delta_it_ends_with(examples):
    """δ = ½·(mean of β·h_w + mean of β·h_l) moves with the policy and has no gradient."""
    end, start, (chosen, rejected), often = end_and_cases(examples, "bco", 2)

    def mean(theta, held):
        rise, before = BETA * (log_softmax(theta) - start), BETA * (log_softmax(held) - start)
        delta = np.sum(often * (before[chosen] + before[rejected])) / 2
        return np.sum(often * (plus(delta - rise[chosen]) + plus(rise[rejected] - delta)))

    assert_same_policy(end, settle(mean, start), start)


@pytest.mark.parametrize("name", TRIPLES)
def test_a_loss_on_triples_ends_at_the_optimum_of_its_triples(examples, name):
    end, start, mean = end_and_objective(examples, name, TRIPLES, 3)
    assert_same_policy(end, descend(mean, start), start)


@pytest.mark.parametrize("name", KINKED)
def test_a_loss_with_a_kink_ends_as_low_as_can_be(examples, name):
    """Adam goes to and fro across a kink: 0.01 of the mean loss is left. DPOP's penalty of 50 for
    a chosen answer that falls keeps the reference, each of whose answers is chosen now and then."""
    end, start, mean = end_and_objective(examples, name, KINKED, 2)
    lowest = min(mean(descend(mean, place)) for place in (start, end))
    assert mean(end) < lowest + 0.01
    assert name == "dpop" or mean(start) > lowest + 0.1


def test_dpo_ends_at_the_closed_form_within_the_error_of_its_pairs(examples):
    """π ∝ π_ref·e^{r/β}: labels follow σ(Δr), so that the log-ratio of the pairs' optimum has the
    covariance H⁻¹ of a maximum likelihood, H = Σ β²·σσ′·(e_w − e_l)(e_w − e_l)ᵀ; 5 errors."""
    seen, made = examples("preference_step"), setting("dpo", beta=BETA, **EASY, num_pairs=2000)
    end, start = (
        log_policy(trained(made, whole())["policy"].params),
        log_policy(made.initial_policy),
    )
    for context in range(CONTEXTS):
        chosen, rejected = (part[part[:, 0] == context, 1] for part in np.split(seen[0][0], 2))
        gap = np.eye(ARMS)[chosen] - np.eye(ARMS)[rejected]
        slope = sigma(gap @ REWARD[context]) * sigma(-gap @ REWARD[context])
        error = np.sqrt(np.diag(inverse(BETA**2 * (gap.T * slope) @ gap)))
        off = end[context] - start[context] - REWARD[context] / BETA
        assert np.all(np.abs(off - off.mean()) < 5 * error)
        assert 5 * error.max() < np.ptp(REWARD[context] / BETA)  # the bound says something
