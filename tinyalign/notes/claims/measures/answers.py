"""Known answers: where losses end when nothing is sampled, and what no training can undo."""

import autograd.numpy as np

from tinyalign.losses import clipped_surrogate, dpo, gae, ipo, tpo
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.claims.rules import Measure, Rule, as_they_are
from tinyalign.notes.lesson import descend
from tinyalign.optimum import best_of_n, expectation, kl, optimal_policy
from toy_envs import bandit, hackable

EVEN = log_softmax(np.zeros(2))


def overconfidence():
    """Two arms, one always preferred: the better one's probability after DPO and after IPO."""
    return {
        str(strength): {"dpo": preferred(dpo, beta=strength), "ipo": preferred(ipo, tau=strength)}
        for strength in (0.1, 0.5, 1.0)
    }


def preferred(pair_loss, **strength):
    """Probability that training on the one pair gives the better arm."""

    def loss(p):
        logp = log_softmax(p["z"])
        return np.sum(pair_loss(logp[:1], logp[1:], EVEN[:1], EVEN[1:], **strength))

    z = descend(loss, {"z": np.zeros(2)}, steps=400, learning_rate=0.1)[0]["z"]
    return float(softmax(z)[0])


def displacement():
    """Thirty answers that share features, one pair of like ones: change of log-probabilities.

    chosen, rejected, gold in nats, and the KL to the start; DPO, and TPO with its gold anchor.
    """
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 8))
    x[1] = 0.97 * x[0] + 0.25 * rng.normal(size=8)
    x[2] = 0.9 * x[0] + 0.45 * rng.normal(size=8)
    even = log_softmax(np.zeros(30))
    found = {}
    for name, alpha in (("dpo", 0.0), ("tpo", 1.0)):  # DPO from an even start is TPO without gold

        def loss(p, alpha=alpha):
            logp = log_softmax(x @ p["theta"])
            return tpo(logp[:1], logp[1:2], -logp[2:3], beta=0.1, alpha=alpha)[0]

        theta = descend(loss, {"theta": np.zeros(8)}, steps=600, learning_rate=0.05)[0]["theta"]
        logp = log_softmax(x @ theta)
        chosen, rejected, gold = (float(v) for v in (logp - even)[:3])
        moved = float(kl(np.exp(logp), np.exp(even)))
        found[name] = {"chosen": chosen, "rejected": rejected, "gold": gold, "kl": moved}
    return found


def clip_drift():
    """Forty exact batches with PPO's clip and no KL: the largest step of a log-probability on an
    arm that is pushed up, and the KL to the start in the end."""
    z, reward, moved = np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0]), []
    for _ in range(40):
        old = log_softmax(z)

        def loss(p, old=old):
            gain = (reward - np.exp(old) @ reward)[None]
            terms = clipped_surrogate(log_softmax(p["z"])[None], old[None], gain)
            return np.sum(np.exp(old) * terms)

        z = descend(loss, {"z": z}, steps=5, learning_rate=0.05)[0]["z"]
        moved.append(abs(float((log_softmax(z) - old)[0])))
    return {"largest_step": max(moved), "kl": float(kl(softmax(z), np.full(4, 0.25)))}


def overoptimisation():
    """Answers of length 0 … 40: people's reward and the proxy's, by how hard that is pushed."""
    length, ref = np.arange(hackable.LONGEST + 1), hackable.reference()
    proxy, gold = hackable.fit_proxy() * length, hackable.gold(length)
    tilted = {b: optimal_policy(ref, proxy, beta=b) for b in (1.0, 0.2, 0.02)}
    drawn = {n: best_of_n(ref, proxy, n) for n in (1, 4, 1024)}
    found = {f"beta {b}": p for b, p in tilted.items()} | {
        f"best of {n}": p for n, p in drawn.items()
    }
    return {
        name: {"gold": float(expectation(p, gold)), "proxy": float(expectation(p, proxy))}
        for name, p in found.items()
    }


def references():
    """Expected reward of DPO's exact optimum at one beta, by the reference it starts from."""
    reward, beta = bandit.reward_table(), 1.0
    kinds = {"good": reward, "uniform": 0 * reward, "bad": -reward}
    found = {
        name: float(expectation(optimal_policy(softmax(z), reward, beta=beta), reward).mean())
        for name, z in kinds.items()
    }
    blind = np.array([0.5, 0.5, 0.0])  # an answer that the reference never gives
    kept = optimal_policy(blind, np.array([0.0, 0.1, 9.0]), beta=0.01)[2]
    return found | {"best": float(reward.max(axis=1).mean()), "never_given": float(kept)}


def reward_shapes():
    """Two rewards of one order, r and r³: KL between the optima that each method can reach.

    From labels without doubt DPO sees the same pairs for both; the online optimum sees the reward.
    """
    reward, ref = np.array([-1.5, -0.5, 0.2, 1.4]), np.full(4, 0.25)
    same = np.array_equal(
        np.sign(reward[:, None] - reward), np.sign(reward[:, None] ** 3 - reward**3)
    )
    optima = [optimal_policy(ref, r, beta=1.0) for r in (reward, reward**3)]
    return {"pairs_equal": bool(same), "kl": float(kl(*optima))}


def noise_of_returns():
    """Standard deviation of the first token's advantage when each of six tokens is a fair coin.

    The critic knows the true value. By what is subtracted and how far ahead is looked.
    """
    coins = (np.arange(64)[:, None] >> np.arange(6)) % 2.0
    mask, to_come = np.ones_like(coins), np.arange(6, 0, -1) / 2
    value = np.tile(to_come, (64, 1))
    found = {
        "no critic": gae(coins, 0 * value, mask, lam=1.0)[0],
        "critic, whole return": gae(coins, value, mask, lam=1.0)[0],
        "critic, lambda 0.95": gae(coins, value, mask, lam=0.95)[0],
    }
    return {name: float(np.sqrt(np.mean(a[:, 0] ** 2))) for name, a in found.items()}


MEASURES = {
    "overconfidence": Measure(overconfidence, "two arms, one always preferred, uniform reference"),
    "displacement": Measure(displacement, "30 answers, 8 shared features, one pair, beta 0.1"),
    "clip_drift": Measure(clip_drift, "four arms, population gradient, clip 0.2, no KL"),
    "overoptimisation": Measure(overoptimisation, "hackable: 41 answers enumerated"),
    "references": Measure(references, "the bandit's closed-form optimum at beta 1"),
    "reward_shapes": Measure(reward_shapes, "four arms, closed form"),
    "noise_of_returns": Measure(noise_of_returns, "six tokens, all 64 completions enumerated"),
}
RULES = {
    "dpo_overconfident": Rule(
        ("overconfidence",), lambda f: f["1.0"], lambda w: w["dpo"] > 0.99 > w["ipo"],
        "the preferred arm's probability at strength 1: DPO {dpo:.3f}, IPO {ipo:.3f}",
    ),
    "ipo_holds_back": Rule(
        ("overconfidence",),
        lambda f: {f"{n}_{k[0] + k[2:]}": v for k, row in f.items() for n, v in row.items()},
        lambda w: all(w[f"ipo_{k}"] < w[f"dpo_{k}"] for k in ("01", "05", "10")),
        "the preferred arm's probability at strength 0.1, 0.5, 1: IPO {ipo_01:.3f}, {ipo_05:.3f}, "
        "{ipo_10:.3f}; DPO {dpo_01:.3f}, {dpo_05:.3f}, {dpo_10:.3f}",
    ),
    "chosen_rises": Rule(
        ("displacement",), lambda f: f["dpo"], lambda w: w["chosen"] > 0,
        "change of log-probability on a pair of like answers: chosen {chosen:+.1f}, rejected "
        "{rejected:+.1f} nats",
    ),
    "gold_anchors": Rule(
        ("displacement",),
        lambda f: {"dpo": f["dpo"]["gold"], "tpo": f["tpo"]["gold"],
                   "dpo_kl": f["dpo"]["kl"], "tpo_kl": f["tpo"]["kl"]},
        lambda w: w["tpo_kl"] < w["dpo_kl"] / 2,  # "prevents": at least half of it
        "KL to the start: TPO {tpo_kl:.2f}, DPO {dpo_kl:.2f} nats; gold's log-probability "
        "{tpo:+.1f} and {dpo:+.1f}",
    ),
    "clip_remembers": Rule(
        ("clip_drift",), as_they_are, lambda w: w["kl"] < 0.1,
        "no batch moves the pushed arm by more than {largest_step:.2f} nats, and after 40 the KL "
        "to the start is {kl:.2f}",
    ),
    "kl_needed": Rule(
        ("overoptimisation",),
        lambda f: {"held": f["beta 0.2"]["gold"], "loose": f["beta 0.02"]["gold"]},
        lambda w: w["loose"] < w["held"],
        "people's reward at the proxy's optimum: {held:.2f} with beta 0.2, {loose:.2f} with 0.02",
    ),
    "kl_needed_by_all": Rule(
        ("overoptimisation",),
        lambda f: {"four": f["best of 4"]["gold"], "many": f["best of 1024"]["gold"],
                   "loose": f["beta 0.02"]["gold"], "start": f["best of 1"]["gold"]},
        lambda w: w["many"] < w["four"] and w["loose"] < w["start"],
        "people's reward: best of 4 {four:.2f}, best of 1024 {many:.2f}; optimum at beta 0.02 "
        "{loose:.2f}; nothing done {start:.2f}",
    ),
    "length_scorer": Rule(
        ("overoptimisation",),
        lambda f: {k: f["beta 0.02"][k] - f["best of 1"][k] for k in ("gold", "proxy")},
        lambda w: w["proxy"] > 0 > w["gold"],
        "pushed hard, a reward that grows with length rises by {proxy:.1f}, people's changes by "
        "{gold:+.1f}",
    ),
    "reference_matters": Rule(
        ("references",), as_they_are, lambda w: w["bad"] < w["uniform"] < w["good"],
        "expected reward at DPO's optimum: {good:.2f} from a good reference, {uniform:.2f} from a "
        "uniform, {bad:.2f} from a bad one (best possible {best:.2f})",
    ),
    "blind_spots_stay": Rule(
        ("references",), as_they_are, lambda w: w["never_given"] == 0,
        "an answer that the reference never gives keeps probability {never_given:.0f}",
    ),
    "pairs_forget_size": Rule(
        ("reward_shapes",), as_they_are, lambda w: w["pairs_equal"] and w["kl"] > 0.01,
        "r and r³ give the same pairs, but optima {kl:.2f} nats apart",
    ),
    "gae_steadies": Rule(
        ("noise_of_returns",),
        lambda f: {"whole": f["critic, whole return"], "gae": f["critic, lambda 0.95"]},
        lambda w: w["gae"] < w["whole"],
        "standard deviation of the first advantage: {gae:.3f} with lambda 0.95, {whole:.3f} with "
        "the whole return",
    ),
    "critic_steadies": Rule(
        ("noise_of_returns",),
        lambda f: {"none": f["no critic"], "critic": f["critic, whole return"]},
        lambda w: w["critic"] < w["none"],
        "size of the first advantage where nothing can be learned: {none:.2f} without a critic, "
        "{critic:.2f} with a perfect one",
    ),
}  # fmt: skip
