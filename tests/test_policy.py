"""Scoring and sampling: the log-probabilities returned are those of the distribution drawn from."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
from devices import here, sent
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds
from tiny import VOCAB, deep_models, each_model, parameters, some_tokens

import tinyalign.models.sampling
import tinyalign.policy
from tinyalign.engine.backend import to_device, to_host, using, xp
from tinyalign.engine.tree import tree_map
from tinyalign.models import lstm, tabular, transformer

EOS = VOCAB - 1
policy = here(tinyalign.policy)
sampling = here(tinyalign.models.sampling)


@st.composite
def requests(draw):
    """Ragged prompts and the settings of `sample`: eos may never, sometimes or soon be drawn."""
    token = st.integers(0, VOCAB - 1)
    return dict(
        prompts=draw(st.lists(st.lists(token, min_size=1, max_size=5), min_size=1, max_size=4)),
        max_new_tokens=draw(st.integers(1, 6)),
        eos=draw(st.sampled_from([None, 0, EOS])),
        temperature=draw(st.sampled_from([0.3, 1.0, 2.5])),
        num_generations=draw(st.integers(1, 3)),
    )


def sampled(model, params, seed, request, **changed):
    return policy.sample(model, params, rng=np.random.default_rng(seed), **{**request, **changed})


@each_model
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-10), (np.float32, 1e-4)])
@given(seed=seeds, request=requests())
def test_a_sample_comes_with_the_log_probability_it_has(model, dtype, tolerance, seed, request):
    """sample(…).logp = token_logp(…)·mask at the same temperature."""
    params = parameters(model, seed % 5, dtype)
    rollout = sampled(model, params, seed, request)
    assert rollout.logp.dtype == rollout.mask.dtype == dtype
    scored = policy.token_logp(model, params, rollout.tokens, temperature=request["temperature"])
    np.testing.assert_allclose(rollout.logp, scored * rollout.mask, rtol=tolerance, atol=tolerance)


@each_model
@given(seed=seeds, request=requests())
def test_the_mask_is_the_completion_with_its_eos(model, seed, request):
    """A row is prompt, completion up to and including the first EOS or the limit, padding."""
    tokens, mask, logp = sampled(model, parameters(model), seed, request)
    group, limit, eos = (request[key] for key in ("num_generations", "max_new_tokens", "eos"))
    assert len(tokens) == len(request["prompts"]) * group
    assert mask.shape == logp.shape == (len(tokens), tokens.shape[1] - 1)
    for row, prompt in enumerate(p for p in request["prompts"] for _ in range(group)):
        assert tokens[row, : len(prompt)].tolist() == prompt
        own = tokens[row, 1:][mask[row] == 1].tolist()
        expected = np.zeros(mask.shape[1])
        expected[len(prompt) - 1 : len(prompt) - 1 + len(own)] = 1
        np.testing.assert_array_equal(mask[row], expected)
        assert eos not in own[:-1]
        assert len(own) == limit or own[-1] == eos
    assert mask[:, -1].any()  # no column is padding for all


@each_model
@given(seed=seeds, request=requests())
def test_the_same_generator_draws_the_same_sample(model, seed, request):
    """sample(rng(s)) = sample(rng(s))."""
    params = parameters(model)
    for first, again in zip(
        sampled(model, params, seed, request), sampled(model, params, seed, request), strict=True
    ):
        np.testing.assert_array_equal(first, again)


@each_model
def test_a_device_draws_the_same_tokens(model, device):
    """The uniforms come from the host's generator, so every backend draws the same completions."""
    request = dict(prompts=[[1], [2, 3, 0]], max_new_tokens=6, eos=EOS, num_generations=8)
    with using("numpy"):
        params = parameters(model, dtype=np.float32)
        expected = sampled(model, params, 0, request)
    rollout = tinyalign.policy.sample(model, sent(params), rng=np.random.default_rng(0), **request)
    assert all(isinstance(part, xp.ndarray) for part in rollout)
    np.testing.assert_array_equal(to_host(rollout.tokens), expected.tokens)
    np.testing.assert_array_equal(to_host(rollout.mask), expected.mask)
    np.testing.assert_allclose(to_host(rollout.logp), expected.logp, rtol=1e-4, atol=1e-4)


def completions(length, eos):
    """Every completion of at most `length` tokens: those that end in EOS, and the full ones."""
    for size in range(1, length + 1):
        for answer in itertools.product(range(VOCAB), repeat=size):
            if eos not in answer[:-1] and (size == length or answer[-1] == eos):
                yield answer


def probability(model, params, prompt, answers, temperature=1.0):
    """π(answer | prompt) of every answer, through token_logp."""
    width = len(prompt) + max(map(len, answers))
    tokens = np.zeros((len(answers), width), int)
    mask = np.zeros((len(answers), width - 1))
    for row, answer in enumerate(answers):
        tokens[row, : len(prompt) + len(answer)] = [*prompt, *answer]
        mask[row, len(prompt) - 1 : len(prompt) - 1 + len(answer)] = 1
    logp = policy.sequence_logp(model, params, tokens, mask, temperature=temperature)
    return np.exp(logp)


@each_model
@pytest.mark.parametrize("eos", [None, 2])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_the_probabilities_of_all_completions_sum_to_one(model, eos, temperature):
    """Σ_y π(y | x) = 1 over every completion of at most 3 tokens."""
    answers = list(completions(3, eos))
    total = probability(model, parameters(model), [1, 3], answers, temperature).sum()
    np.testing.assert_allclose(total, 1, rtol=1e-10)


@each_model
@given(seed=seeds, cut=st.integers(1, 4))
def test_probabilities_of_the_parts_multiply(model, seed, cut):
    """log π(y₁y₂ | x) = log π(y₁ | x) + log π(y₂ | x, y₁)."""
    params, tokens = parameters(model, seed % 5), some_tokens(seed)
    place = np.arange(5)
    whole = np.broadcast_to((place >= 0).astype(float), (3, 5))
    first, second = whole * (place < cut), whole * (place >= cut)
    parts = [policy.sequence_logp(model, params, tokens, mask) for mask in (first, second)]
    both = policy.sequence_logp(model, params, tokens, whole)
    np.testing.assert_allclose(parts[0] + parts[1], both, rtol=1e-10)
    alone = policy.sequence_logp(model, params, tokens[:, : cut + 1], first[:, :cut])
    np.testing.assert_allclose(parts[0], alone, rtol=1e-10)


@pytest.mark.parametrize("place", range(6))
def test_a_sequence_reads_the_logits_of_its_own_tokens_only(place):
    """Adding 1 to logits[t, y_{t+1}] changes log π iff P − 1 ≤ t ≤ T − 2; T = 6, P = 3."""
    table = np.random.default_rng(0).standard_normal((6, VOCAB))  # logits by position alone
    fixed = SimpleNamespace(
        trunk=lambda params, tokens: np.tile(params[: tokens.shape[1]], (len(tokens), 1)),
        unembedding=lambda params: to_device(np.eye(VOCAB)),
    )
    tokens, mask = np.array([[0, 1, 2, 3, 4, 1]]), np.array([[0, 0, 1, 1, 1]])
    raised = table.copy()
    raised[place, tokens[0, (place + 1) % 6]] += 1
    before, after = (policy.sequence_logp(fixed, t, tokens, mask) for t in (table, raised))
    assert (before != after).item() == (2 <= place <= 4)


@each_model
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_completions_are_drawn_as_often_as_their_probability_says(model, temperature):
    """Pearson's Σ (observed − n·π)²/(n·π) over all completions is near its degrees of freedom."""
    params, answers, count = parameters(model), list(completions(2, 3)), 20_000
    request = dict(prompts=[[1]], max_new_tokens=2, eos=3, temperature=temperature)
    tokens, mask, _ = sampled(model, params, 0, request, num_generations=count)
    expected = count * probability(model, params, [1], answers, temperature)
    drawn = [tuple(row[1:][keep == 1].tolist()) for row, keep in zip(tokens, mask, strict=True)]
    observed = np.array([drawn.count(answer) for answer in answers])
    assert observed.sum() == count
    freedom = len(answers) - 1
    pearson = np.sum((observed - expected) ** 2 / expected)
    assert abs(pearson - freedom) < 4 * np.sqrt(2 * freedom)  # about its mean ± 4 std


@each_model
def test_temperature_zero_takes_the_likeliest_token(model):
    """T = 0: y_t = argmax logits, at log-probability 0, whatever the generator."""
    params, request = parameters(model), dict(prompts=[[1], [2, 0]], max_new_tokens=4)
    tokens, mask, logp = sampled(model, params, 0, request, temperature=0)
    best = policy.logits(model, params, tokens[:, :-1]).argmax(axis=-1)
    assert ((best == tokens[:, 1:]) | (mask == 0)).all()
    assert (logp == 0).all()
    np.testing.assert_array_equal(sampled(model, params, 1, request, temperature=0).tokens, tokens)


@deep_models
def test_finished_rows_are_not_computed(model):
    """Of the rows fed to the model at least three quarters are not finished, at every step."""
    fed = []

    def decode_step(params, cache, tokens):
        fed.append(len(tokens))
        return model.decode_step(params, cache, tokens)

    params, rng = parameters(model), np.random.default_rng(0)
    watched = SimpleNamespace(**{**vars(model), "decode_step": decode_step})
    vars(watched).pop("prefill", None)  # so that the first token is a step as well
    prompts = [[1, 2]] * 40
    rollout = policy.sample(watched, params, prompts, rng, max_new_tokens=6, eos=0)
    unfinished = rollout.mask[:, 1:].sum(axis=0)  # the rows that got a token at each step
    assert fed[0] == fed[1] == 40  # what the prompts share, then the first draw
    assert unfinished[-1] < 40
    assert (unfinished >= 0.75 * np.array(fed[1:])).all()


@given(seeds, st.sampled_from([0.0, 1 - 2**-24]), st.sampled_from([-np.inf, -1e9, -200.0]))
def test_a_token_of_probability_zero_is_never_drawn(seed, uniform, nothing):
    """At both ends of [0, 1) the inverse of the distribution function is a possible token."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((20, 6)).astype(np.float32)
    z[rng.random((20, 6)) < 0.5] = nothing
    z[np.arange(20), rng.integers(6, size=20)] = 0.0  # at least one is possible
    token, logp = sampling.draw(z, np.full((20, 1), uniform, np.float32), 1.0)
    drawn = z[np.arange(20), token]
    assert (drawn > nothing).all()
    exact = drawn.astype(float) - np.log(np.exp(z.astype(float)).sum(axis=-1))
    np.testing.assert_allclose(logp, exact, rtol=1e-5, atol=1e-5)


@each_model
@given(seed=seeds, garbage=st.integers(0, VOCAB - 1))
def test_what_stands_in_the_padding_never_matters(model, seed, garbage):
    """Tokens after the completion change no masked log-probability, reward or entropy."""
    rng = np.random.default_rng(seed)
    params, tokens = parameters(model), some_tokens(seed, rows=2, time=8)
    end = rng.integers(3, 8)
    mask = np.broadcast_to((np.arange(7) >= 1) & (np.arange(7) < end), (2, 7)).astype(float)
    other = tokens.copy()
    other[:, end + 1 :] = garbage
    head = policy.scalar_init(model, params)
    head = tree_map(lambda leaf: leaf + 0.3, head)
    for read in (
        lambda t: policy.sequence_logp(model, params, t, mask),
        lambda t: policy.token_logp_and_entropy(model, params, t)[1] * mask,
        lambda t: policy.sequence_reward(model, head, t, mask),
    ):
        np.testing.assert_allclose(read(tokens), read(other), rtol=1e-12)
    wider = np.hstack([tokens, np.full((2, 2), garbage)]), np.hstack([mask, np.zeros((2, 2))])
    narrow = policy.sequence_logp(model, params, tokens, mask)
    np.testing.assert_allclose(policy.sequence_logp(model, params, *wider), narrow, rtol=1e-10)


@each_model
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_one_pass_gives_log_probabilities_and_entropies(model, temperature):
    """H = −Σ_v π_v log π_v of softmax(logits/T); logp = that of token_logp."""
    params, tokens = parameters(model), some_tokens()
    logp, entropy = policy.token_logp_and_entropy(model, params, tokens, temperature=temperature)
    z = policy.logits(model, params, tokens[:, :-1]) / temperature
    p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(entropy, -(p * np.log(p)).sum(axis=-1), rtol=1e-10)
    chosen = np.take_along_axis(np.log(p), tokens[:, 1:, None], -1)[..., 0]
    np.testing.assert_allclose(logp, chosen, rtol=1e-10)


def test_the_score_of_a_token_is_shifted_by_one():
    """Entry t scores tokens[t + 1] given token t: the table's row of t, column of t + 1."""
    params, tokens = parameters(tabular), np.array([[0, 1, 2]])
    table = params["table"]
    logp = table - np.log(np.exp(table).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(
        policy.token_logp(tabular, params, tokens), [[logp[0, 1], logp[1, 2]]]
    )


@each_model
def test_a_new_scalar_head_reads_zero(model):
    """V(s) = 0 everywhere at first: w = 0 and b = 0 on a trunk that starts as the policy's."""
    params, tokens = sent(parameters(model)), some_tokens()
    head = tinyalign.policy.scalar_init(model, params)
    np.testing.assert_array_equal(policy.scalar(model, head, tokens), np.zeros((3, 6)))
    assert head["trunk"] is params


@each_model
def test_a_scalar_head_is_linear_in_the_features(model):
    """V(s_t) = w · features_t + b."""
    params, tokens = parameters(model), some_tokens()
    head = policy.scalar_init(model, params)
    w = np.random.default_rng(1).standard_normal(head["head"]["w"].shape)
    head["head"] = {"w": w, "b": np.array([0.5])}
    features = policy.scalar_features(model, params, tokens)
    expected = (features @ w)[:, 0].reshape(3, 6) + 0.5
    np.testing.assert_allclose(policy.scalar(model, head, tokens), expected, rtol=1e-10)


@each_model
@given(seed=seeds)
def test_a_reward_is_read_at_the_last_completion_token(model, seed):
    """r(x, y) = V at the place of y's last token, not at the end of the row."""
    rng = np.random.default_rng(seed)
    tokens = some_tokens(seed, rows=4)
    head = tree_map(lambda leaf: leaf + 0.3, policy.scalar_init(model, parameters(model)))
    last = rng.integers(1, 6, size=4)  # place of the last completion token in the row
    start = np.array([rng.integers(0, place) for place in last])  # first place of the mask
    place = np.arange(5)
    mask = ((place >= start[:, None]) & (place < last[:, None])).astype(float)
    expected = policy.scalar(model, head, tokens)[np.arange(4), last]
    reward = policy.sequence_reward(model, head, tokens, mask)
    np.testing.assert_allclose(reward, expected, rtol=1e-10)


@each_model
@pytest.mark.parametrize("prompts", [[], [[]], [[1, 2], []]])
def test_an_empty_prompt_is_refused(model, prompts):
    """The first token needs something to follow."""
    with pytest.raises(ValueError, match="at least one"):
        sampled(model, parameters(model), 0, dict(prompts=prompts, max_new_tokens=2))


def test_a_completion_has_room_for_a_token():
    """max_new_tokens = 0 would complete nothing."""
    with pytest.raises(ValueError, match="max_new_tokens must be at least 1, got 0"):
        sampled(tabular, parameters(tabular), 0, dict(prompts=[[1]], max_new_tokens=0))


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"temperature": -1.0}, "temperature must be at least 0, got -1.0"),
        ({"temperature": math.nan}, "temperature must be at least 0, got nan"),
        ({"num_generations": 0}, "num_generations must be 1, 2, 3 …, got 0"),
        ({"num_generations": 2.5}, "num_generations must be 1, 2, 3 …, got 2.5"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(setting, sentence):
    """Before anything is sampled, in a sentence."""
    request = dict(prompts=[[1]], max_new_tokens=2)
    with pytest.raises(ValueError, match=sentence):
        sampled(tabular, parameters(tabular), 0, request, **setting)


def test_a_prompt_too_long_for_the_context_is_refused():
    """Prompt and completion must fit together: 12 positions hold 10 + 2 tokens, not 11 + 2."""
    params = parameters(transformer)
    sampled(transformer, params, 0, dict(prompts=[[1] * 10, [1]], max_new_tokens=2))
    with pytest.raises(ValueError, match=r"take 13 tokens, .* context is 12"):
        sampled(transformer, params, 0, dict(prompts=[[1] * 11, [1]], max_new_tokens=2))


@pytest.mark.parametrize("model", [lstm, tabular])
def test_a_model_without_a_context_reads_any_length(model):
    """A state of fixed size has no longest row."""
    rollout = sampled(model, parameters(model), 0, dict(prompts=[[1] * 60], max_new_tokens=3))
    assert rollout.tokens.shape == (1, 63)


@each_model
@given(seed=seeds)
def test_the_completions_of_a_prompt_do_not_depend_on_its_neighbours(model, seed):
    """logp of a row in a ragged batch = its logp in a batch of its own."""
    params = parameters(model, seed % 5)
    request = dict(prompts=[[0, 1, 2, 3], [4], [2, 2]], max_new_tokens=4, eos=EOS)
    tokens, mask, logp = sampled(model, params, seed, request)
    for row in range(3):
        alone = policy.token_logp(model, params, tokens[row : row + 1])
        np.testing.assert_allclose(logp[row], (alone * mask[row])[0], rtol=1e-9, atol=1e-10)
