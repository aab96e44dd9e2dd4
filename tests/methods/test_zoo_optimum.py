"""Every method on a bandit small enough to enumerate: it ends where its mathematics says.

The losses, advantages and surrogates are the library's; every expectation is a finite sum in
float64, and every optimum is worked out here, without tinyalign.optimum. The stages that train on
samples are in test_offline_optimum.py and test_online_optimum.py. The table at the end:
pytest -n 0 -s tests/methods/test_zoo_optimum.py
"""

import re
from itertools import product
from types import SimpleNamespace

import autograd.numpy as np
import pytest
from autograd import grad
from devices import fetched, sent
from strategies import log_probabilities, probabilities, sigma

from tinyalign import losses as L
from tinyalign import methods, optimum
from tinyalign.methods import rollouts
from tinyalign.methods.train_online import best_rows
from tinyalign.policy import Rollout

ARMS = 5
REWARD = np.array([0.9, -1.1, 0.3, 1.6, -0.4])
REF = probabilities(np.array([0.5, 1.0, -0.8, -0.3, 0.2]))
SAMPLER = probabilities(np.array([-0.2, 0.4, 0.9, 0.1, -0.5]))  # draws the answers of pairs
LOG_REF = np.log(REF)
WINS = sigma(REWARD[:, None] - REWARD[None, :])  # Bradley and Terry: P(y_i ≻ y_j)
CHOSEN, REJECTED = np.indices((ARMS, ARMS)).reshape(2, -1)
FREQUENCY = np.outer(SAMPLER, SAMPLER).ravel()  # of the pair (chosen, rejected), if never labelled
BETA = 0.5
TIGHT = 1e-10  # bound on KL where the optimum is inside the simplex


def kl(p, q):
    """KL(p ‖ q), nats; an answer that the optimum p never gives costs nothing by itself."""
    used = p > 0
    return float(np.sum(p[used] * np.log(p[used] / q[used])))


def tilted(weight):
    """π_ref·e^weight/Z."""
    return probabilities(LOG_REF + weight)


def train(slope, rounds=60):
    """Where gradient descent from the reference ends, as probabilities.

    slope  logits -> expected gradient

    Each round is an implicit Euler step along the path of gradient descent, longer as the slope
    falls: the same path and the same end as many small steps, in less time.
    """
    theta = LOG_REF
    for _ in range(rounds):
        here, nudge = slope(theta), 1e-5 * np.eye(ARMS)
        curvature = [(slope(theta + d) - slope(theta - d)) / 2e-5 for d in nudge]
        damping = np.sqrt(here @ here) + 1e-9
        theta = theta - np.linalg.solve(np.transpose(curvature) + damping * np.eye(ARMS), here)
        theta = theta - np.mean(theta)
    return probabilities(theta)


def pairs(loss, wins=WINS, sampler=SAMPLER, **settings):
    """Train on the expected value of a pair loss with a reference."""
    often = np.outer(sampler, sampler).ravel() * wins.ravel()

    def mean(theta):
        logp = log_probabilities(theta)
        arguments = logp[CHOSEN], logp[REJECTED], LOG_REF[CHOSEN], LOG_REF[REJECTED]
        return np.sum(often * loss(*arguments, **settings))

    return train(grad(mean))


def free_pairs(loss, **settings):
    """Train on the expected value of a pair loss without a reference; one token an answer."""

    def mean(theta):
        logp = log_probabilities(theta)
        extra = (-logp[CHOSEN],) if loss in (L.orpo, L.cpo, L.tpo, L.tpo_l) else ()
        values = loss(logp[CHOSEN], logp[REJECTED], *extra, **settings)
        return np.sum(FREQUENCY * WINS.ravel() * values)

    return train(grad(mean))


def lists(loss, size, **settings):
    """Train on the expected value of a loss on `size` answers drawn from the reference."""
    drawn = np.array(list(product(range(ARMS), repeat=size)))
    often = np.prod(REF[drawn], axis=1)

    def mean(theta):
        log_ratio = (log_probabilities(theta) - LOG_REF)[drawn]
        return np.sum(often * loss(log_ratio, REWARD[drawn], **settings))

    return train(grad(mean))


def by_bisection(total, low, high):
    """The x in (low, high) at which the decreasing function `total` is 1."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) > 1 else (low, middle)
    return low


def against(sampler, wins=WINS):
    """P(y ≻ μ), the probability of beating a draw of μ."""
    return wins @ sampler


def dpo():
    return pairs(L.dpo, beta=BETA), tilted(REWARD / BETA)


def f_dpo_js():
    """u = e^s/(2 − e^s), s = (r − λ)/β < log 2: a reward near the top takes most of the rest."""

    def at(level):
        tilt = np.exp((REWARD - level) / BETA)
        return REF * tilt / (2 - tilt)

    lowest = REWARD.max() - BETA * np.log(2)
    level = by_bisection(lambda x: np.sum(at(x)), lowest + 1e-12, lowest + 50)
    return pairs(L.f_dpo_js, beta=BETA), at(level)


def f_dpo_alpha():
    """u = (1 − α·s)^(−1/α), s = (r − λ)/β < 1/α."""

    def at(level):
        return REF * (1 - 0.6 * (REWARD - level) / BETA) ** (-1 / 0.6)

    lowest = REWARD.max() - BETA / 0.6
    level = by_bisection(lambda x: np.sum(at(x)), lowest + 1e-12, lowest + 50)
    return pairs(L.f_dpo_alpha, beta=BETA, alpha=0.6), at(level)


def conservative_cpo():
    """As cDPO, with a uniform reference."""
    sure = ((WINS - 0.05) / 0.9).ravel()

    def mean(theta):
        logp = log_probabilities(theta)
        settings = {"beta": BETA, "alpha": 0.0, "flip": 0.05}
        values = L.conservative_cpo(logp[CHOSEN], logp[REJECTED], -logp[CHOSEN], **settings)
        return np.sum(FREQUENCY * sure * values)

    return train(grad(mean)), probabilities(REWARD / BETA)


def robust_dpo():
    """Labels flipped at the rate it was told: as if they had not been."""
    flipped = 0.8 * WINS + 0.2 * WINS.T
    return pairs(L.robust_dpo, wins=flipped, beta=BETA, flip=0.2), tilted(REWARD / BETA)


def cdpo():
    """Labels surer than Bradley and Terry's σ, which smoothing brings back: (σ − ε)/(1 − 2ε)."""
    sure = (WINS - 0.05) / 0.9
    assert sure.min() > 0
    return pairs(L.cdpo, wins=sure, beta=BETA, flip=0.05), tilted(REWARD / BETA)


def exo():
    """Preferences linear in a score, P = ½ + (s_i − s_j)/2: z_ij = (2P − 1)·log((1 − ε)/ε)."""
    score = sigma(REWARD)
    linear = (1 + score[:, None] - score[None, :]) / 2
    best = tilted(score * np.log(0.9 / 0.1) / BETA)
    return pairs(L.exo_pair, wins=linear, beta=BETA, eps=0.1), best


def ipo():
    return pairs(L.ipo, tau=BETA), tilted(against(SAMPLER) / BETA)


def bco():
    """The odds of winning, to the power 1/β; δ is what makes them a distribution."""
    win = against(SAMPLER)
    unnormalised = REF * (win / (1 - win)) ** (1 / BETA)
    delta = -BETA * np.log(unnormalised.sum())
    return pairs(L.bco, beta=BETA, delta=delta), unnormalised / unnormalised.sum()


def sppo():
    """Least squares of h on (P(y ≻ π_ref) − ½)/β, under Σ π_ref·e^h = 1: the multiplier κ ≤ 0 in
    h = target + κ·e^h is found by bisection, and h itself by bisection inside."""
    target = (against(REF) - 0.5) / BETA

    def solved(kappa):
        low, high = target - 50, target
        for _ in range(100):
            middle = (low + high) / 2
            above = middle - kappa * np.exp(middle) > target
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return middle

    kappa = -by_bisection(lambda k: np.sum(REF * np.exp(solved(-k))), 0.0, 50.0)
    return pairs(L.sppo, sampler=REF, beta=BETA), REF * np.exp(solved(kappa))


def water_filled(gain):
    """argmax Σ gain·π/(π + π_ref): π = max(0, √(c·gain·π_ref) − π_ref), 0 where gain ≤ 0."""

    def filled(c):
        return np.maximum(0.0, np.sqrt(c * np.maximum(gain, 0.0) * REF) - REF)

    return filled(1 / by_bisection(lambda x: filled(1 / x).sum(), 1e-9, 1e9))


def kto():
    """β = 1, answers drawn from the reference, so that z₀ = max(0, −KL(π_ref ‖ π)) = 0."""
    up, z0 = sigma(REWARD), np.zeros(ARMS)
    weight = {"weight_desirable": 1.5, "weight_undesirable": 0.8}

    def mean(theta):
        logp = log_probabilities(theta)
        liked = L.kto(logp, LOG_REF, np.ones(ARMS), z0, beta=1.0, **weight)
        disliked = L.kto(logp, LOG_REF, np.zeros(ARMS), z0, beta=1.0, **weight)
        return np.sum(REF * (up * liked + (1 - up) * disliked))

    return train(grad(mean)), water_filled(REF * (1.5 * up - 0.8 * (1 - up)))


def apo_zero():
    """β = 1: a liked answer's gain is how much more often it wins than loses."""
    return pairs(L.apo_zero, beta=1.0), water_filled(SAMPLER * (2 * against(SAMPLER) - 1))


def infonca():
    return lists(L.infonca, 3, beta=BETA, alpha=0.8), tilted(REWARD / (0.8 * BETA))


def nca():
    """β = 1, lists of K draws from the reference: π = π_ref·K·E[softmax(r/α)_y | y is drawn]."""
    others = np.array(list(product(range(ARMS), repeat=2)))
    often = np.prod(REF[others], axis=1)
    rest = np.sum(np.exp(REWARD[others] / 0.8), axis=1)
    own = np.exp(REWARD / 0.8)[:, None]
    share = np.sum(often * own / (own + rest), axis=1)
    return lists(L.nca, 3, beta=1.0, alpha=0.8), REF * 3 * share


def cpo():
    return free_pairs(L.cpo, beta=BETA, alpha=0.0), probabilities(REWARD / BETA)


def tpo():
    return free_pairs(L.tpo, beta=BETA, alpha=0.0), probabilities(REWARD / BETA)


def simpo():
    return free_pairs(L.simpo, beta=BETA, gamma=0.0), probabilities(REWARD / BETA)


def sft():
    """Imitation of chosen answers: their frequencies, μ(y)·P(y ≻ μ) over the sum."""
    often = FREQUENCY * WINS.ravel()
    shown = np.bincount(CHOSEN, weights=often) / often.sum()

    def mean(theta):
        logp, one = log_probabilities(theta), np.ones((1, 1))
        return sum(shown[i] * L.cross_entropy(logp[i].reshape(1, 1), one) for i in range(ARMS))

    return train(grad(mean)), SAMPLER * against(SAMPLER) / (SAMPLER @ against(SAMPLER))


def reward_model():
    """The rewards up to a constant, compared as softmax(r)."""
    often = FREQUENCY * WINS.ravel()
    slope = grad(lambda r: np.sum(often * L.bradley_terry(r[CHOSEN], r[REJECTED])))
    return train(slope), probabilities(REWARD)


class Always:
    """A generator whose uniform draws all are u."""

    def __init__(self, u):
        self.u = u

    def random(self, shape):
        return np.full(shape, self.u)


def rso():
    """Acceptance probabilities, found by bisection on the uniform draw that decides."""
    low, high = np.zeros(ARMS), np.ones(ARMS)
    for _ in range(60):
        middle = (low + high) / 2
        accepted = [
            L.rejection_sample(REWARD, beta=BETA, rng=Always(u))[i] for i, u in enumerate(middle)
        ]
        low, high = np.where(accepted, middle, low), np.where(accepted, high, middle)
    return REF * middle / np.sum(REF * middle), tilted(REWARD / BETA)


def groups(size):
    """All groups of `size` arms, (P, size)."""
    return np.array(list(product(range(ARMS), repeat=size)))


def raft():
    """One round, imitation of what it keeps: best of G, given that the group is not all alike."""
    drawn = groups(3)
    best = best_rows(SimpleNamespace(reward=REWARD[drawn]))
    often = np.prod(REF[drawn], axis=1)[best // 3]
    found = train(grad(lambda t: -np.sum(often * log_probabilities(t)[drawn.ravel()[best]])))
    below = (REWARD[:, None] > REWARD) @ REF
    expected = (below + REF) ** 3 - below**3 - REF**3
    return found, expected / expected.sum()


def policy_gradient(name, kl="k3", size=3, advantage=None):
    """Train on the expected gradient of a row of the table: its advantage, surrogate and KL.

    Every group of `size` answers counts with its probability under the policy that drew it.
    """
    row, drawn = methods.find(name), groups(size)
    of_advantage = row.advantages[advantage] if advantage else next(iter(row.advantages.values()))
    estimate = row.kl_estimators[kl]

    def slope(theta):
        now = log_probabilities(theta)
        batch = drawn_batch(drawn, now)
        gain = fetched(of_advantage(shaped(batch, row))).reshape(len(drawn), size)
        often = np.repeat(np.prod(np.exp(now)[drawn], axis=1), size)
        _, mask, old = fetched(batch.rollout)

        def mean(t):
            logp = log_probabilities(t)[drawn].reshape(-1, 1)
            loss = row.surrogate(logp, old, gain.reshape(-1, 1), mask, 0.2)
            if row.kl_placement == "loss":
                loss = loss + BETA * estimate(logp, fetched(batch.ref_logp))
            return np.sum(often[:, None] * loss) / size

        return grad(mean)(theta)

    return train(slope)


def shaped(batch, row):
    """The batch whose rewards the row's advantage reads."""
    return rollouts.subtract_kl(batch) if row.kl_placement == "reward" else batch


def drawn_batch(drawn, logp):
    """A ScoredRollout of one-token completions, its rewards on the host and the rest not."""
    tokens = np.stack([np.zeros(drawn.size, int), drawn.ravel()], axis=1)
    rollout = Rollout(tokens, np.ones((drawn.size, 1)), logp[drawn].reshape(-1, 1))
    setting = SimpleNamespace(config=SimpleNamespace(beta=BETA))
    ref_logp = LOG_REF[drawn].reshape(-1, 1)
    return rollouts.ScoredRollout(setting, None, sent(rollout), REWARD[drawn], sent(ref_logp))


def rloo():
    return policy_gradient("rloo", size=2), tilted(REWARD / BETA)


def grpo_k2():
    """k2 as a loss pulls like the KL; the reward is worth (G − 1)/G to a group-mean baseline."""
    found = policy_gradient("grpo", "k2", 3, "center")
    return found, tilted(REWARD * (2 / 3) / BETA)


def grpo_k3():
    """k3 as a loss is the forward KL: π = β·π_ref/(λ − r), r worth (G − 1)/G."""
    gain = REWARD * (2 / 3)
    found = policy_gradient("grpo", "k3", 3, "center")
    top = gain.max()
    level = by_bisection(lambda x: np.sum(BETA * REF / (x - gain)), top + 1e-12, top + BETA)
    return found, BETA * REF / (level - gain)


def online_dpo():
    """Pairs drawn from the policy of the moment: the same optimum as with any other sampler."""

    def slope(theta):
        often = np.outer(*2 * [probabilities(theta)]).ravel() * WINS.ravel()

        def mean(t):
            logp = log_probabilities(t)
            arguments = logp[CHOSEN], logp[REJECTED], LOG_REF[CHOSEN], LOG_REF[REJECTED]
            return np.sum(often * L.dpo(*arguments, beta=BETA))

        return grad(mean)(theta)

    return train(slope), tilted(REWARD / BETA)


def reinforce():
    """A baseline shared by the batch, which here holds every pair of arms once."""
    return policy_gradient("reinforce", size=2), tilted(REWARD / BETA)


def ppo():
    """Four clipped passes over every arm, as often as it is drawn; the critic is exact."""
    theta, mask = LOG_REF, np.ones((ARMS, 1))
    for _ in range(300):
        old = log_probabilities(theta)[:, None]
        often = np.exp(old)
        reward = L.kl_shaped_reward(REWARD, old, LOG_REF[:, None], mask, beta=BETA)
        advantage, _ = L.gae(reward, np.full((ARMS, 1), np.sum(often * reward)), mask)

        def mean(t, old=old, often=often, advantage=advantage):
            logp = log_probabilities(t)[:, None]
            return np.sum(often * L.clipped_surrogate(logp, old, advantage))

        for _ in range(4):
            theta = theta - 2.0 * grad(mean)(theta)
    return probabilities(theta), tilted(REWARD / BETA)


CASES = {  # bounds on KL(optimum ‖ found), nats
    sft: TIGHT, reward_model: TIGHT, raft: TIGHT, rso: TIGHT,
    f_dpo_js: TIGHT, f_dpo_alpha: TIGHT, conservative_cpo: TIGHT,
    dpo: TIGHT, robust_dpo: TIGHT, cdpo: TIGHT, ipo: TIGHT, exo: TIGHT, bco: TIGHT, sppo: TIGHT,
    kto: 1e-8, apo_zero: 1e-8, infonca: TIGHT, nca: TIGHT, cpo: TIGHT, tpo: TIGHT, simpo: TIGHT,
    reinforce: TIGHT, rloo: TIGHT, ppo: TIGHT, grpo_k2: TIGHT, grpo_k3: TIGHT, online_dpo: TIGHT,
}  # fmt: skip


@pytest.mark.slow
def test_dft_ends_at_the_most_frequent_demonstration():
    """Cross-entropy ends at the frequencies; DFT at their largest, from a reference that has it."""
    shown, one = np.array([0.5, 0.2, 0.1, 0.1, 0.1]), np.ones((1, 1))

    def mean(theta):
        logp = log_probabilities(theta)
        return sum(shown[i] * L.dft(logp[i].reshape(1, 1), one) for i in range(ARMS))

    theta = LOG_REF
    for _ in range(4000):
        theta = theta - 1.0 * grad(mean)(theta)
    assert probabilities(theta)[0] > 0.99


@pytest.fixture(scope="module")
def table():
    rows = []
    yield rows
    print(f"\n\n{'method':14}{'KL to its optimum':>18}{'bound':>9}{'KL at the start':>18}")
    for name, *figures in rows:
        print("{:14}{:18.1e}{:9.0e}{:18.3f}".format(name, *figures))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_method_ends_at_its_optimum(case, table):
    """KL(optimum ‖ policy) below the stated bound, from a reference that is far from it."""
    found, optimum = case()
    start, end = kl(optimum, REF), abs(kl(optimum, found))  # −1e-16 is 0
    table.append((case.__name__, end, CASES[case], start))
    assert np.sum(optimum) == pytest.approx(1)
    assert start > 0.01
    assert end < CASES[case]


@pytest.mark.parametrize("name", ["reinforce", "rloo", "reinforce_pp"])
def test_at_the_optimum_every_sample_is_worth_the_same(name):
    """r − β·log(π*/π_ref) = β·log Z for every arm: advantages are 0 sample by sample, not only on
    average."""
    row, best = methods.find(name), np.log(tilted(REWARD / BETA))
    batch = drawn_batch(groups(2), best)
    (advantage,) = row.advantages.values()
    assert np.allclose(fetched(advantage(shaped(batch, row))), 0, atol=1e-7)
    elsewhere = drawn_batch(groups(2), LOG_REF)
    assert np.abs(fetched(advantage(shaped(elsewhere, row)))).max() > 0.1


@pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)
def test_every_method_says_what_its_optimum_is(row):
    """Its closed form, or that there is none, stands in the docstring of the loss; a function of
    tinyalign.optimum that is named there exists."""
    said = row.loss.__doc__
    assert re.search(r"\b[Oo]ptimum\b(?!\.\w)", said), "a line of its docstring: Optimum: …"
    for name in re.findall(r"`optimum\.(\w+)`", said):
        assert callable(getattr(optimum, name, None)), name
