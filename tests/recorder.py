"""Stages whose step is replaced by one that writes down what it is given.

The task is one-digit addition with a reward that is easy to work out by hand, the model a random
table of logits, so that completions have one to three tokens, end or are cut off, and differ.
"""

from typing import Any, NamedTuple

import numpy as np
import preparation
import pytest
from devices import fetched

from tinyalign.methods import steps
from toy_envs import arithmetic

ADDITION = arithmetic.make(1)
END = len(ADDITION.alphabet)
P, G, BETA, TEMPERATURE = 6, 4, 0.3, 0.8
USUAL = {"batch_size": P, "num_generations": G, "beta": BETA, "temperature": TEMPERATURE}
ONE = {"num_iterations": 1, "num_minibatches": 1}


class Call(NamedTuple):
    """One call of a step."""

    state: Any
    arrays: tuple  # the arrays it was given, in NumPy
    options: dict


def points(text, finished):
    """The reward of this task: half a point for each odd digit, one for an end."""
    return 0.5 * sum(character in "13579" for character in text) + float(finished)


def likeliest_of(params):
    """(text, finished) of the likeliest completion, token by token: the prompt ends with "="."""
    logits, newest, text = fetched(params["table"]), ADDITION.alphabet.index("="), ""
    while len(text) < ADDITION.max_new_tokens and (newest := logits[newest].argmax()) != END:
        text += ADDITION.alphabet[newest]
    return text, newest == END


def scored_task(calls):
    """The task with this reward; each list that was scored is written down in calls."""

    def reward(prompts, texts, finished):
        found = np.array([points(*each) for each in zip(texts, finished, strict=True)])
        calls.append((list(prompts), list(texts), found))
        return found

    return ADDITION._replace(reward=reward, train=ADDITION.train[:7])


@pytest.fixture
def record(monkeypatch):
    """record(step name) -> the list of its Calls to come; the step hands back a marked state."""

    def replace(name, metrics=()):
        calls = []

        def step(state, *arrays, **options):
            calls.append(Call(state, fetched(arrays), options))
            return state._replace(adam=len(calls)), dict(metrics)

        monkeypatch.setattr(steps, name, step)
        return calls

    return replace


def setting(name, **settings):
    """(StageInputs that start from a random table, what was scored so far)."""
    scored = []
    usual = {"warmup_steps": 4, "label_temperature": 0.0, "num_pairs": 100}
    task = scored_task(scored)
    return preparation.setting(name, task=task, table_seed=1, **usual | settings), scored


def take_one_step(setting, step=1, seed=0, **params):
    """One step of the setting's stage, its networks at other parameters than it starts from."""
    stage = setting.method.stage(setting)
    networks = stage.networks | {
        name: stage.networks[name]._replace(params=changed) for name, changed in params.items()
    }
    return stage.train_step(networks, np.random.default_rng(seed), step)


def texts_of(tokens, mask):
    """Rows as [(prompt, text, finished)], after a look at how each one is laid out."""
    found = []
    for row, kept in zip(tokens, mask > 0, strict=True):
        own = np.flatnonzero(kept) + 1
        assert np.array_equal(own, np.arange(own[0], own[-1] + 1))
        answer, finished = row[own].tolist(), row[own[-1]] == END
        assert END not in answer[:-1] and (finished or len(answer) == ADDITION.max_new_tokens)
        letters = ADDITION.alphabet + "$"
        prompt, text = ("".join(letters[i] for i in ids) for ids in (row[: own[0]], answer))
        assert prompt in ADDITION.train
        found.append((prompt, text.removesuffix("$"), bool(finished)))
    return found


def rewards_of(tokens, mask):
    """The reward of each row, worked out from what stands in it."""
    return np.array([points(text, finished) for _, text, finished in texts_of(tokens, mask)])


def logp_of(params, tokens, temperature=1.0):
    """Token log-probabilities (N, S−1) under a table of logits."""
    logits = fetched(params["table"]).astype(float) / temperature
    return preparation.log_softmax(logits)[tokens[:, :-1], tokens[:, 1:]]


def near(actual, expected):
    """Equal but for what float32 rounds."""
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5)


class InOrder(np.random.Generator):
    """A generator that shuffles nothing, so that rows can be told by their place."""

    def permutation(self, size):
        return np.arange(size)


def in_order(seed=0):
    return InOrder(np.random.PCG64(seed))


def one_step(made, rng=None, **networks):
    """One step of a stage whose policy is not its reference: (networks, plain metrics)."""
    stage = made.method.stage(made)
    states = {n: stage.networks[n]._replace(params=p) for n, p in networks.items()}
    return stage.train_step(stage.networks | states, rng or in_order(), 1)


def own_logp(made, policy, batch, prompts, texts):
    """Own log-probabilities of a batch under policy and start, 0 where the mask is."""
    read = [(prompt, text) for prompt, text, _ in texts_of(batch.tokens, batch.mask)]
    assert read == list(zip(prompts, texts, strict=True))
    assert all(len(set(prompts[i : i + G])) == 1 for i in range(0, len(prompts), G))
    old = logp_of(policy, batch.tokens, TEMPERATURE) * batch.mask
    ref = logp_of(made.initial_policy, batch.tokens, TEMPERATURE) * batch.mask
    near(batch.old_logp, old)
    if batch.ref_logp is not None:
        near(batch.ref_logp * batch.mask, ref)
    assert np.abs(old - ref).max() > 0.1
    return old, ref


def assert_measured(metrics, mask, old, ref, reward, drawn=P * G):
    """Means per completion of what is worth a look; `ref` None: no reference was read."""
    if ref is None:
        assert "kl" not in metrics
        ref = old
    k3 = np.expm1(ref - old) - (ref - old)
    expected = {
        "reward": reward.mean(),
        "frac_reward_zero_std": np.mean(np.ptp(reward, axis=1) == 0),
        "kl": k3.sum() / len(mask),
        "completions/mean_length": mask.sum() / len(mask),
        "completions_sampled": drawn,
    }
    logged = {"kl": 0.0} | metrics
    near([float(logged[key]) for key in expected], list(expected.values()))


def reward_to_come(reward, old, ref, mask):
    """Reward of each token, and what is still to come at it: −β·log-ratio, the score at the end."""
    shaped = -BETA * (old - ref)
    for i, row in enumerate(mask):
        shaped[i, np.flatnonzero(row)[-1]] += reward[i]
    return shaped, np.cumsum(shaped[:, ::-1], axis=1)[:, ::-1]


def whiten(x, mask):
    seen = x[mask > 0]
    return (x - seen.mean()) / np.sqrt(seen.var(ddof=1) + 1e-8) * mask
