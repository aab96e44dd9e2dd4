"""Exercises of pages 08 to 10: losses on pairs, and what they do to both answers."""

import autograd.numpy as np

from tinyalign.losses.numerics import log_sigmoid, log_softmax, sigmoid, softmax
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful
from tinyalign.optimum import optimal_policy


def my_dpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    r"""four (B,) -> (B,)

    Write DPO yourself, from four arrays. The check holds it against the list of laws of
    `tinyalign check`, some of which you may not have thought of.

    Hint: The margin is chosen log-ratio minus rejected log-ratio, where a log-ratio is policy
    minus reference.

    Hint: The loss is $-\log\sigma$ of $\beta$ times the margin. Use `log_sigmoid`, which stays
    finite: `from tinyalign.losses.numerics import log_sigmoid`.
    """
    chosen = chosen_logp - ref_chosen_logp
    rejected = rejected_logp - ref_rejected_logp
    return -log_sigmoid(beta * (chosen - rejected))


def check_my_dpo(solution):
    def dpo(w, v, rw, rv, beta):
        return my_dpo(w, v, rw, rv, beta=beta)

    require_lawful(solution, my_dpo, "dpo", {
        "The reference is not used.": lambda w, v, rw, rv, *, beta=0.1: dpo(w, v, 0, 0, beta),
        "The reference has the wrong sign: it is subtracted from the policy.":
            lambda w, v, rw, rv, *, beta=0.1: dpo(w, v, -rw, -rv, beta),
        "Chosen and rejected are exchanged.":
            lambda w, v, rw, rv, *, beta=0.1: dpo(v, w, rv, rw, beta),
        "The sign is turned: the loss is minus the log-sigmoid.":
            lambda w, v, rw, rv, *, beta=0.1: -dpo(w, v, rw, rv, beta),
        "beta is not used.": lambda w, v, rw, rv, *, beta=0.1: dpo(w, v, rw, rv, 1.0),
        "beta divides: multiply.": lambda w, v, rw, rv, *, beta=0.1: dpo(w, v, rw, rv, 1 / beta),
        "The formula is right and overflows: log(sigmoid(x)) is minus infinity for large −x. Use "
        "log_sigmoid.": lambda w, v, rw, rv, *, beta=0.1:
            -np.log(1 / (1 + np.exp(-beta * (w - rw - v + rv)))),
    })  # fmt: skip


def my_implicit_reward(logp, ref_logp, *, beta):
    """(K,), (K,), log-probabilities of all answers -> (K,)

    Read the reward back out of a policy. Return rewards whose mean under the reference is 0. If
    the policy is the optimum of some reward, this recovers it up to a constant.

    Hint: The optimal policy is the reference times e to the power of reward over beta, divided
    by a normaliser. Solve for the reward.

    Hint: beta times the log-ratio, minus its expectation under the reference.
    """
    reward = beta * (logp - ref_logp)
    return reward - np.exp(ref_logp) @ reward


def check_my_implicit_reward(solution):
    """Against the reward that made the policy."""
    draw = np.random.default_rng(1)
    inputs, rewards = [], []
    for beta, size in ((0.5, 2), (0.1, 6), (3.0, 6)):
        reward, ref = draw.normal(size=size), softmax(draw.normal(size=size))
        policy = optimal_policy(ref, reward, beta=beta)
        inputs.append({"logp": np.log(policy), "ref_logp": np.log(ref), "beta": beta})
        rewards.append(reward - ref @ reward)
    known = iter(rewards)
    require_same(solution, my_implicit_reward, inputs, {
        "The factor beta is missing.": lambda p, q, *, beta: my_implicit_reward(p, q, beta=1.0),
        "The rewards are not centred: their mean under the reference is not 0.":
            lambda p, q, *, beta: beta * (p - q),
        "The expectation is that under the policy: want that under the reference.":
            lambda p, q, *, beta: beta * (p - q - np.exp(p) @ (p - q)),
        "The plain mean is subtracted: want the expectation under the reference.":
            lambda p, q, *, beta: beta * (p - q - np.mean(p - q)),
        "The sign is turned.": lambda p, q, *, beta: -my_implicit_reward(p, q, beta=beta),
    }, wanted=lambda logp, ref_logp, *, beta: next(known))  # fmt: skip


def my_cdpo(
    chosen_logp,
    rejected_logp,
    ref_chosen_logp,
    ref_rejected_logp,
    *,
    beta=0.1,
    flip=0.1,
):
    """four (B,) -> (B,)

    Conservative DPO: a share `flip` of the labels is turned.

    Hint: With probability 1 − flip the label is right and the loss is DPO's; with probability
    flip the pair is the other way round.

    Hint: (1 − flip) times DPO at the margin, plus flip times DPO at minus the margin.
    """
    margin = beta * (chosen_logp - ref_chosen_logp - rejected_logp + ref_rejected_logp)
    return -(1 - flip) * log_sigmoid(margin) - flip * log_sigmoid(-margin)


def check_my_cdpo(solution):
    def both(w, v, rw, rv, beta):
        margin = beta * (w - rw - v + rv)
        return -log_sigmoid(margin), -log_sigmoid(-margin)

    def mixed(arrays, beta, one, other):
        right, turned = both(*arrays, beta)
        return one * right + other * turned

    require_lawful(solution, my_cdpo, "cdpo", {
        "The two terms are subtracted: cDPO is a mean of both, so add them.":
            lambda *x, beta=0.1, flip=0.1: mixed(x, beta, 1 - flip, -flip),
        "The weights are exchanged: the label is right with probability 1 − flip.":
            lambda *x, beta=0.1, flip=0.1: mixed(x, beta, flip, 1 - flip),
        "flip is not used: this is DPO.": lambda *x, beta=0.1, flip=0.1: mixed(x, beta, 1, 0),
        "That is robust DPO, which divides by 1 − 2·flip and subtracts.":
            lambda *x, beta=0.1, flip=0.1:
                mixed(x, beta, (1 - flip) / (1 - 2 * flip), -flip / (1 - 2 * flip)),
        "The first weight is 1: want 1 − flip.":
            lambda *x, beta=0.1, flip=0.1: mixed(x, beta, 1, flip),
    })  # fmt: skip


def my_ipo_optimum(ref_probs, preference, *, tau):
    r"""(K,), (K, K) -> (K,)

    IPO's optimum for any table of preferences and a uniform sampler. `preference[i, j]` is the
    probability that answer i beats answer j.

    Hint: IPO is RLHF whose reward is the chance to win against a sampled answer, and whose beta
    is tau.

    Hint: The optimum is $\pi_{ref}$ times e to the power of the mean of a row over tau,
    normalised.
    """
    return softmax(np.log(ref_probs) + np.mean(preference, axis=1) / tau)


def check_my_ipo_optimum(solution):
    """Against the optimum of RLHF with the chance to win as reward."""
    draw, inputs = np.random.default_rng(3), []
    for size, tau in ((2, 0.3), (3, 0.1), (5, 1.0)):
        ref_probs, reward = softmax(draw.normal(size=size)), 3 * draw.normal(size=size)
        table = sigmoid(reward[:, None] - reward[None, :])
        inputs.append({"ref_probs": ref_probs, "preference": table, "tau": tau})
    require_same(solution, my_ipo_optimum, inputs, {
        "The chances are summed: want their mean over the sampler.":
            lambda p, t, *, tau: softmax(np.log(p) + np.sum(t, axis=1) / tau),
        "The reference is not used.": lambda p, t, *, tau: softmax(np.mean(t, axis=1) / tau),
        "The columns are read, where answers lose: want the rows.":
            lambda p, t, *, tau: softmax(np.log(p) + np.mean(t, axis=0) / tau),
        "tau multiplies: divide.": lambda p, t, *, tau: my_ipo_optimum(p, t, tau=1 / tau),
        "The log-odds of a preference are DPO's reward: IPO takes the probability itself.":
            lambda p, t, *, tau: softmax(np.log(p) + np.mean(np.log(t / (1 - t)), axis=1) / tau),
    }, wanted=lambda ref_probs, preference, *, tau:
        optimal_policy(ref_probs, preference.mean(axis=1), beta=tau))  # fmt: skip


def my_tpo(chosen_logp, rejected_logp, gold_nll, *, beta=0.01, alpha=1.0):
    """three (B,) -> (B,)

    TPO: DPO's loss without a reference, plus `alpha` times the likelihood loss of a gold answer.

    Hint: The margin is beta times the difference of the two log-probabilities.

    Hint: `gold_nll` is a negative log-likelihood already: add it.
    """
    return -log_sigmoid(beta * (chosen_logp - rejected_logp)) + alpha * gold_nll


def check_my_tpo(solution):
    def pair(w, v, beta):
        return -log_sigmoid(beta * (w - v))

    require_lawful(solution, my_tpo, "tpo", {
        "gold_nll is a loss already: add it.":
            lambda w, v, g, *, beta=0.01, alpha=1.0: pair(w, v, beta) - alpha * g,
        "alpha is not used.": lambda w, v, g, *, beta=0.01, alpha=1.0: pair(w, v, beta) + g,
        "beta is not used.": lambda w, v, g, *, beta=0.01, alpha=1.0: pair(w, v, 1.0) + alpha * g,
        "The gold answer is left out.": lambda w, v, g, *, beta=0.01, alpha=1.0: pair(w, v, beta),
        "Gold and chosen are compared too: TPO has one comparison.":
            lambda w, v, g, *, beta=0.01, alpha=1.0:
                pair(w, v, beta) + pair(-g, w, beta) + alpha * g,
        "alpha weighs the wrong term: it belongs to the gold answer.":
            lambda w, v, g, *, beta=0.01, alpha=1.0: alpha * pair(w, v, beta) + g,
    })  # fmt: skip


def my_fall(features, chosen, rejected, margin):
    r"""(K, D), an index, an index, a number -> one number

    Predict the fall: given features, the indices of chosen and rejected, and the margin that
    training has reached, return the change of the chosen log-probability under gradient descent
    from a uniform start. Log-probabilities are the log-softmax of features times weights.

    Hint: Every step goes along $d$, the difference of the features of chosen and rejected. So
    the weights are a multiple $t$ of $d$, and the margin says which.

    Hint: The margin is $t \lVert d \rVert^2$. Compute the log-softmax of $t$ times the products
    of all features with $d$, and add $\log K$, the start.
    """
    d = features[chosen] - features[rejected]
    logits = margin * (features @ d) / (d @ d)
    return log_softmax(logits)[chosen] + np.log(len(features))


def check_my_fall(solution):
    """Against steps of gradient descent."""
    draw, inputs, falls = np.random.default_rng(2), [], []
    for size, w, v in ((6, 0, 1), (4, 3, 1), (9, 2, 7)):
        features = draw.normal(size=(size, 3))
        theta = 1.5 * (features[w] - features[v])
        rise = log_softmax(features @ theta) + np.log(size)
        margin = rise[w] - rise[v]
        inputs.append({"features": features, "chosen": w, "rejected": v, "margin": margin})
        falls.append(rise[w])
    known = iter(falls)
    require_same(solution, my_fall, inputs, {
        "The margin is not split in halves: other answers take part.":
            lambda x, w, v, margin: margin / 2,
        "The start is missing: subtract the log-probability −log K.":
            lambda x, w, v, margin: my_fall(x, w, v, margin) - np.log(len(x)),
        "The normaliser is missing: a log-probability is a log-softmax.":
            lambda x, w, v, margin: margin * (x @ (x[w] - x[v]))[w]
            / np.sum((x[w] - x[v]) ** 2),
        "That is the change of the rejected answer.":
            lambda x, w, v, margin: my_fall(x, w, v, margin) - margin,
        "The margin is not divided by the squared length of d.":
            lambda x, w, v, margin: my_fall(x, w, v, margin * np.sum((x[w] - x[v]) ** 2)),
    }, wanted=lambda features, chosen, rejected, margin: next(known))  # fmt: skip


EXERCISES = (
    exercise("08.1", my_dpo, check_my_dpo),
    exercise("08.2", my_implicit_reward, check_my_implicit_reward),
    exercise("09.1", my_cdpo, check_my_cdpo),
    exercise("09.2", my_ipo_optimum, check_my_ipo_optimum),
    exercise("10.1", my_tpo, check_my_tpo),
    exercise("10.2", my_fall, check_my_fall),
)
