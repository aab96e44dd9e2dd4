"""Reading each prompt once gives the numbers and the gradients of reading every row whole."""

import numpy as np
import pytest
from devices import fetched, sent
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds
from tiny import SIZES, VOCAB, deep_models, parameters

from tinyalign import policy
from tinyalign.engine.tree import leaves, value_and_grad
from tinyalign.models import lstm
from tinyalign.models.layout import share_prompts, share_prompts_to_judge

ONE = np.ones(1)
shapes = st.tuples(
    st.integers(1, 4),  # prompts
    st.integers(1, 5),  # completions of each
    st.integers(1, 4),  # longest prompt
    st.integers(1, 4),  # longest completion
    st.booleans(),  # ragged
)


def grouped_batch(seed, prompts, group, longest, room, ragged):
    """Tokens, mask, and the shuffled rows (P, G) of the completions of each prompt."""
    rng = np.random.default_rng(seed)
    count, width = prompts * group, longest + room
    tokens = rng.integers(VOCAB, size=(count, width))  # what is not overwritten is padding
    mask = np.zeros((count, width - 1), np.float64)
    groups = rng.permutation(count).reshape(prompts, group)
    for rows in groups:
        length = rng.integers(1, longest + 1) if ragged else longest
        tokens[rows, :length] = rng.integers(VOCAB, size=length)
        for row in rows:
            own = rng.integers(1, room + 1) if ragged else room
            mask[row, length - 1 : length - 1 + own] = 1
    longest_row = np.flatnonzero(mask.any(axis=0)).max() + 2  # what is wider is padding for all
    return tokens[:, :longest_row], mask[:, : longest_row - 1], groups


def fitting(model, seed, tokens):
    """Parameters of a model that can read rows of this length, and no longer ones."""
    context = {"context": tokens.shape[1]} if "context" in SIZES[model] else {}
    return parameters(model, seed, **SIZES[model] | context)


def assert_same(params, plain, shared):
    """Value and every gradient to 1e-12 of the largest of each."""
    results = [value_and_grad(lambda p, f=f: (f(p), {}))(sent(params)) for f in (plain, shared)]
    (value, _, gradients), (other, _, others) = fetched(results)
    np.testing.assert_allclose(other, value, rtol=1e-12, atol=1e-12)
    for name, gradient in leaves(gradients).items():
        bound = 1e-12 * max(1, np.abs(gradient).max())
        np.testing.assert_allclose(leaves(others)[name], gradient, rtol=0, atol=bound, err_msg=name)


@deep_models
@given(seeds, shapes)
@settings(max_examples=40)
def test_scores_and_entropies_are_those_of_whole_rows(model, seed, shape):
    tokens, mask, groups = grouped_batch(seed, *shape)
    layout = share_prompts(tokens, mask, groups)
    weights = sent(np.random.default_rng(seed).standard_normal((2, *mask.shape)) * mask)

    def total(params, layout):
        logp, entropy = policy.token_logp_and_entropy(
            model, params, sent(tokens), temperature=0.7, layout=layout
        )
        return (logp * weights[0]).sum() + (entropy * weights[1]).sum()

    params = fitting(model, seed, tokens)
    assert_same(params, lambda p: total(p, None), lambda p: total(p, layout))
    logp = policy.token_logp(model, sent(params), sent(tokens), layout=layout)
    assert (fetched(logp)[mask == 0] == 0).all()


@deep_models
@given(seeds, shapes)
@settings(max_examples=40)
def test_values_of_a_critic_and_scores_of_a_judge_are_those_of_whole_rows(model, seed, shape):
    tokens, mask, groups = grouped_batch(seed, *shape)
    rng, trunk = np.random.default_rng(seed), fitting(model, seed, tokens)
    params = {"trunk": trunk, "head": {"w": rng.normal(size=(trunk["tok"].shape[1], 1)), "b": ONE}}
    weight, of_row = sent((rng.normal(size=mask.shape) * mask, rng.normal(size=len(mask))))
    layouts = share_prompts(tokens, mask, groups), share_prompts_to_judge(tokens, mask, groups)

    def total(params, to_value, to_judge):
        rows, own = sent((tokens, mask))
        value = policy.prefix_value(model, params, rows, layout=to_value)
        reward = policy.sequence_reward(model, params, rows, own, layout=to_judge)
        return (value * weight).sum() + (reward * of_row).sum()

    assert_same(params, lambda p: total(p, None, None), lambda p: total(p, *layouts))


@pytest.mark.parametrize("arrange", [share_prompts, share_prompts_to_judge])
def test_rows_of_different_prompts_are_refused(arrange):
    """Another token in the prompt, or another length of it."""
    tokens = np.array([[1, 2, 3, 4], [1, 2, 4, 4]])
    mask, rows = np.array([[0, 1, 1], [0, 1, 0]]), np.array([[0, 1]])
    arrange(tokens, mask, rows)
    with pytest.raises(ValueError, match="different prompts"):
        arrange(np.array([[1, 2, 3, 4], [1, 3, 4, 4]]), mask, rows)
    with pytest.raises(ValueError, match="different prompts"):
        arrange(tokens, np.array([[0, 1, 1], [0, 0, 1]]), rows)


def test_a_prompt_is_read_once_for_all_its_completions():
    """Of 2 prompts of 3 tokens with 4 completions of 2 tokens each: 2 · 3 + 2 · 4 · 1 tokens."""
    tokens, mask, groups = grouped_batch(0, 2, 4, 3, 2, False)
    assert share_prompts(tokens, mask, groups).ids.size == 2 * 3 + 2 * 4
    assert share_prompts_to_judge(tokens, mask, groups).ids.size == 2 * 3 + 2 * 4 * 2
    assert share_prompts(tokens, mask, np.arange(8)[:, None]).ids.size == tokens[:, :-1].size


@deep_models
def test_sharing_pays_while_completions_are_short(model):
    """Attention looks at all pairs of tokens of a row; an LSTM reads one token after another."""
    assert model.sharing_pays(6, 3, 8) and model.sharing_pays(6, 3, 2)
    assert model.sharing_pays(4, 40, 8) == (model is lstm)
