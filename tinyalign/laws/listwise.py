"""K answers of one prompt with rewards: RRHF, InfoNCA, NCA, rejection sampling."""

import numpy as np

from tinyalign.laws.domain import floats, log_sigmoid, log_softmax, per_row, sigmoid, softmax
from tinyalign.laws.general import example_laws, whole_laws
from tinyalign.laws.law import Broken, at_most, law, rounding, same, same_slope

# RRHF: x is (average log-probs (B,K), rewards (B,K), NLL of the best (B,))


def rank_loss(loss, x, p):
    return loss(x[0], x[1], np.zeros(len(x[0])), **p)


def concordant_is_free(loss, x, p):
    """0 where the log-probs are in the order of the rewards"""
    same(rank_loss(loss, (x[1] - 20.0, x[1]), p), 0.0)


def ties_are_ignored(loss, x, p):
    """equal rewards ask for nothing"""
    same(rank_loss(loss, (x[0], np.full_like(x[0], 2.5)), p), 0.0)


def only_the_order_counts(loss, x, p):
    """an increasing transform of the rewards changes nothing"""
    same(rank_loss(loss, (x[0], 2 * x[1] + x[1] ** 3), p), rank_loss(loss, x, p))


def level_is_free(loss, x, p, c):
    """adding a constant to all log-probs of a prompt changes nothing"""
    moved = x[0] + per_row(c, x)[:, None]
    same(rank_loss(loss, (moved, x[1]), p), rank_loss(loss, x, p))


def scale_comes_out(loss, x, p, scale):
    """log-probs times s give s times the loss: hinges, no curvature"""
    same(rank_loss(loss, (scale * x[0], x[1]), p), scale * rank_loss(loss, x, p))


def copies_count_fourfold(loss, x, p):
    """every candidate twice: four times the loss, since hinges are summed"""
    twice = tuple(np.concatenate([a, a], axis=1) for a in x[:2])
    same(rank_loss(loss, twice, p), 4 * rank_loss(loss, x, p))


def likelihood_of_the_best(loss, x, p):
    """weight times the NLL of the best answer is added"""
    same(loss(*x, **p), rank_loss(loss, x, p) + p["weight"] * x[2])


def sum_of_hinges(loss, x, p):
    """Σ over r_i < r_j of max(0, p_i - p_j), neither more nor less"""
    logp, reward = x[0][:, :, None], x[1][:, :, None]
    gap = np.maximum(0.0, logp - logp.swapaxes(1, 2))
    worse = reward < reward.swapaxes(1, 2)
    same(rank_loss(loss, x, p), np.sum(gap * worse, axis=(1, 2)))


RRHF = example_laws(
    law("H3", ties_are_ignored),
    law("H1", concordant_is_free),
    law("H2", only_the_order_counts),
    law("H4", level_is_free, c=floats(-20.0, 0.0)),
    law("H4b", scale_comes_out, scale=floats(0.1, 4.0)),
    law("H5", copies_count_fourfold),
    law("H7", likelihood_of_the_best),
    law("H6", sum_of_hinges),
)

# InfoNCA, NCA: x is (log-ratios (B,K), rewards (B,K)); the target is w = softmax(r/α)


def target(x, p):
    return softmax(x[1] / p["alpha"])


def reward_level_is_free(loss, x, p, c):
    """adding a constant to all rewards of a prompt changes nothing"""
    same(loss(x[0], x[1] + per_row(c, x)[:, None], **p), loss(*x, **p))


def score_level_is_free(loss, x, p, c):
    """adding a constant to all log-ratios of a prompt changes nothing"""
    same(loss(x[0] + per_row(c, x)[:, None], x[1], **p), loss(*x, **p))


def order_is_free(loss, x, p):
    """listing the candidates the other way round changes nothing"""
    same(loss(x[0][:, ::-1], x[1][:, ::-1], **p), loss(*x, **p))


def starts_at_log_k(loss, x, p):
    """policy = reference costs log K, whatever the rewards"""
    same(loss(0 * x[0], x[1], **p), np.log(x[0].shape[1]))


def least_is_the_entropy(loss, x, p):
    """never below the entropy of the target, and equal to it where β·h = r/α"""
    w, log_w = target(x, p), log_softmax(x[1] / p["alpha"])
    entropy = -np.sum(w * log_w, axis=1)
    same(loss(x[1] / (p["alpha"] * p["beta"]), x[1], **p), entropy)
    at_most(entropy, loss(*x, **p))


def equal_rewards_weigh_equally(loss, x, p):
    """equal rewards: the mean of -log softmax of the scores"""
    want = -np.mean(log_softmax(p["beta"] * x[0]), axis=1)
    same(loss(x[0], np.full_like(x[1], 3.0), **p), want)


def two_one_hot_is_dpo(loss, x, p):
    """two answers, one far better: DPO's -log σ(β·gap)"""
    pair, far = x[0][:, :2], np.tile([1000.0 * p["alpha"], 0.0], (len(x[0]), 1))
    same(loss(pair, far, **p), -log_sigmoid(p["beta"] * (pair[:, 0] - pair[:, 1])))


def infonca_slope(loss, x, p):
    """the slope in the log-ratios is β(softmax(β·h) - w)"""
    want = p["beta"] * (softmax(p["beta"] * x[0]) - target(x, p))
    same_slope(loss.slope(x, 0, **p), want)


def same_optimum_as_rlhf(loss, x, p):
    """no slope where β·h = r/α + constant: the optimum ref · exp(r/(αβ)) on every subset"""
    at = (x[1] / (p["alpha"] * p["beta"]) + 1.5, x[1])
    same_slope(loss.slope(at, 0, **p), 0.0)


INFONCA = example_laws(
    law("N3c", starts_at_log_k),
    law("perm", order_is_free),
    law("N2", score_level_is_free, c=floats(-20.0, 0.0)),
    law("N2b", reward_level_is_free, c=floats(-20.0, 20.0)),
    law("N3b", equal_rewards_weigh_equally),
    law("N1", two_one_hot_is_dpo),
    law("N4", same_optimum_as_rlhf),
    law("N3", least_is_the_entropy),
    law("N2c", infonca_slope),
)


def nca_starts_at_two_log_two(loss, x, p):
    """policy = reference costs 2 log 2, for every K"""
    same(loss(0 * x[0], x[1], **p), 2 * np.log(2.0))


def nca_pins_the_level(loss, x, p):
    """adding a constant to all log-ratios does change it"""
    if np.any(np.abs(loss(0 * x[0] + 3 / p["beta"], x[1], **p) - 2 * np.log(2.0)) < 1e-3):
        raise Broken("is blind to the level of the log-ratios")


def nca_optimum(loss, x, p):
    """no slope where β·h = log(K·w)"""
    w = log_softmax(x[1] / p["alpha"])
    at = ((np.log(x[0].shape[1]) + w) / p["beta"], x[1])
    same_slope(loss.slope(at, 0, **p), 0.0)


def nca_slope(loss, x, p):
    """the slope in the log-ratios is β(σ(β·h)/K - wσ(-β·h))"""
    score = p["beta"] * x[0]
    want = p["beta"] * (sigmoid(score) / x[0].shape[1] - target(x, p) * sigmoid(-score))
    same_slope(loss.slope(x, 0, **p), want)


NCA = example_laws(
    law("N5", nca_starts_at_two_log_two),
    law("perm", order_is_free),
    law("N2b", reward_level_is_free, c=floats(-20.0, 20.0)),
    law("N6b", nca_pins_the_level),
    law("N6", nca_optimum),
    law("N6c", nca_slope),
)

# rejection sampling: x is (rewards,), the generator draws one known number u


def threshold(x, p):
    """log-probability of acceptance."""
    top = np.max(x[0], axis=-1, keepdims=True) if p["max_reward"] is None else p["max_reward"]
    return (x[0] - top) / p["beta"]


def best_is_kept(loss, x, p):
    """the best answer of each prompt is always accepted"""
    kept = loss(*x, **p | {"max_reward": None})
    if not np.all(kept[x[0] == np.max(x[0], axis=-1, keepdims=True)]):
        raise Broken("rejects the best answer")


def rewards_shift(loss, x, p, c):
    """adding a constant to all rewards of a prompt changes nothing"""
    p = p | {"max_reward": None}
    clear = np.abs(threshold(x, p) - np.log(p["rng"].u)) > 1e-6
    same(loss(x[0] + c, **p)[clear], loss(*x, **p)[clear])


def accepts_with_the_right_probability(loss, x, p):
    """accepted exactly where a uniform number falls below exp((r - r_max)/β)"""
    gap = threshold(x, p) - np.log(p["rng"].u)
    clear = np.abs(gap) > rounding(1e-6, 1e-3)
    same(loss(*x, **p)[clear], (gap > 0)[clear])


class FixedDraw:
    """A generator whose uniform draws are all u: acceptance becomes a fact to check."""

    def __init__(self, u):
        self.u = u

    def random(self, size=None, dtype=float):
        return np.full(() if size is None else size, self.u)[()]

    def uniform(self, low=0.0, high=1.0, size=None):
        return low + (high - low) * self.random(size)

    def exponential(self, scale=1.0, size=None):
        return -scale * np.log(self.random(size))

    def __repr__(self):
        return f"FixedDraw({self.u})"


REJECTION = whole_laws(
    law("RS3", best_is_kept),
    law("RS4", rewards_shift, c=floats(-20.0, 20.0)),
    law("RS1", accepts_with_the_right_probability),
)
