"""Characters as tokens: strings to right-padded batches and back."""

from typing import NamedTuple

import numpy as np


class Vocabulary(NamedTuple):
    """One token per character, and an end-of-sequence token if completions end by themselves."""

    alphabet: str  # the character of token i is alphabet[i]
    ends: bool  # the id after the last character is end-of-sequence

    @property
    def size(self):
        """Number of tokens, EOS included: V."""
        return len(self.alphabet) + self.ends

    @property
    def eos(self):
        """Token id of end-of-sequence, or None where completions do not end by themselves."""
        return len(self.alphabet) if self.ends else None


def encode(vocabulary, strings, *, end=False):
    """Token ids of each string.

    vocabulary  Vocabulary, or anything with `alphabet` and `ends` (a Task)
    strings     sequence of N strings
    end         append EOS to each: True for completions to learn from, where the vocabulary ends
    returns     list of N lists of int
    raises      ValueError naming the first character that is not in the alphabet
    """
    ids = {character: i for i, character in enumerate(vocabulary.alphabet)}
    last = [len(vocabulary.alphabet)] if end and vocabulary.ends else []
    rows = []  # lists of different length; `pad` makes an array of them
    for string in strings:
        try:
            rows.append([ids[character] for character in string] + last)
        except KeyError as error:
            raise ValueError(
                f"character {error.args[0]!r} in {string!r} is not in the alphabet "
                f"{vocabulary.alphabet!r}"
            ) from None
    return rows


def decode(vocabulary, rows):
    """The string of each row up to, not including, the first EOS; later tokens are ignored.

    vocabulary  Vocabulary, or anything with `alphabet` and `ends`
    rows        N sequences of token ids in 0 … size − 1
    returns     list of N strings, finished (N,) bool: True where the row has an EOS; all True if
                the vocabulary has none
    """
    eos = len(vocabulary.alphabet)
    strings, finished = [], []
    for row in rows:
        ids = [int(i) for i in row]  # a NumPy row has neither index() nor Python numbers
        stop = ids.index(eos) if eos in ids else len(ids)
        strings.append("".join(vocabulary.alphabet[i] for i in ids[:stop]))
        finished.append(stop < len(ids) or not vocabulary.ends)
    return strings, np.array(finished, dtype=bool)


def completions(vocabulary, tokens, mask):
    """The completions inside a batch as `batch` lays it out: `decode` where the mask is 1.

    tokens   (N, S) int
    mask     (N, S − 1) 0 or 1, on targets: mask[:, t] speaks of tokens[:, t + 1]
    returns  list of N strings, finished (N,) bool
    """
    own = np.asarray(mask) > 0  # (N, S − 1)
    # row[1:] are the targets, so that mask and tokens line up.
    return decode(vocabulary, [row[1:][is_own] for row, is_own in zip(tokens, own, strict=True)])


def pad(rows, width=None):
    """Rows of different length in one array, padded on the right with 0.

    rows     N sequences of token ids, none of them empty
    width    columns S; None takes the longest row
    returns  tokens (N, S) int32, lengths (N,) int64
    raises   ValueError for no rows, an empty row, or one longer than width
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    if lengths.size == 0 or lengths.min() == 0:
        raise ValueError("want at least one row, and at least one token in each")
    width = int(lengths.max()) if width is None else width
    if lengths.max() > width:
        raise ValueError(f"row {lengths.argmax()} has {lengths.max()} tokens, but width is {width}")
    tokens = np.zeros((len(lengths), width), dtype=np.int32)
    real = np.arange(width) < lengths[:, None]  # (N, S): False on padding
    # An assignment to a mask fills it row by row, which is the order of the concatenated rows.
    tokens[real] = np.concatenate([np.asarray(row) for row in rows])
    return tokens, lengths


def batch(prompts, completions, width=None):
    """Tokens and mask of prompts and completions: the input of every loss over completions.

    prompts      N lists of token ids, none empty: a model predicts from at least one token
    completions  N lists of token ids, none empty; EOS, where there is one, is among them
    width        columns S; None takes the longest row
    returns      tokens (N, S) int32; mask (N, S − 1) float32, 1 where the target tokens[:, t + 1]
                 belongs to the completion. Padding is token 0 and is masked by position, so its
                 content never matters.
    raises       ValueError if the two lists differ in length, or a row is empty or too long
    """
    if len(prompts) != len(completions):
        raise ValueError(f"{len(prompts)} prompts, but {len(completions)} completions")
    for kind, rows in (("prompt", prompts), ("completion", completions)):
        empty = [i for i, row in enumerate(rows) if len(row) == 0]
        if empty:
            raise ValueError(f"{kind} {empty[0]} is empty: want at least one token")
    tokens, lengths = pad(
        [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)],
        width,
    )
    start = np.array([len(prompt) for prompt in prompts])[:, None]  # (N, 1)
    target = np.arange(1, tokens.shape[1])  # (S − 1,): column of the token that position t predicts
    mask = (target >= start) & (target < lengths[:, None])  # (N, S − 1)
    return tokens, mask.astype(np.float32)
