"""Demonstrations, a reward model, thumbs, rankings and the best of n: each stage to its optimum.

As in test_offline_optimum.py: every step sees all examples, and the optimum is found again here.
"""

from itertools import product

import autograd.numpy as np
import pytest
from devices import fetched
from optima import (
    ARMS,
    BANDIT,
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


def test_a_reward_model_ends_at_the_likeliest_rewards_of_its_pairs(examples):
    """Scores are known up to a constant in each context; also within 5 standard errors of the true
    rewards. The score reads prompt and arm from the row of the head that belongs to them."""
    seen, made = examples("reward_model_step"), setting("reward", **EASY, num_pairs=1000)
    head = fetched(trained(made, whole())["reward_model"].params["head"]["w"])
    score = head.reshape(ARMS, ARMS)[:CONTEXTS].astype(float)
    for context in range(CONTEXTS):
        chosen, rejected = (part[part[:, 0] == context, 1] for part in np.split(seen[0][0], 2))

        def mean(r, chosen=chosen, rejected=rejected):
            return np.mean(plus(r[rejected] - r[chosen]))

        gap = np.eye(ARMS)[chosen] - np.eye(ARMS)[rejected]
        slope = sigma(gap @ REWARD[context]) * sigma(-gap @ REWARD[context])
        error = np.sqrt(np.diag(inverse((gap.T * slope) @ gap)))
        found, true = score[context] - score[context].mean(), REWARD[context]
        likeliest = descend(mean, np.zeros(ARMS))
        assert np.abs(found - likeliest + likeliest.mean()).max() < 0.01
        assert np.all(np.abs(found - true + true.mean()) < 5 * error)


def test_sft_ends_at_the_frequencies_of_its_demonstrations():
    """Ten demonstrations for each prompt."""
    shown = {"a": "abbbccccdd", "b": "aaaaaabbcd"}
    left = {prompt: iter(answers) for prompt, answers in shown.items()}
    task = BANDIT._replace(train=tuple("ab" * 10), solution=lambda prompt: next(left[prompt]))
    end = log_policy(trained(setting("sft", task=task, **EASY), whole())["policy"].params)
    often = [[answers.count(arm) / 10 for arm in "abcd"] for answers in shown.values()]
    assert np.abs(np.exp(end) - np.array(often)).max() < NEAR


def test_kto_ends_at_the_optimum_of_its_thumbs_for_the_zero_it_ends_with(examples):
    """z₀ = max(0, mean log-ratio of mismatched completions); thumbs down, which are fewer or more
    than thumbs up, weigh so that both count the same."""
    seen, made = examples("unpaired_step"), setting("kto", beta=BETA, **EASY, **DRAWN)
    end, start = (
        log_policy(trained(made, whole())["policy"].params),
        log_policy(made.initial_policy),
    )
    (batch,) = seen[0]
    tokens, up, odd = batch.tokens, batch.desirable, tuple(batch.mismatched_tokens.T)
    place, odds = tuple(tokens.T), np.mean(up) / np.mean(1 - up)
    weight = np.where(up == 1, max(1, 1 / odds), max(1, odds))

    def mean(theta, held):
        rise, z0 = log_softmax(theta) - start, max(0.0, np.mean((log_softmax(held) - start)[odd]))
        return np.mean(weight * sigma(BETA * (1 - 2 * up) * (rise[place] - z0)))

    assert_same_policy(end, settle(mean, start), start)


def softmax(x):
    return np.exp(log_softmax(x))


def rrhf(h, logp, r):
    """A hinge for each two that stand in the wrong order, and the best one's −log π; ties share."""
    lower = r[:, :, None] < r[:, None, :]
    hinge = np.maximum(0, logp[:, :, None] - logp[:, None, :])
    best = (r == r.max(axis=1, keepdims=True)).astype(float)
    return np.sum(lower * hinge, axis=(1, 2)) - np.sum(best * logp, axis=1) / best.sum(axis=1)


LISTS = {  # from log-ratio, log-probability and reward of K candidates
    "infonca": lambda h, logp, r: -np.sum(softmax(r / 0.2) * log_softmax(3.0 * h), axis=1),
    "nca": lambda h, logp, r: np.sum(
        softmax(r / 0.2) * plus(-BETA * h) + plus(BETA * h) / h.shape[1], axis=1
    ),
    "rrhf": rrhf,
}


@pytest.mark.parametrize("name", LISTS)
def test_a_loss_on_rankings_ends_at_the_optimum_of_its_lists(examples, name):
    """RRHF's hinges are compared by value, as other kinks are."""
    seen, drawn = examples("ranked_step"), {"num_pairs": 100, "num_generations": 4}
    count = 600 if name == "rrhf" else 300
    beta, easy = 3.0 if name == "infonca" else BETA, EASY | {"steps": count}
    made = setting(name, beta=beta, **easy, **drawn)
    end, start = (
        log_policy(trained(made, whole(), count)["policy"].params),
        log_policy(made.initial_policy),
    )
    tokens, _, _, reward = seen[0]
    place = tokens[..., 0], tokens[..., 1]

    def mean(theta):
        logp = log_softmax(theta)
        return np.mean(LISTS[name]((logp - start)[place], logp[place], reward))

    if name == "rrhf":
        lowest = min(mean(descend(mean, place)) for place in (start, end))
        assert mean(start) - 0.1 > lowest > mean(end) - 0.01
    else:
        assert_same_policy(end, descend(mean, start), start)


def test_the_pairs_of_rejection_sampling_follow_the_law_of_what_is_accepted(examples):
    """Three draws from π_ref, each accepted with probability e^{(r − r_max)/β}; the best and the
    worst of the accepted are a pair. All 64 groups and their 8 outcomes are enumerated; counts of n
    pairs are within 5 standard errors √(n·p·(1 − p)) of n·p."""
    seen = examples("preference_step")
    made = setting("rso", beta=BETA, **EASY, num_pairs=4000, num_generations=3)
    trained(made, whole(), count=1)
    tokens, ref = seen[0][0], np.exp(log_policy(made.initial_policy))
    expected, found = np.zeros((CONTEXTS, ARMS, ARMS)), np.zeros((CONTEXTS, ARMS, ARMS))
    for context, *arms in product(range(CONTEXTS), *3 * [range(ARMS)]):
        reward = REWARD[context][arms]
        accept = np.exp((reward - reward.max()) / BETA)
        for kept in product([True, False], repeat=3):
            chance = np.prod(np.where(kept, accept, 1 - accept)) * np.prod(ref[context][arms])
            left = sorted((r, arm) for r, arm, k in zip(reward, arms, kept, strict=True) if k)
            if left and left[0] != left[-1]:
                expected[context, left[-1][1], left[0][1]] += chance
    for (context, chosen), (_, rejected) in zip(*np.split(tokens, 2), strict=True):
        found[context, chosen, rejected] += 1
    for counted, law in zip(found, expected, strict=True):
        total, law = counted.sum(), law / law.sum()
        assert total > 500 and law.max() < 0.5
        assert np.all(np.abs(counted - total * law) <= 5 * np.sqrt(total * law * (1 - law)))


def test_best_of_n_ends_at_the_distribution_of_the_best(monkeypatch):
    """F(r)ⁿ − F(r−)ⁿ, F the distribution of the reward under π_ref: 2000 draws in each context,
    5 standard errors."""
    kept, n, size = [], 3, 4000

    def success(prompts, arms, finished):
        kept.extend(zip(prompts, arms, strict=True))
        return np.ones(len(prompts))

    task = BANDIT._replace(success=success)
    made = setting("best_of_n", task=task, num_generations=n, eval_size=size)
    stage = made.method.stage(made)
    measured = stage.evaluate(stage.networks, np.random.default_rng(0))
    ref, worth = np.exp(log_policy(made.initial_policy)), 0.0
    for context, prompt in enumerate("ab"):
        below = np.array([ref[context] @ (REWARD[context] < r) for r in REWARD[context]])
        law = (below + ref[context]) ** n - below**n
        counted = np.array([kept.count((prompt, arm)) for arm in "abcd"])
        assert counted.sum() == size // 2
        assert np.all(
            np.abs(counted - counted.sum() * law) < 5 * np.sqrt(size / 2 * law * (1 - law))
        )
        worth += counted @ REWARD[context] / size
    assert measured["eval_reward"] == pytest.approx(worth)
