"""Completions that share prompts, laid out so that a model reads each prompt once.

A plain batch repeats the prompt in every row (tinyalign.policy): "12+34=" is six of the nine tokens
that are read to score "046" and its end. What a causal model computes for a prompt does not depend
on what follows. Here the tokens of the prompts are read first, each prompt once, then those of
the completions. Values and gradients are the same: tests/models/test_prompt_layout.py proves it.
"""

from typing import Any, NamedTuple

import numpy as np

from tinyalign.engine.backend import to_device


class PromptLayout(NamedTuple):
    """P prompts of at most L tokens, G completions of each, R tokens of each completion to read.

    A model reads P·L + P·G·R tokens, the prompts' before the completions': engine/ops/prompts.py.
    F of its features are used, one for each number that is wanted of the plain batch. With G = 1
    nothing can be shared: rows are read whole, as prompts, and R is 0.
    """

    prompts: int  # P
    length: int  # L
    group: int  # G
    ids: Any  # (P·L + P·G·R,) the tokens
    times: Any  # (P·L + P·G·R,) where each stands in its row of the plain batch, from 0
    last: Any  # (P,) the time of each prompt's last token
    absent: Any  # (P, L) −1e9 where a prompt shorter than L has no token, else 0; None: all have L
    kept: Any  # the tokens whose features are used; the others need no last block
    targets: Any  # (F,) the token that each feature predicts; None where it judges a completion
    places: Any  # (F,) of the number in the flattened plain batch; its size stands for nowhere
    shape: tuple[int, ...]  # of the plain batch: (N, S−1), or (N,) where completions are judged

    @property
    def sizes(self):
        """P, L and G, as the operations of engine/ops/prompts.py take them."""
        return self.prompts, self.length, self.group


def share_prompts(tokens, mask, groups):
    """The layout to score every token of completions that share prompts.

    tokens   (N, S) ids, on the host, as in tinyalign.policy
    mask     (N, S−1), on the host
    groups   (P, G) the rows of each prompt's completions; each row in one group
    returns  PromptLayout; what it leaves out of the plain batch, the mask leaves out too
    raises   ValueError where the rows of a group have different prompts
    """
    width, group, rows = mask.shape[1], groups.shape[1], groups.reshape(-1)
    if group == 1:
        row, column = np.nonzero(mask[rows])  # (F,) each
        targets, places = tokens[rows[row], column + 1], rows[row] * width + column
        length, none = np.full(len(rows), width), tokens[rows, :0]
        return arrange(
            tokens[rows], length, 1, none, row * width + column, targets, places, mask.shape
        )
    length, count, completions = split_rows(tokens[rows], mask[rows], group)
    time = length.repeat(group)[:, None] + np.arange(completions.shape[1])  # (N, R + 1)
    own = np.arange(completions.shape[1]) < count[:, None]  # False: the padding of a shorter one
    places = np.where(own, rows[:, None] * width + time - 1, mask.size)
    # A prompt's last token predicts the first of a completion, whose own last predicts nothing.
    prompt_ends = np.arange(len(length)) * length.max() + length - 1
    read = completions[:, :-1]
    kept = np.concatenate([prompt_ends, len(length) * length.max() + np.arange(read.size)])
    return arrange(
        tokens[groups[:, 0]], length, group, read, kept,
        completions.reshape(-1), places.reshape(-1), mask.shape,
    )  # fmt: skip


def share_prompts_to_judge(tokens, mask, groups):
    """As `share_prompts`, to judge each completion by the feature of its last token."""
    group, rows = groups.shape[1], groups.reshape(-1)
    if group == 1:
        end = mask.shape[1] - (mask[rows, ::-1] > 0).argmax(axis=1)  # column of the last token
        width, none = tokens.shape[1], tokens[rows, :0]
        length, kept = np.full(len(rows), width), np.arange(len(rows)) * width + end
        return arrange(tokens[rows], length, 1, none, kept, None, rows, (len(rows),))
    length, count, completions = split_rows(tokens[rows], mask[rows], group)
    ends = np.arange(len(rows)) * completions.shape[1] + count - 1  # among the completions' tokens
    kept = len(length) * length.max() + ends
    return arrange(tokens[groups[:, 0]], length, group, completions, kept, None, rows, (len(rows),))


def split_rows(tokens, mask, group):
    """Rows of completions, `group` of each prompt one after another, apart from their prompts.

    returns  tokens in each prompt (P,), in each completion (N,), and the completions (N, T), of
             which the shorter ones are padded with anything
    """
    own = mask > 0  # (N, S−1): column t speaks of token t + 1
    length, count = own.argmax(axis=1) + 1, own.sum(axis=1)  # (N,) each
    first = tokens.reshape(-1, group, tokens.shape[1])  # (P, G, S)
    of_prompt = np.arange(tokens.shape[1]) < length.reshape(-1, group, 1)
    same = ((first == first[:, :1]) | ~of_prompt).all() and (of_prompt == of_prompt[:, :1]).all()
    if not same:
        raise ValueError("the rows of a group have different prompts: they cannot share one")
    columns = length[:, None] + np.arange(count.max())  # (N, T)
    completions = np.take_along_axis(tokens, np.minimum(columns, mask.shape[1]), axis=1)
    return length[::group], count, completions


def arrange(prompts, length, group, completions, kept, targets, places, shape):
    """A PromptLayout of P prompts (P, ≥ L) of `length` (P,) tokens and completions (P·G, R)."""
    longest = int(length.max())  # L
    real = np.arange(longest) < length[:, None]  # (P, L)
    own_times = length.repeat(group)[:, None] + np.arange(completions.shape[1])  # (P·G, R)
    times = [np.tile(np.arange(longest), len(length)), own_times.reshape(-1)]
    ids = [prompts[:, :longest].reshape(-1), completions.reshape(-1)]
    return PromptLayout(
        prompts=len(length),
        length=longest,
        group=group,
        ids=to_device(np.concatenate(ids)),
        times=to_device(np.concatenate(times)),
        last=to_device(length - 1),
        absent=None if real.all() else to_device(np.where(real, 0, np.float32(-1e9))),
        kept=to_device(kept),
        targets=None if targets is None else to_device(targets),
        places=to_device(places),
        shape=shape,
    )
