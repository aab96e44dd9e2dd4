"""Three models behind the same names: causal, row by row, and the same token by token."""

import math

import numpy as np
import pytest
from devices import here, sent
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from tiny import SIZES, VOCAB, deep_models, each_model, parameters, some_tokens

import tinyalign.engine.ops
import tinyalign.engine.tree
import tinyalign.policy
from tinyalign.models import lstm, tabular, transformer

ops, policy, tree = (
    here(m) for m in (tinyalign.engine.ops, tinyalign.policy, tinyalign.engine.tree)
)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


@each_model
@given(seed=seeds, place=st.integers(0, 5))
def test_a_later_token_changes_no_earlier_logits(model, seed, place):
    """logits[t] is a function of tokens[: t + 1] alone, and it does read token t."""
    params, tokens = parameters(model, seed % 7), some_tokens(seed)
    other = tokens.copy()
    other[:, place] = (other[:, place] + 1) % VOCAB
    before, after = (policy.logits(model, params, t) for t in (tokens, other))
    np.testing.assert_array_equal(before[:, :place], after[:, :place])
    assert (before[:, place] != after[:, place]).any(axis=1).all()


@deep_models
def test_every_earlier_token_matters(model):
    """The last logits depend on each token of the row."""
    params, tokens = parameters(model), some_tokens()
    last = policy.logits(model, params, tokens)[:, -1]
    for place in range(tokens.shape[1]):
        other = tokens.copy()
        other[:, place] = (other[:, place] + 1) % VOCAB
        assert np.abs(policy.logits(model, params, other)[:, -1] - last).max() > 1e-6


def test_an_encoder_reads_both_ways():
    """causal=False: the first logits depend on the last token."""
    params, tokens = parameters(transformer), some_tokens()
    other = tokens.copy()
    other[:, -1] = (other[:, -1] + 1) % VOCAB
    before, after = (
        policy.logits(transformer, params, t, causal=False)[:, 0] for t in (tokens, other)
    )
    assert np.abs(before - after).max() > 1e-6


@each_model
@given(seed=seeds, order=st.permutations(range(4)))
def test_rows_of_a_batch_do_not_see_each_other(model, seed, order):
    """logits(rows) = logits of each row alone, in whatever order."""
    params, tokens = parameters(model, seed % 7), some_tokens(seed, rows=4)
    together = policy.logits(model, params, tokens)
    close(policy.logits(model, params, tokens[order]), together[order])
    close(policy.logits(model, params, tokens[1:2]), together[1:2])


@each_model
@given(seed=seeds, rows=st.integers(1, 4), time=st.integers(1, 8))
def test_token_by_token_gives_the_features_of_the_whole_row(model, seed, rows, time):
    """init_cache, then decode_step over tokens[:, t] = trunk(tokens)[:, t] for every t."""
    params, tokens = parameters(model, seed % 7), some_tokens(seed, rows, time)
    whole = here(model).trunk(params, tokens).reshape(rows, time, -1)
    cache = here(model).init_cache(params, rows, time)
    for t in range(time):
        features, cache = here(model).decode_step(params, cache, tokens[:, t])
        close(features, whole[:, t])


@given(seed=seeds, rows=st.integers(1, 4), times=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_prefill_equals_as_many_steps(seed, rows, times):
    """prefill of the first tokens, then decode_step over the others = trunk at the others."""
    params, first, time = parameters(transformer, seed % 7), times[0], sum(times)
    tokens, model = some_tokens(seed, rows, time), here(transformer)
    whole = model.trunk(params, tokens).reshape(rows, time, -1)
    cache = model.init_cache(params, rows, time)
    cache = model.prefill(params, cache, tokens[:, :first])
    for t in range(first, time):
        features, cache = model.decode_step(params, cache, tokens[:, t])
        close(features, whole[:, t])


@each_model
@given(seed=seeds, kept=st.lists(st.integers(0, 2), min_size=1, max_size=5))
def test_selected_rows_continue_their_own_row(model, seed, kept):
    """select_rows after 3 tokens, then decode_step = trunk of those rows; rows may repeat."""
    params, tokens, model = parameters(model, seed % 7), some_tokens(seed), here(model)
    ends = np.random.default_rng(seed + 1).integers(VOCAB, size=len(kept))
    cache = model.init_cache(params, 3, 4)
    for t in range(3):
        _, cache = model.decode_step(params, cache, tokens[:, t])
    features, _ = model.decode_step(params, model.select_rows(cache, np.array(kept)), ends)
    rows = np.column_stack([tokens[kept, :3], ends])
    close(features, model.trunk(params, rows).reshape(len(kept), 4, -1)[:, -1])


@each_model
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_the_whole_model_is_its_slope(model, seed):
    """dL/dθ · d = [L(θ + h·d) − L(θ − h·d)]/2h along random directions, in float64."""
    rng = np.random.default_rng(seed)
    params, tokens = parameters(model, seed), some_tokens(seed)
    weight, tokens = sent((rng.standard_normal((3, 5)), tokens))

    def loss(params):
        return (weight * tinyalign.policy.token_logp(model, params, tokens)).sum(), {}

    _, _, gradients = tree.value_and_grad(loss)(params)
    for path, leaf in tree.leaves(params).items():
        direction, h = rng.standard_normal(leaf.shape), 1e-6
        ends = (
            here(loss)(tree.rebuild({**tree.leaves(params), path: leaf + sign * h * direction}))[0]
            for sign in (1, -1)
        )
        slope = (next(ends) - next(ends)) / (2 * h)
        gradient = np.sum(tree.leaves(gradients)[path] * direction)
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-7, err_msg=path)


def gpt2(params, tokens):
    """Radford et al. 2019 for one row of tokens, in plain NumPy: one head, one matrix at a time."""

    def norm(x, gain, bias):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(
            x.var(-1, keepdims=True) + 1e-5
        ) * gain + bias

    def attend(q, k, v):
        scores = q @ k.T / np.sqrt(q.shape[1])
        scores[np.triu_indices(len(q), 1)] = -np.inf
        weight = np.exp(scores - scores.max(-1, keepdims=True))
        return weight / weight.sum(-1, keepdims=True) @ v

    x = params["tok"][tokens] + params["pos"][: len(tokens)]
    channels, blocks = x.shape[1], [params[name] for name in params if name.startswith("block")]
    for block in blocks:
        attn, mlp = block["attn"], block["mlp"]
        heads = attn["qkv"]["w"].shape[2]
        w, b = attn["qkv"]["w"].reshape(channels, -1), attn["qkv"]["b"].reshape(-1)
        q, k, v = np.split(norm(x, **block["ln1"]) @ w + b, 3, axis=1)  # (T, C) each
        split = [np.split(a, heads, axis=1) for a in (q, k, v)]
        mixed = np.hstack([attend(*head) for head in zip(*split, strict=True)])
        x = x + mixed @ attn["out"]["w"] + attn["out"]["b"]
        h = norm(x, **block["ln2"]) @ mlp["up"]["w"] + mlp["up"]["b"]
        h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
        x = x + h @ mlp["down"]["w"] + mlp["down"]["b"]
    return norm(x, **params["ln"]) @ params["tok"].T


@given(seeds, st.sampled_from([1, 2, 4]), st.integers(1, 3))
def test_the_transformer_is_gpt_2(seed, heads, layers):
    """Pre-norm blocks, q·k/√d, tanh gelu, tied head, eps 1e-5: the published forward pass."""
    sizes = dict(width=8, layers=layers, heads=heads, context=12)
    params, tokens = parameters(transformer, seed, **sizes), some_tokens(seed)
    expected = np.array([gpt2(params, row) for row in tokens])
    close(policy.logits(transformer, params, tokens), expected)


def test_one_head_is_plain_self_attention():
    """heads = 1: softmax(Q Kᵀ/√C + mask) V with Q, K, V the three thirds of the columns."""
    qkv = np.random.default_rng(0).standard_normal((4, 9))
    q, k, v = qkv[:, :3], qkv[:, 3:6], qkv[:, 6:]
    weight = np.tril(np.exp(q @ k.T / math.sqrt(3)))
    close(ops.attention(qkv, 1, 1, True), weight / weight.sum(axis=1, keepdims=True) @ v)


def test_heads_are_attentions_of_their_own():
    """Two heads of width 2 = two single heads on their columns, side by side."""
    qkv = np.random.default_rng(0).standard_normal((4, 3, 2, 2))  # (T, q/k/v, H, D)
    alone = [ops.attention(qkv[:, :, h].reshape(4, 6), 1, 1, True) for h in range(2)]
    close(ops.attention(qkv.reshape(4, 12), 1, 2, True), np.hstack(alone))


def test_the_lstm_trunk_is_a_stack_of_residual_layers():
    """x ← x + LSTM(x) for each layer, then layernorm, cell by cell."""
    params, tokens = parameters(lstm), some_tokens(rows=1)[0]

    def sigma(z):
        return 1 / (1 + np.exp(-z))

    x = params["tok"][tokens]
    for layer in (params["layer0"], params["layer1"]):
        h, c, out = np.zeros(6), np.zeros(6), []
        for row in x:
            z = row @ layer["w_in"] + h @ layer["w_hidden"] + layer["bias"]
            c = sigma(z[6:12]) * c + sigma(z[:6]) * np.tanh(z[18:])
            h = sigma(z[12:18]) * np.tanh(c)
            out.append(h)
        x = x + np.array(out)
    gain, bias = params["ln"]["gain"], params["ln"]["bias"]
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * gain + bias
    close(here(lstm).trunk(params, tokens[None]), x)


def test_the_table_holds_the_logits_that_follow_each_token():
    """logits[n, t] = table[tokens[n, t]]."""
    params, tokens = parameters(tabular), some_tokens()
    close(policy.logits(tabular, params, tokens), params["table"][tokens])


def test_a_judge_with_a_table_sees_the_prompt_and_the_answer():
    """A score of its own for each pair of a token and the one before it, and for each first one."""
    params = here(tabular).init(None, vocab=3)
    rows = np.array([[before, token] for before in range(3) for token in range(3)])
    features = policy.scalar_features(tabular, params, rows)
    assert features.shape == (18, here(tabular).scalar_width(params)) == (18, 9)
    np.testing.assert_array_equal(features[1::2], np.eye(9))
    np.testing.assert_array_equal(features[::6].argmax(axis=1), [0, 4, 8])


@given(vocab=st.integers(2, 9), heads=st.sampled_from([1, 2, 4]), layers=st.integers(1, 3))
def test_parameters_are_as_many_as_the_architecture_says(vocab, heads, layers):
    """Transformer V·C + T·C + L·(12C² + 13C) + 2C; LSTM V·C + L·(8C² + 4C) + 2C; table V²."""
    rng, width, context = np.random.default_rng(0), 8, 5
    made = here(transformer).init(
        rng, vocab=vocab, width=width, layers=layers, heads=heads, context=context
    )
    block = 12 * width**2 + 13 * width
    assert tree.size(made) == vocab * width + context * width + layers * block + 2 * width
    made = here(lstm).init(rng, vocab=vocab, width=width, layers=layers)
    assert tree.size(made) == vocab * width + layers * (8 * width**2 + 4 * width) + 2 * width
    assert tree.size(here(tabular).init(rng, vocab=vocab)) == vocab**2


@each_model
def test_the_same_seed_makes_the_same_float32_parameters(model):
    """init(rng(0)) = init(rng(0)) ≠ init(rng(1)), every leaf float32; a table starts at 0."""
    first, again, other = (
        here(model).init(np.random.default_rng(seed), vocab=VOCAB, **SIZES[model])
        for seed in (0, 0, 1)
    )
    assert all(leaf.dtype == np.float32 for leaf in tree.leaves(first).values())
    np.testing.assert_array_equal(tree.ravel(first), tree.ravel(again))
    assert (tree.ravel(first) == tree.ravel(other)).all() == (model is tabular)


@pytest.mark.parametrize("width, layers", [(16, 1), (64, 2), (32, 4)])
def test_a_fresh_transformer_neither_explodes_nor_vanishes(width, layers):
    """Weights at 1/√fan-in: every token of a new model starts within a few nats of uniform."""
    rng = np.random.default_rng(0)
    params = here(transformer).init(rng, vocab=12, width=width, layers=layers, heads=2)
    logits = policy.logits(transformer, params, rng.integers(12, size=(8, 20)))
    assert 0.1 < np.std(logits) < 2.0


@pytest.mark.parametrize("width, heads", [(10, 4), (7, 2), (4, 8)])
def test_heads_must_divide_the_width(width, heads):
    """width mod heads ≠ 0 raises ValueError naming both."""
    with pytest.raises(ValueError, match=f"got width {width}, heads {heads}"):
        transformer.init(np.random.default_rng(0), vocab=3, width=width, heads=heads)


def test_a_transformer_without_a_layer_is_refused():
    """layers = 0 would leave nothing to attend."""
    with pytest.raises(ValueError, match="at least one layer, got 0"):
        transformer.init(np.random.default_rng(0), vocab=3, layers=0)


@each_model
def test_a_model_says_how_far_it_can_read(model):
    """context: the rows of the position table; without one there is no limit."""
    limit = 12 if model is transformer else math.inf
    assert model.context(parameters(model)) == limit
    with pytest.raises(TypeError):
        model.init(np.random.default_rng(0), VOCAB)  # the vocabulary goes by its name


def test_a_row_longer_than_the_context_is_refused():
    """13 tokens do not fit a table of 12 positions."""
    with pytest.raises(ValueError, match=r"\b13\b.*\b12\b"):
        here(transformer).trunk(parameters(transformer), some_tokens(time=13))
