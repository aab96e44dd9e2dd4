"""Values and gradients of the losses: the inputs that a loss depends on."""

import inspect

import autograd.numpy as np
from autograd import grad

from tinyalign import losses
from tinyalign.losses.numerics import log_softmax
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.optimum import kl

ZERO = np.zeros(1)


def one(value):
    """A batch of one."""
    return np.array([float(value)])


def tpo_orders():
    """TPO's gradient in the chosen log-probability, with gold above it and below it."""

    # Gold is likelier than the chosen answer at 0.5 nats of loss, and far less likely at 50.
    def slope(gold_nll):
        return grad(lambda x: losses.tpo(x, one(-4), one(gold_nll), beta=0.01)[0])(one(-3))[0]

    above, below = slope(0.5), slope(50.0)
    return {
        "gold_above": float(above),
        "gold_below": float(below),
        "apart": float(abs(above - below)),
    }


def tpo_reward():
    """TPO's slopes at beta 0.01 in a log-probability and in gold's NLL; references it reads."""
    slope = grad(lambda x: losses.tpo(x, ZERO, ZERO, beta=0.01)[0])(ZERO)[0]
    gold = grad(lambda x: losses.tpo(ZERO, ZERO, x, beta=0.01)[0])(ZERO)[0]
    names = inspect.signature(losses.tpo).parameters
    return {
        "slope": float(-slope),
        "gold_slope": float(gold),
        "references": sum(name.startswith("ref_") for name in names),
    }


def rrhf_reads():
    """RRHF's ranking loss on two lists of scores with one order, and as a sum over pairs."""
    logp = np.array([[-1.0, -2.0, -1.5]])

    def ranking(scores, p=logp):
        return float(losses.rrhf(p, np.array([scores], float), ZERO, weight=0.0)[0])

    whole = ranking([1, 2, 3])
    # Every pair of the list by itself.
    pairs = sum(ranking([i, j], logp[:, [i, j]]) for i in range(3) for j in range(i))
    return {"small": whole, "large": ranking([-50, 0.1, 1000]), "sum_of_pairs": pairs}


def infonca_reads():
    """InfoNCA against DPO for two answers, and on two lists of rewards with one order."""
    # At a small alpha the softmax of two rewards is a certain winner, as in a pair.
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
    """Largest gradient of InfoNCA in the log-ratios, at RLHF's optimum with beta = αβ."""
    reward, even = np.array([[0.2, 1.0, -0.5]]), log_softmax(np.zeros(3))
    # α = 0.6 and β = 0.5: the optimum tilts the reference by reward / (αβ).
    best = log_softmax(even + reward[0] / (0.6 * 0.5))
    slope = grad(lambda z: losses.infonca(z[None], reward, beta=0.5, alpha=0.6)[0])(best - even)
    return float(np.abs(slope).max())


def dpo_reads():
    """DPO's change when an answer in no pair moves, and its gradients in several places."""
    even = log_softmax(np.zeros(3))
    # Only the third answer changes its logit; chosen and rejected keep their difference.
    away = log_softmax(np.array([0.0, 0.0, -4.0]))
    values = [losses.dpo(p[:1], p[1:2], even[:1], even[1:2])[0] for p in (even, away)]
    tokens = grad(lambda t: losses.dpo(np.sum(t, keepdims=True), one(-3), one(-2), one(-3))[0])
    slopes = tokens(np.array([-0.1, -0.7, -2.0]))
    chosen = grad(lambda x: losses.dpo(x, one(-3), one(-2), one(-3))[0])(one(-3))
    return {
        "loss_moved": float(abs(values[1] - values[0])),
        "kl_moved": float(kl(np.exp(away), np.exp(even))),
        "token_slopes_apart": float(np.ptp(slopes)),
        "chosen_slope": float(chosen[0]),
        "rlhf_slope": dpo_at_rlhf(),
    }


def dpo_at_rlhf():
    """Largest gradient of DPO over all pairs, at the optimum of reward minus β·KL."""
    reward, even, beta = np.array([0.2, 1.0, -0.5]), log_softmax(np.zeros(3)), 0.5
    won, lost = np.divmod(np.arange(9), 3)  # every ordered pair of the three answers
    # Bradley and Terry's law says how often the first of a pair is preferred.
    often = 1 / (1 + np.exp(reward[lost] - reward[won]))  # (9,)

    def loss(logp):
        each = [
            losses.dpo(logp[i : i + 1], logp[j : j + 1], even[:1], even[:1], beta=beta)[0]
            for i, j in zip(won, lost, strict=True)
        ]
        return np.sum(often * np.array(each))

    return float(np.abs(grad(loss)(log_softmax(even + reward / beta))).max())


def ipo_reads():
    """IPO at its target, with both log-ratios 1000 nats larger, and 10 nats off its target."""
    pairs = {"near": (5, 0), "far": (1005, 1000), "apart": (15, 0)}
    return {
        name: float(losses.ipo(one(won), one(lost), ZERO, ZERO, tau=0.1)[0])
        for name, (won, lost) in pairs.items()
    }


def thumbs_losses():
    """Interaction of a pair's two answers in each loss: 0 where each is judged by itself."""
    figures = {}
    for loss in (losses.bco, losses.apo_zero, losses.dpo, losses.ipo):

        def at(won, lost, loss=loss):
            return loss(one(won), one(lost), ZERO, ZERO)[0]

        # A loss that is a sum of two terms has equal differences at both ends.
        figures[loss.__name__] = float(abs(at(9, 2) - at(0, 2) - at(9, -9) + at(0, -9)))
    return figures


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
