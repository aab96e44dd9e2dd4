"""Characters as tokens: round trips, and where the mask stands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyalign.models.tokenizer import Vocabulary, batch, completions, decode, encode, pad

vocabularies = st.builds(
    Vocabulary,
    st.text(min_size=1, max_size=8).map(lambda s: "".join(sorted(set(s)))),
    st.booleans(),
)


@st.composite
def examples(draw):
    """A vocabulary, N prompts and N completions of at least one token each."""
    vocabulary = draw(vocabularies)
    words = st.text(alphabet=vocabulary.alphabet, min_size=1, max_size=5)
    n = draw(st.integers(1, 5))
    return vocabulary, *(draw(st.lists(words, min_size=n, max_size=n)) for _ in range(2))


@given(examples())
def test_decode_undoes_encode_with_and_without_eos(example):
    vocabulary, _, texts = example
    for end in (False, True):
        strings, finished = decode(vocabulary, encode(vocabulary, texts, end=end))
        assert strings == texts
        assert finished.tolist() == [end or not vocabulary.ends] * len(texts)


@given(examples())
def test_ids_are_below_the_size_and_eos_is_the_last(example):
    vocabulary, _, texts = example
    ids = encode(vocabulary, texts, end=True)
    assert min(map(min, ids)) >= 0 and max(map(max, ids)) < vocabulary.size
    assert vocabulary.eos == (vocabulary.size - 1 if vocabulary.ends else None)
    assert all((row[-1] == vocabulary.eos) == vocabulary.ends for row in ids)


@given(examples(), st.integers(0, 3))
def test_the_mask_selects_exactly_the_completion_eos_included(example, extra):
    vocabulary, prompts, texts = example
    prompt_ids = encode(vocabulary, prompts)
    completion_ids = encode(vocabulary, texts, end=True)
    width = max(len(p) + len(c) for p, c in zip(prompt_ids, completion_ids, strict=True)) + extra
    tokens, mask = batch(prompt_ids, completion_ids, width)
    assert tokens.shape == (len(prompts), width) and tokens.dtype == np.int32
    assert mask.shape == (len(prompts), width - 1) and mask.dtype == np.float32
    for row, kept, p, c in zip(tokens, mask > 0, prompt_ids, completion_ids, strict=True):
        assert row[1:][kept].tolist() == c
        assert row[: len(p)].tolist() == p
        assert not row[len(p) + len(c) :].any()
    strings, finished = completions(vocabulary, tokens, mask)
    assert strings == texts and finished.all()


@given(examples())
def test_the_mask_comes_from_lengths_not_from_ids(example):
    """Token 0 is padding and a character; prompts may hold EOS; neither may move the mask."""
    vocabulary, prompts, texts = example
    prompt_ids, completion_ids = encode(vocabulary, prompts), encode(vocabulary, texts, end=True)
    _, mask = batch(prompt_ids, completion_ids)
    _, other = batch([[0] * len(p) for p in prompt_ids], [[0] * len(c) for c in completion_ids])
    assert np.array_equal(mask, other)


@given(examples())
def test_padding_keeps_the_rows(example):
    vocabulary, prompts, _ = example
    rows = encode(vocabulary, prompts)
    tokens, lengths = pad(rows)
    assert [row[:n].tolist() for row, n in zip(tokens, lengths, strict=True)] == rows


def test_a_completion_cut_before_eos_is_not_finished():
    strings, finished = decode(Vocabulary("ab", True), [[0, 1], [0, 2, 1], [2]])
    assert strings == ["ab", "a", ""] and finished.tolist() == [False, True, True]


@pytest.mark.parametrize(
    "call, reason",
    [
        (lambda: encode(Vocabulary("ab", True), ["ab", "axb"]), "'x' in 'axb'"),
        (lambda: batch([[0]], [[1], [0]]), "1 prompts, but 2 completions"),
        (lambda: batch([[0], []], [[1], [0]]), "prompt 1 is empty"),
        (lambda: batch([[0]], [[]]), "completion 0 is empty"),
        (lambda: batch([[0, 1]], [[1, 1]], width=3), "row 0 has 4 tokens, but width is 3"),
        (lambda: pad([]), "at least one row"),
        (lambda: pad([[1], []]), "at least one token in each"),
    ],
)
def test_bad_text_input_is_named(call, reason):
    with pytest.raises(ValueError, match=reason):
        call()
