"""A run on four answers for any settings: where it ends, beside the known optimum."""

from typing import NamedTuple

import autograd.numpy as np
from autograd import grad

from tinyalign.errors import InputError
from tinyalign.losses import dpo, k2, k3, leave_one_out, reinforce
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, rounded
from tinyalign.optimum import bradley_terry_preference, expectation, kl, optimal_policy

NAMES, STEPS = ("A", "B", "C", "D"), 150
REF, REWARD = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 1.0, 2.0, 1.5])
REF_LOGP = np.log(REF)


class Settings(NamedTuple):
    """What the dials say."""

    learner: str = "DPO"
    beta: float = 0.5
    rate: float = 0.5
    noise: float = 0.0  # share of comparisons, or of rewards, that are wrong
    K: int = 8  # answers in a group; DPO samples none


# Name of a setting -> its smallest and its largest value.
RANGES = {"beta": (0.01, 10.0), "rate": (0.001, 3.0), "noise": (0.0, 0.5), "K": (2, 64)}


def from_words(words):
    """Settings from {name: text}; InputError for unknown names and values out of range."""
    settings = Settings()
    for name, text in words.items():
        if name == "learner" and text in LEARNERS:
            settings = settings._replace(learner=text)
            continue
        if name not in RANGES:
            raise InputError(f"{name} = {text}: want one of {', '.join(RANGES)}, or a learner")
        low, high = RANGES[name]
        kind = type(getattr(settings, name))
        try:
            value = kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise InputError(f"{name} is {text!r}, want {wanted}") from None
        if not low <= value <= high:  # also where it is no number at all
            raise InputError(f"{name} is {text}, want {low} to {high}")
        settings = settings._replace(**{name: value})
    return settings


def comparisons(settings):
    """Gradient of DPO on all pairs; a share of them is labelled the wrong way round."""
    chosen, rejected = np.indices((4, 4)).reshape(2, -1)
    wins = bradley_terry_preference(REWARD)
    wins = (1 - settings.noise) * wins + settings.noise * wins.T
    share = (REF[:, None] * REF * wins).reshape(-1)

    def loss(z):
        logp = log_softmax(z)
        four = logp[chosen], logp[rejected], REF_LOGP[chosen], REF_LOGP[rejected]
        return np.sum(share * dpo(*four, beta=settings.beta)) / settings.beta

    slope = grad(loss)
    return lambda z, rng: slope(z)


def groups(settings, penalty):
    """Gradient of leave-one-out on one group of K samples; `penalty` is the KL's term."""

    def loss(z, answers, reward):
        logp = log_softmax(z)[answers]
        in_reward, in_loss = penalty(logp, REF_LOGP[answers])
        # A term inside the reward is a constant to the gradient.
        score = reward - settings.beta * getattr(in_reward, "_value", in_reward)
        advantage = leave_one_out(score[None])[0]
        return np.mean(reinforce(logp, advantage) + settings.beta * in_loss)

    def slope(z, rng):
        answers = rng.choice(4, size=settings.K, p=softmax(z))
        wrong = rng.random(settings.K) < settings.noise  # such an answer gets another one's reward
        reward = REWARD[np.where(wrong, rng.integers(4, size=settings.K), answers)]
        return grad(loss)(z, answers, reward)

    return slope


LEARNERS = {
    "DPO": comparisons,
    "RLOO, KL in the reward": lambda s: groups(s, lambda logp, ref: (logp - ref, 0 * logp)),
    "RLOO, k2 in the loss": lambda s: groups(s, lambda logp, ref: (0.0, k2(logp, ref))),
    "RLOO, k3 in the loss": lambda s: groups(s, lambda logp, ref: (0.0, k3(logp, ref))),
}


def run(settings):
    """The policy at every step, (STEPS + 1, 4), by gradient descent from the reference."""
    slope, rng = LEARNERS[settings.learner](settings), np.random.default_rng(0)
    z, policies = REF_LOGP, [REF]
    for _ in range(STEPS):
        z = z - settings.rate * slope(z, rng)
        policies.append(softmax(z))
    return np.array(policies)


def frame(settings):
    """Reference, policy and optimum at the end of a run, and the way there."""
    policies, best = run(settings), optimal_policy(REF, REWARD, beta=settings.beta)
    policy, left = policies[-1], [kl(policy, best) for policy in policies]
    panels = [
        Panel("Four answers", "answer (rewards 0, 1, 2, 1.5)", "probability",
              [Bars("reference", REF), Bars("policy", policy), Bars("optimum", best)], NAMES),
        Panel("The way to the optimum", "step", "KL to the optimum, nats",
              [Line("the run", list(range(STEPS + 1)), left)]),
    ]  # fmt: skip
    return rounded(Frame(panels, {
        "KL to the optimum": left[-1], "KL to the reference": kl(policy, REF),
        "reward": expectation(policy, REWARD), "reward of the optimum": expectation(best, REWARD),
    }))  # fmt: skip
