"""The identities that tie the zoo together, one line each, to 1e-12.

Random moderate numbers in float64; test_losses_reductions.py draws the same identities with
hypothesis, at the extremes too. The table: pytest -n 0 -s tests/methods/test_zoo_reductions.py
"""

from functools import partial

import numpy as np
import pytest
from devices import here, sent
from strategies import slope

from tinyalign import losses as L
from tinyalign import methods, optimum, policy
from tinyalign.losses import aggregate
from tinyalign.methods import steps
from tinyalign.methods.steps import Experience, StepSize
from tinyalign.models import tabular

RNG = np.random.default_rng(0)
B, K, N, T = 50, 4, 6, 5
WIN, LOSE, REF_W, REF_L, GOLD = -RNG.gamma(4, 2, (5, B))
QUAD = WIN, LOSE, REF_W, REF_L
H_W, H_L = WIN - REF_W, LOSE - REF_L
LEVEL = np.full(B, -3.0)  # a reference that tells no answer from another
YES, NO, ZERO = np.ones(B), np.zeros(B), np.zeros(B)
PAIR, FIRST = np.stack([H_W, H_L], axis=1), np.tile([1.0, 0.0], (B, 1))
REWARD, ARM_REWARD = RNG.normal(size=(B, K)), RNG.normal(size=K)
ARMS = RNG.dirichlet(np.ones(K))
LENGTHS = np.array([5, 4, 3, 2, 1, 5])
MASK = (np.arange(T) < LENGTHS[:, None]).astype(float)
LOGP, VALUE, TOKEN_REWARD = RNG.normal(-2, 0.5, (3, N, T))
ADVANTAGE = RNG.normal(size=(N, 1))


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def reverse_kl(score, target):
    """KL(softmax of two scores ‖ target), rows."""
    p = np.exp(score - np.logaddexp(*score.T)[:, None])
    return np.sum(p * np.log(p / target), axis=1)


def raft_slope():
    """Binary reward: the slope of imitating what passed, at one policy over K arms."""
    passed = ARM_REWARD > 0
    kept = ARMS * passed / ARMS[passed].sum()
    return kept - ARMS


def reinforce_slope():
    """Without a baseline, over P(accept)."""
    reward = (ARM_REWARD > 0).astype(float)
    return optimum.policy_gradient(np.log(ARMS), reward) / (ARMS @ reward)


def sdpo(stages):
    """Each stage takes the last one's optimum for its reference."""
    probs = ARMS
    for _ in range(stages):
        probs = optimum.optimal_policy(probs, ARM_REWARD, beta=0.6)
    return probs


def returns():
    return np.cumsum((TOKEN_REWARD * MASK)[:, ::-1], axis=1)[:, ::-1]


best, tilt = optimum.best_of_n, optimum.optimal_policy
IDENTITIES = {
    "InfoNCA(K=2, α→0) = DPO": (
        lambda: L.infonca(PAIR, FIRST, beta=0.3, alpha=1e-3), lambda: L.dpo(*QUAD, beta=0.3)),
    "NCA(K=2, one-hot) = its pair form": (
        lambda: L.nca(0.3 * PAIR, FIRST, beta=1.0, alpha=1e-3),
        lambda: -log_sigmoid(0.3 * H_W) - (log_sigmoid(-0.3 * PAIR)).mean(axis=1)),
    "EXO = InfoNCA's KL turned around": (
        lambda: L.exo_pair(*QUAD, beta=0.3, eps=0.1),
        lambda: reverse_kl(0.3 * PAIR, np.array([0.9, 0.1]))),
    "InfoNCA(target 1−ε, ε) = cDPO(ε)": (
        lambda: L.infonca(PAIR, FIRST * np.log(9), beta=0.3, alpha=1.0),
        lambda: L.cdpo(*QUAD, beta=0.3, flip=0.1)),
    "CPO(α=0) = DPO, constant reference": (
        lambda: L.cpo(WIN, LOSE, -WIN, beta=0.3, alpha=0.0),
        lambda: L.dpo(WIN, LOSE, LEVEL, LEVEL, beta=0.3)),
    "TPO(α=0) = CPO's preference term": (
        lambda: L.tpo(WIN, LOSE, -GOLD, beta=0.3, alpha=0.0),
        lambda: L.cpo(WIN, LOSE, -WIN, beta=0.3, alpha=0.0)),
    "TPO(gold = chosen) = CPO": (
        lambda: L.tpo(WIN, LOSE, -WIN, beta=0.3), lambda: L.cpo(WIN, LOSE, -WIN, beta=0.3)),
    "TPO-L(α=0, γ) = SimPO": (
        lambda: L.tpo_l(WIN, LOSE, -GOLD, beta=2.0, gamma=0.7, alpha=0.0),
        lambda: L.simpo(WIN, LOSE, beta=2.0, gamma=0.7)),
    "SimPO(γ=0, lengths n) = CPO(β/n)": (
        lambda: L.simpo(WIN / 7, LOSE / 7, beta=2.0, gamma=0.0),
        lambda: L.cpo(WIN, LOSE, -WIN, beta=2.0 / 7, alpha=0.0)),
    "DPO of means (lengths n) = DPO(β/n)": (
        lambda: L.dpo(*(x / 7 for x in QUAD), beta=0.7), lambda: L.dpo(*QUAD)),
    "cDPO(ε=0) = DPO": (lambda: L.cdpo(*QUAD, flip=0.0), lambda: L.dpo(*QUAD)),
    "robust DPO(ε=0) = DPO": (lambda: L.robust_dpo(*QUAD, flip=0.0), lambda: L.dpo(*QUAD)),
    "DPOP(λ=0) = DPO": (lambda: L.dpop(*QUAD, lam=0.0), lambda: L.dpo(*QUAD, beta=0.3)),
    "APO-zero = KTO up + KTO down, z₀ = 0": (
        lambda: L.apo_zero(*QUAD),
        lambda: L.kto(WIN, REF_W, YES, 0.0) + L.kto(LOSE, REF_L, NO, 0.0)),
    "hinge(β=1/δ), constant reference = SLiC/δ": (
        lambda: L.hinge(WIN, LOSE, LEVEL, LEVEL, beta=1 / 3),
        lambda: L.slic(WIN, LOSE, -WIN, delta=3.0, lam=0.0) / 3),
    "SPPO at h_w = −h_l = ½ IPO(τ=β/2)": (
        lambda: L.sppo(H_W, -H_W, ZERO, ZERO, beta=0.8),
        lambda: L.ipo(H_W, -H_W, ZERO, ZERO, tau=0.4) / 2),
    "ORPO(λ=0) = NLL": (lambda: L.orpo(WIN, LOSE, -WIN, lam=0.0), lambda: -WIN),
    "Plackett–Luce(K=2) = Bradley–Terry": (
        lambda: L.plackett_luce(PAIR), lambda: L.bradley_terry(H_W, H_L)),
    "Bradley–Terry on β·h = DPO": (
        lambda: L.bradley_terry(0.3 * H_W, 0.3 * H_L), lambda: L.dpo(*QUAD, beta=0.3)),
    "RLOO = K/(K−1) · centred": (
        lambda: L.leave_one_out(REWARD), lambda: K / (K - 1) * L.group_center(REWARD)),
    "GAE(λ=1) = return − V": (
        lambda: L.gae(TOKEN_REWARD, VALUE, MASK, lam=1.0)[0], lambda: (returns() - VALUE) * MASK),
    "SFT = REINFORCE with A = 1": (
        lambda: L.cross_entropy(LOGP, MASK), lambda: L.token_mean(L.reinforce(LOGP, 1.0), MASK)),
    "best-of-3 ∘ best-of-5 = best-of-15": (
        lambda: best(best(ARMS, ARM_REWARD, 5), ARM_REWARD, 3), lambda: best(ARMS, ARM_REWARD, 15)),
    "sDPO in 3 stages = DPO at β/3": (
        lambda: sdpo(3), lambda: tilt(ARMS, ARM_REWARD, beta=0.2)),
    "RSO's accepted = π_ref·e^{r/β}/Z": (
        lambda: ARMS * np.exp((ARM_REWARD - ARM_REWARD.max()) / 0.5)
        / optimum.acceptance_rate(ARMS, ARM_REWARD, beta=0.5),
        lambda: tilt(ARMS, ARM_REWARD, beta=0.5)),
    "RAFT's slope = REINFORCE's/P(accept)": (raft_slope, reinforce_slope),
}  # fmt: skip


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_identity_holds_to_twelve_digits(name):
    left, right = (np.asarray(side()) for side in IDENTITIES[name])
    gap = np.max(np.abs(left - right) / np.maximum(1, np.abs(right)))
    print(f"\n{name:44}{gap:9.1e}", end="")
    assert left.shape == right.shape
    assert np.ptp(left) > 1e-3 or left.ndim == 0  # not two constants
    assert gap <= 1e-12


PLAIN = methods.find("reinforce").surrogate
others = [row for row in methods.METHODS if row.surrogate not in (None, PLAIN)]
each_other = pytest.mark.parametrize("row", others, ids=lambda row: row.name)


def test_the_slope_of_reinforce_is_minus_the_advantage():
    """Of each token; RLOO and ReMax have the same surrogate."""
    slopes = slope(lambda x: PLAIN(x, LOGP, ADVANTAGE, MASK, 0.2), LOGP)
    assert np.array_equal(slopes, -ADVANTAGE * np.ones((N, T)))
    assert PLAIN is methods.find("rloo").surrogate is methods.find("remax").surrogate


@each_other
def test_at_ratio_one_every_surrogate_has_the_slope_of_reinforce(row):
    """ρ = 1: with the same advantages and the same mean, PPO, GRPO, DAPO, CISPO and REINFORCE are
    one; GSPO, whose ratio is a mean over tokens, is where a completion's tokens are averaged."""

    def slope_of(surrogate):
        loss = partial(surrogate, old_logp=LOGP, advantage=ADVANTAGE, mask=MASK, clip=0.2)
        return slope(lambda x: row.reduce(loss(x), MASK, length=T), LOGP)

    plain = slope_of(PLAIN)
    assert np.abs(plain).max() > 0.01
    assert np.abs(slope_of(row.surrogate) - plain).max() <= 1e-12


@each_other
def test_before_any_update_a_step_is_a_step_of_reinforce(row):
    """The same through policy_gradient_step and a model: KL weight 0, gradients to 1e-12."""
    tokens = RNG.integers(4, size=(N, T + 1))
    params = {"table": RNG.normal(size=(4, 4))}
    logp = here(policy).token_logp(tabular, params, tokens)
    drawn = Experience(tokens, MASK, logp, logp, ADVANTAGE)

    def gradient(surrogate):
        network, _ = here(steps).policy_gradient_step(
            steps.init_train_state(sent(params)), drawn, surrogate=surrogate, clip=0.2,
            reduce=aggregate.sequence_mean, kl=L.k3, beta=0.0, entropy_coef=0.0, temperature=1.0,
            model=tabular, step_size=StepSize(1e-3, max_grad_norm=1e9),
        )  # fmt: skip
        return network.adam.mean

    plain = gradient(PLAIN)
    assert np.abs(plain).max() > 1e-3
    assert np.abs(gradient(row.surrogate) - plain).max() <= 1e-12
