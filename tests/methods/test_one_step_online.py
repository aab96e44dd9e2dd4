"""What each stage that learns from its own samples gives to its step, worked out from the text."""

from collections import Counter

import numpy as np
import pytest
from preparation import table
from recorder import (
    ADDITION,
    BETA,
    ONE,
    TEMPERATURE,
    USUAL,
    G,
    P,
    assert_measured,
    in_order,
    likeliest_of,
    logp_of,
    near,
    one_step,
    own_logp,
    points,
    record,
    reward_to_come,
    setting,
    texts_of,
    whiten,
)

from tinyalign import losses

__all__ = ["record"]  # a fixture


def center_batch(x):
    return x - x.mean()


def leave_one_out(x):
    """Minus the mean of the group's other completions."""
    return np.array([[row[i] - np.delete(row, i).mean() for i in range(G)] for row in x])


def standardize(x):
    return (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, ddof=1, keepdims=True) + 1e-4)


def center(x):
    return x - x.mean(axis=1, keepdims=True)


def rank(x):
    """Midranks, minus their mean, over their spread; 0 where all tie."""
    place = np.array([[(row < r).sum() + (row == r).sum() / 2 for r in row] for row in x])
    gap = place - place.mean(axis=1, keepdims=True)
    spread = place.std(axis=1, keepdims=True)
    return gap / np.where(spread > 0, spread, 1)


def over_mean(x):
    """MaxRL's: what a completion got above its group's mean, in means; 0 where nothing was got."""
    mean = x.mean(axis=1, keepdims=True)
    return (x - mean) / np.where(mean > 0, mean, 1)


CASES = {  # (method, --advantage): own advantage, whether KL is taken off the reward, KL in loss
    ("reinforce", None): (center_batch, True, False),
    ("rloo", None): (leave_one_out, True, False),
    ("grpo", None): (standardize, False, True),
    ("grpo", "center"): (center, False, True),
    ("grpo", "rank"): (rank, False, True),
    ("dr_grpo", None): (center, False, False),
    ("gspo", None): (standardize, False, True),
    ("cispo", None): (standardize, False, False),
    ("sapo", None): (standardize, False, False),
    ("dppo", None): (standardize, False, False),
    ("maxrl", None): (over_mean, False, False),
}


@pytest.mark.parametrize("name, advantage", CASES, ids=lambda part: part or "default")
def test_a_policy_gradient_steps_on_its_own_samples(record, name, advantage):
    """Rows are what was scored, old_logp the policy's at the temperature of sampling, ref_logp the
    start's, the advantage that of the case; the KL is in the reward, in the loss, or nowhere."""
    calls, (of_reward, in_reward, in_loss) = record("policy_gradient_step"), CASES[name, advantage]
    typed = {"advantage": advantage, "epsilon": 0.17, "entropy_coef": 0.02, "kl": "k2"}
    made, scored = setting(name, **USUAL, **ONE, **typed)
    moved = table(made, 2)
    _, metrics = one_step(made, policy=moved)
    ((_, (batch,), options),), ((prompts, texts, reward),) = calls, scored
    old, ref = own_logp(made, moved, batch, prompts, texts)
    kl = np.sum(old - ref, axis=1).reshape(P, G)
    x = reward.reshape(P, G) - (BETA * kl if in_reward else 0)
    near(batch.advantage, of_reward(x).reshape(-1, 1))
    assert options["beta"] == (BETA if in_loss else 0.0) and options["entropy_coef"] == 0.02
    assert options["temperature"] == TEMPERATURE
    assert not in_loss or options["kl"] is losses.k2
    assert options["surrogate"] is made.method.surrogate and options["clip"] == 0.17
    assert options["reduce"].func is made.method.reduce
    assert options["reduce"].keywords == {"length": ADDITION.max_new_tokens}
    seen = ref if in_reward or in_loss else None
    assert (batch.ref_logp is None) == (seen is None)
    assert_measured(metrics, batch.mask, old, seen, reward.reshape(P, G))


def test_remax_takes_off_the_reward_of_the_likeliest_completion(record):
    """Found here token by token from the table; its completion is counted among the samples."""
    calls = record("policy_gradient_step")
    made, scored = setting("remax", **USUAL, **ONE)
    moved = table(made, 6)
    _, metrics = one_step(made, policy=moved)
    ((_, (batch,), _),), ((prompts, texts, reward), (asked, likeliest, greedy)) = calls, scored
    old, ref = own_logp(made, moved, batch, prompts, texts)
    best, finished = likeliest_of(moved)
    assert points(best, finished) > 0
    assert asked == prompts[::G] and likeliest == [best] * P
    kl = np.sum(old - ref, axis=1)
    near(batch.advantage[:, 0], reward - BETA * kl - np.repeat(greedy, G))
    assert int(metrics["completions_sampled"]) == P * G + P


def test_reinforce_plus_plus_whitens_what_is_still_to_come(record):
    """One advantage a token, over all tokens of the batch."""
    calls = record("policy_gradient_step")
    made, scored = setting("reinforce_pp", **USUAL, **ONE)
    moved = table(made, 2)
    one_step(made, policy=moved)
    ((_, (batch,), options),), ((prompts, texts, reward),) = calls, scored
    old, ref = own_logp(made, moved, batch, prompts, texts)
    _, to_come = reward_to_come(reward, old, ref, batch.mask)
    near(batch.advantage, whiten(to_come, batch.mask))
    assert options["beta"] == 0.0


def test_dapo_steps_on_prompts_whose_completions_differ(record):
    """A cut-off completion loses a point first; rounds go on until the batch is full."""
    calls = record("policy_gradient_step")
    made, scored = setting("dapo", **USUAL | {"num_generations": 2}, **ONE)
    moved = table(made, 2)
    _, metrics = one_step(made, in_order(3), policy=moved)
    ((_, (batch,), options),) = calls
    rows, gains = [], []
    for prompts, texts, reward in scored:
        for i in range(0, len(prompts), 2):
            cut = [len(text) == ADDITION.max_new_tokens for text in texts[i : i + 2]]
            pair = reward[i : i + 2] - cut
            if pair[0] != pair[1] and len(rows) < 2 * P:
                rows += zip(prompts[i : i + 2], texts[i : i + 2], strict=True)
                gains.append(pair)
    assert 1 < len(scored) <= 4 and len(rows) == 2 * P  # this seed takes more than one round
    assert [(p, t) for p, t, _ in texts_of(batch.tokens, batch.mask)] == rows
    near(batch.old_logp, logp_of(moved, batch.tokens, TEMPERATURE) * batch.mask)
    near(batch.advantage, standardize(np.array(gains)).reshape(-1, 1))
    assert int(metrics["completions_sampled"]) == 2 * P * len(scored) and options["beta"] == 0.0


@pytest.mark.parametrize("name", ["grpo", "ppo"])
def test_every_pass_reads_every_row_once_and_steps_from_the_last_step(record, name):
    """Two passes in three parts: six steps, each from the state that the one before handed back,
    all on log-probabilities of the policy that drew the samples."""
    calls, whole = record("policy_gradient_step"), setting(name, **USUAL, **ONE)[0]
    fits = record("critic_step")
    parts, _ = setting(name, **USUAL, num_iterations=2, num_minibatches=3)
    for made in (whole, parts):
        networks, _ = one_step(made, np.random.default_rng(3), policy=table(made, 2))
    (_, (batch,), _), *steps = calls
    assert [call.state.adam for call in steps[1:]] == [2, 3, 4, 5, 6]
    assert networks["policy"].adam == 7
    assert [len(call.arrays[0].mask) for call in steps] == 2 * 3 * [P * G // 3]

    def rows(batches):
        each = [row for batch in batches for row in zip(*batch, strict=True)]
        return Counter(b"".join(array.tobytes() for array in row) for row in each)

    for a, b in ((0, 3), (3, 6)):
        assert rows(call.arrays[0] for call in steps[a:b]) == rows([batch])
    order = [[call.arrays[0].tokens.tolist() for call in steps[a : a + 3]] for a in (0, 3)]
    assert order[0] != order[1]
    if name == "ppo":
        assert [fit.state.adam for fit in fits[2:]] == [2, 3, 4, 5, 6]
        assert networks["critic"].adam == 7
    for fit, step in zip(fits, calls, strict=name == "ppo"):
        assert np.array_equal(fit.arrays[0], step.arrays[0].tokens)
