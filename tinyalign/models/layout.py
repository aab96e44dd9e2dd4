"""Completions that share prompts, laid out so that a model reads each prompt once.

A plain batch repeats the prompt in every row (tinyalign.policy): "12+34=" is six of the nine tokens
that are read to score "046" and its end. What a causal model computes for a prompt does not depend
on what follows. Here each prompt is read once, and all its completions after it in the same row; a
mask hides them from each other. Values and gradients are the same:
tests/models/test_prompt_layout.py proves it.
"""

from typing import Any, NamedTuple

import numpy as np

from tinyalign.engine.backend import to_device


class PromptLayout(NamedTuple):
    """P prompts of at most L tokens, G completions of each, R tokens of each completion to read.

    A model reads P rows of L + G·R tokens: a prompt, then its completions one after another. K of
    its features are used, and `policy` makes F numbers of them: the feature of a prompt's last
    token serves the first token of all G completions. With G = 1 nothing can be shared: rows are
    read whole, as prompts, and R is 0.
    """

    length: int  # L
    group: int  # G
    ids: Any  # (P, L + G·R) the tokens
    times: Any  # (P, L + G·R) where each stands in its row of the plain batch, from 0
    hidden: Any  # (key, query) or (P, key, query): −1e9 where a query does not see a key, else 0
    last: Any  # (P,) the time of each prompt's last token
    kept: Any  # (K,) the tokens whose features are used; the others need no last block
    targets: Any  # (F,) the token that each feature predicts; None where it judges a completion
    places: Any  # (F,) of each number in the flattened plain batch; its size: the number is dropped
    shape: tuple[int, ...]  # of the plain batch: (N, S−1), or (N,) where completions are judged


def share_prompts(tokens, mask, groups):
    """The layout to score every token of completions that share prompts.

    tokens   (N, S) ids, on the host, as in tinyalign.policy
    mask     (N, S−1), on the host
    groups   (P, G) the rows of each prompt's completions; each row in one group
    returns  PromptLayout; it scores every token inside the mask and no other
    raises   ValueError where the rows of a group have different prompts
    """
    width, group, rows = mask.shape[1], groups.shape[1], groups.reshape(-1)
    if group == 1:
        row, column = np.nonzero(mask[rows])  # (F,) each
        targets, places = tokens[rows[row], column + 1], rows[row] * width + column
        length, none = np.full(len(rows), width), tokens[rows, :0]
        return assemble(
            tokens[rows], length, 1, none, row * width + column, targets, places, mask.shape
        )
    length, count, completions = split_rows(tokens[rows], mask[rows], group)
    time = length.repeat(group)[:, None] + np.arange(completions.shape[1])  # (N, R + 1)
    own = np.arange(completions.shape[1]) < count[:, None]  # False: the padding of a shorter one
    places = np.where(own, rows[:, None] * width + time - 1, mask.size)
    # A prompt's last token predicts the first of a completion, whose own last predicts nothing.
    read = completions[:, :-1]
    begin, own_places = row_places(length, group, read.shape[1])
    kept = np.concatenate([begin + length - 1, own_places.reshape(-1)])
    return assemble(
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
        return assemble(tokens[rows], length, 1, none, kept, None, rows, (len(rows),))
    length, count, completions = split_rows(tokens[rows], mask[rows], group)
    _, own_places = row_places(length, group, completions.shape[1])
    kept = own_places[np.arange(len(rows)), count - 1]
    return assemble(
        tokens[groups[:, 0]], length, group, completions, kept, None, rows, (len(rows),)
    )


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


def row_places(length, group, own):
    """Where rows of L + G·R tokens begin, (P,), and where the tokens of completions are, (N, R)."""
    longest = int(length.max())
    begin = np.arange(len(length)) * (longest + group * own)
    within = longest + np.arange(group * own).reshape(group, own)  # (G, R)
    return begin, (begin[:, None, None] + within).reshape(len(length) * group, own)


def assemble(prompts, length, group, completions, kept, targets, places, shape):
    """A PromptLayout of P rows (P, S), of whose prompts `length` (P,) says the ends, and of
    completions (P·G, R)."""
    count, longest, own = len(length), int(length.max()), completions.shape[1]
    time = np.arange(longest)
    own_times = np.tile(length[:, None] + np.arange(own), group)  # (P, G·R)
    times = np.concatenate([np.tile(time, (count, 1)), own_times], axis=1)
    # A prompt and the padding of a shorter one are 0 and −1; the completions are 1 … G.
    owner = np.where(time < length[:, None], 0, -1)  # (P, L)
    numbers = np.tile(np.arange(1, group + 1).repeat(own), (count, 1))  # (P, G·R)
    ids = np.concatenate([prompts[:, :longest], completions.reshape(count, group * own)], axis=1)
    return PromptLayout(
        length=longest,
        group=group,
        ids=to_device(ids),
        # Past the end of its row there is only the padding of a completion, which nobody sees.
        times=to_device(np.minimum(times, prompts.shape[1] - 1)),
        hidden=to_device(hidden_keys(times, np.concatenate([owner, numbers], axis=1))),
        last=to_device(length - 1),
        kept=to_device(kept),
        targets=None if targets is None else to_device(targets),
        places=to_device(places),
        shape=shape,
    )


def hidden_keys(times, owner):
    """−1e9 where a query does not see a key, else 0: (P, key, query), or one for all prompts.

    A token sees what is its prompt's or its own completion's, and not later than it.
    """
    if (times == times[0]).all():
        times, owner = times[:1], owner[:1]  # all prompts have one length
    key, query = (times[:, :, None], owner[:, :, None]), (times[:, None], owner[:, None])
    sees = ((key[1] == 0) | (key[1] == query[1])) & (key[0] <= query[0])
    hidden = np.where(sees, np.float32(0), np.float32(-1e9))
    return hidden[0] if len(hidden) == 1 else hidden
