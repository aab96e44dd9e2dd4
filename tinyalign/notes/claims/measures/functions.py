"""What a loss reads and what it ignores: values of the functions themselves."""

import autograd.numpy as np
from autograd import grad

from tinyalign import losses
from tinyalign.losses.numerics import log_softmax
from tinyalign.notes.claims.rules import Measure, Rule, as_they_are
from tinyalign.optimum import kl

ZERO = np.zeros(1)


def one(value):
    """A batch of one."""
    return np.array([float(value)])


def tpo_orders():
    """TPO's slope in the chosen log-probability: the same wherever gold stands."""

    def slope(gold_nll):
        return grad(lambda x: losses.tpo(x, one(-4), one(gold_nll), beta=0.01)[0])(one(-3))[0]

    above, below = slope(0.5), slope(50.0)
    return {
        "gold_above": float(above),
        "gold_below": float(below),
        "apart": float(abs(above - below)),
    }


def tpo_reward():
    """TPO's slope in the log-probability at equal answers, at the paper's beta of 0.01."""
    slope = grad(lambda x: losses.tpo(x, ZERO, ZERO, beta=0.01)[0])(ZERO)[0]
    return {"slope": float(-slope), "if_reward_were_logp": 0.5}


def rrhf_reads():
    """RRHF on scores 1, 2, 3 and −50, 0.1, 1000; and as a sum over pairs."""
    logp = np.array([[-1.0, -2.0, -1.5]])

    def ranking(scores, p=logp):
        return float(losses.rrhf(p, np.array([scores], float), ZERO, weight=0.0)[0])

    whole = ranking([1, 2, 3])
    pairs = sum(ranking([i, j], logp[:, [i, j]]) for i in range(3) for j in range(i))
    return {"small": whole, "large": ranking([-50, 0.1, 1000]), "sum_of_pairs": pairs}


def infonca_reads():
    """InfoNCA against DPO for two answers, and on two lists of rewards of one order."""
    h, far, near = np.array([[0.7, -0.4]]), np.array([[3.0, 2.0, 1.0]]), np.array([[9.0, 2.0, 1.0]])
    pair = losses.infonca(h, np.array([[1.0, 0.0]]), beta=0.5, alpha=1e-3)[0]
    alone = losses.dpo(h[:, 0], h[:, 1], ZERO, ZERO, beta=0.5)[0]
    three = np.array([[0.5, 0.0, -0.5]])
    scored = [losses.infonca(three, r, beta=1.0)[0] for r in (far, near)]
    return {
        "from_dpo": float(abs(pair - alone)),
        "by_values": float(abs(np.diff(scored)[0])),
        "rlhf_slope": infonca_at_rlhf(),
    }


def infonca_at_rlhf():
    """Largest slope of InfoNCA, in probabilities' log, at the optimum of RLHF with beta = αβ."""
    reward, even = np.array([[0.2, 1.0, -0.5]]), log_softmax(np.zeros(3))
    best = log_softmax(even + reward[0] / (0.6 * 0.5))
    slope = grad(lambda z: losses.infonca(z[None], reward, beta=0.5, alpha=0.6)[0])(best - even)
    return float(np.abs(slope).max())


def dpo_reads():
    """DPO's loss before and after an answer that is in no pair moves; slopes of a pair's tokens."""
    even = log_softmax(np.zeros(3))
    away = log_softmax(np.array([0.0, 0.0, -4.0]))
    values = [losses.dpo(p[:1], p[1:2], even[:1], even[1:2])[0] for p in (even, away)]
    tokens = grad(lambda t: losses.dpo(np.sum(t, keepdims=True), one(-3), one(-2), one(-3))[0])
    slopes = tokens(np.array([-0.1, -0.7, -2.0]))
    return {
        "loss_moved": float(abs(values[1] - values[0])),
        "kl_moved": float(kl(np.exp(away), np.exp(even))),
        "token_slopes_apart": float(np.ptp(slopes)),
    }


def ipo_reads():
    """IPO where both log-ratios are small, and where both are a thousand nats larger."""
    values = [losses.ipo(one(5 + far), one(far), ZERO, ZERO, tau=0.1)[0] for far in (0, 1000)]
    return {"near": float(values[0]), "far": float(values[1])}


def thumbs_losses():
    """Interaction of the two answers of a pair in each loss: 0 where each is judged by itself."""
    found = {}
    for name, loss in (("bco", losses.bco), ("apo_zero", losses.apo_zero), ("dpo", losses.dpo)):

        def at(won, lost, loss=loss):
            return loss(one(won), one(lost), ZERO, ZERO)[0]

        found[name] = float(abs(at(9, 2) - at(0, 2) - at(9, -9) + at(0, -9)))
    return found


NUMBERS = "the loss's own values"
MEASURES = {
    "tpo_orders": Measure(tpo_orders, NUMBERS),
    "tpo_reward": Measure(tpo_reward, NUMBERS),
    "rrhf_reads": Measure(rrhf_reads, NUMBERS),
    "infonca_reads": Measure(infonca_reads, NUMBERS),
    "dpo_reads": Measure(dpo_reads, NUMBERS),
    "ipo_reads": Measure(ipo_reads, NUMBERS),
    "thumbs_losses": Measure(thumbs_losses, NUMBERS),
}
RULES = {
    "gold_over_win": Rule(
        ("tpo_orders",), as_they_are, lambda w: w["apart"] > 0,
        "TPO's slope in the chosen answer is {gold_above:.4f} with gold far above it and "
        "{gold_below:.4f} with gold far below",
    ),
    "reward_is_logp": Rule(
        ("tpo_reward",), as_they_are, lambda w: abs(w["slope"] - w["if_reward_were_logp"]) < 1e-6,
        "slope in log π at equal answers: {slope:.3f}; {if_reward_were_logp} if that were it",
    ),
    "rrhf_absolute": Rule(
        ("rrhf_reads",), as_they_are, lambda w: w["small"] != w["large"],
        "loss {small:.2f} on scores 1, 2, 3 and {large:.2f} on −50, 0.1, 1000",
    ),
    "rrhf_listwise": Rule(
        ("rrhf_reads",), as_they_are, lambda w: abs(w["small"] - w["sum_of_pairs"]) > 1e-9,
        "on a list {small:.2f}, as a sum over its pairs {sum_of_pairs:.2f}",
    ),
    "infonca_subsumes": Rule(
        ("infonca_reads",), as_they_are, lambda w: w["from_dpo"] < 1e-9 and w["rlhf_slope"] < 1e-9,
        "InfoNCA differs from DPO by {from_dpo:.0e} for two answers; its slope at RLHF's "
        "optimum is {rlhf_slope:.0e}",
    ),
    "infonca_real_valued": Rule(
        ("infonca_reads",), as_they_are, lambda w: w["by_values"] > 1e-3,
        "its loss moves by {by_values:.2f} when rewards 3, 2, 1 become 9, 2, 1; pairs stay",
    ),
    "infonca_no_rewards": Rule(
        ("infonca_reads",), as_they_are, lambda w: w["by_values"] < 1e-9,
        "its loss moves by {by_values:.2f} when rewards 3, 2, 1 become 9, 2, 1",
    ),
    "dpo_has_kl": Rule(
        ("dpo_reads",), as_they_are, lambda w: w["loss_moved"] > 1e-9,
        "DPO's loss moves by {loss_moved:.0f} when an answer in no pair moves the KL by "
        "{kl_moved:.2f} nats",
    ),
    "dpo_whole_answers": Rule(
        ("dpo_reads",), as_they_are, lambda w: w["token_slopes_apart"] < 1e-12,
        "slopes of a completion's tokens differ by {token_slopes_apart:.0f}",
    ),
    "ipo_l2": Rule(
        ("ipo_reads",), as_they_are, lambda w: w["far"] > w["near"],
        "log-ratios of 5 and 0 cost {near:.0f}, of 1005 and 1000 {far:.0f}",
    ),
    "only_kto": Rule(
        ("thumbs_losses",), as_they_are, lambda w: w["bco"] > 1e-9,
        "interaction of a pair's answers: BCO {bco:.0e}, APO-zero {apo_zero:.0e}, DPO {dpo:.2f}; "
        "without it no pairs are needed",
    ),
}  # fmt: skip
