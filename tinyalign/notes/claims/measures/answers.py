"""Measures with known answers: the optimum of a loss when nothing is sampled."""

import autograd.numpy as np

from tinyalign.losses import dpo, gae, ipo, tpo
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.notes.lesson import minimise
from tinyalign.optimum import best_of_n, expectation, kl, optimal_policy
from toy_envs import bandit, hackable

EVEN = log_softmax(np.zeros(2))  # (2,): the uniform reference


def overconfidence():
    """Two arms, one always preferred: its probability after DPO and after IPO."""
    return {
        str(strength): {
            "dpo": preferred_probability(dpo, beta=strength),
            "ipo": preferred_probability(ipo, tau=strength),
        }
        for strength in (0.1, 0.5, 1.0)
    }


def preferred_probability(pair_loss, **strength):
    """Probability of the better arm after training on the one pair."""

    def loss(p):
        logp = log_softmax(p["z"])  # (2,)
        # The losses want arrays of pairs: the slices keep an axis of one.
        return np.sum(pair_loss(logp[:1], logp[1:], EVEN[:1], EVEN[1:], **strength))

    z = minimise(loss, {"z": np.zeros(2)}, steps=400, learning_rate=0.1)[0]["z"]
    return float(softmax(z)[0])


def displacement():
    """Thirty answers that share features, trained on one pair of similar ones.

    returns  {loss: changes of chosen, rejected and gold log-probability, and KL to the start}, nats
    """
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 8))  # features; the first answers are chosen, rejected and gold
    # Rejected and gold share most of their features with the chosen answer.
    x[1] = 0.97 * x[0] + 0.25 * rng.normal(size=8)
    x[2] = 0.9 * x[0] + 0.45 * rng.normal(size=8)
    even = log_softmax(np.zeros(30))
    figures = {}
    # From a uniform reference DPO is TPO without its gold term.
    for name, alpha in (("dpo", 0.0), ("tpo", 1.0)):

        def loss(p, alpha=alpha):
            logp = log_softmax(x @ p["theta"])
            return tpo(logp[:1], logp[1:2], -logp[2:3], beta=0.1, alpha=alpha)[0]

        theta = minimise(loss, {"theta": np.zeros(8)}, steps=600, learning_rate=0.05)[0]["theta"]
        logp = log_softmax(x @ theta)
        chosen, rejected, gold = (float(v) for v in (logp - even)[:3])
        moved = float(kl(np.exp(logp), np.exp(even)))
        figures[name] = {"chosen": chosen, "rejected": rejected, "gold": gold, "kl": moved}
    return figures


def overoptimisation():
    """People's reward and the proxy's, by how hard the proxy is optimised; lengths 0 … 40."""
    length, ref = np.arange(hackable.LONGEST + 1), hackable.reference()
    proxy, gold = hackable.fit_proxy() * length, hackable.gold(length)
    tilted = {b: optimal_policy(ref, proxy, beta=b) for b in (1.0, 0.2, 0.02)}
    # Two ways to optimise: a smaller beta, or the best of more samples.
    drawn = {n: best_of_n(ref, proxy, n) for n in (1, 4, 1024)}
    policies = {f"beta {b}": p for b, p in tilted.items()} | {
        f"best of {n}": p for n, p in drawn.items()
    }
    return {
        name: {"gold": float(expectation(p, gold)), "proxy": float(expectation(p, proxy))}
        for name, p in policies.items()
    }


def references():
    """Expected reward of DPO's exact optimum at one beta, by the reference it starts from."""
    reward, beta = bandit.reward_table(), 1.0
    kinds = {"good": reward, "uniform": 0 * reward, "bad": -reward}
    rewards = {
        name: float(expectation(optimal_policy(softmax(z), reward, beta=beta), reward).mean())
        for name, z in kinds.items()
    }
    # The reference never gives the last answer, although its reward is by far the highest.
    blind = np.array([0.5, 0.5, 0.0])
    kept = optimal_policy(blind, np.array([0.0, 0.1, 9.0]), beta=0.01)[2]
    return rewards | {"best": float(reward.max(axis=1).mean()), "never_given": float(kept)}


def reward_shapes():
    """Two rewards with the same order, r and r³: KL between their optima.

    Without label noise both rewards give the same pairs, so DPO cannot tell them apart.
    """
    reward, ref = np.array([-1.5, -0.5, 0.2, 1.4]), np.full(4, 0.25)
    same = np.array_equal(
        np.sign(reward[:, None] - reward), np.sign(reward[:, None] ** 3 - reward**3)
    )
    optima = [optimal_policy(ref, r, beta=1.0) for r in (reward, reward**3)]
    return {"pairs_equal": bool(same), "kl": float(kl(*optima))}


def noise_of_returns():
    """Standard deviation of the first token's advantage when each of six tokens is a fair coin.

    The critic knows the true value. The cases differ in the baseline and in GAE's lambda.
    """
    # All 64 sequences of six rewards, (64, 6): the bits of 0 … 63.
    coins = (np.arange(64)[:, None] >> np.arange(6)) % 2.0
    # Half a reward is expected from each token that is still to come.
    mask, to_come = np.ones_like(coins), np.arange(6, 0, -1) / 2
    value = np.tile(to_come, (64, 1))
    advantages = {
        "no critic": gae(coins, 0 * value, mask, lam=1.0)[0],
        "critic, whole return": gae(coins, value, mask, lam=1.0)[0],
        "critic, lambda 0.95": gae(coins, value, mask, lam=0.95)[0],
    }
    return {name: float(np.sqrt(np.mean(a[:, 0] ** 2))) for name, a in advantages.items()}


MEASURES = {
    "overconfidence": Measure(overconfidence, "two arms, one always preferred, uniform reference"),
    "displacement": Measure(displacement, "30 answers, 8 shared features, one pair, beta 0.1"),
    "overoptimisation": Measure(overoptimisation, "hackable: 41 answers enumerated"),
    "references": Measure(references, "the bandit's closed-form optimum at beta 1"),
    "reward_shapes": Measure(reward_shapes, "four arms, closed form"),
    "noise_of_returns": Measure(noise_of_returns, "six tokens, all 64 completions enumerated"),
}
