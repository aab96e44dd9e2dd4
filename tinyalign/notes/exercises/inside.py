"""Exercises of page 22: attention between two texts, and the memory of an LSTM."""

import autograd.numpy as np

from tinyalign.losses.numerics import sigmoid, softmax
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_cross_attention(q, k, v):
    r"""(S, d), (T, d), (T, d) -> (S, d)

    Write cross-attention with one head: queries `(S, d)` of one text, keys and values `(T, d)` of
    another one, result `(S, d)`.

    Hint: Row $s$ of $q k^\top / \sqrt{d}$ holds the scores of query $s$ with all keys.

    Hint: The softmax goes along the keys, the last axis. Nothing is hidden, so there is no mask.
    """
    return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v


def check_my_cross_attention(solution):
    """Against one query at a time."""
    draw = np.random.default_rng(7)
    inputs = [
        {"q": draw.normal(size=(s, d)).round(1), "k": draw.normal(size=(t, d)).round(1),
         "v": draw.normal(size=(t, d)).round(1)}
        for s, t, d in ((1, 2, 2), (2, 5, 3), (4, 3, 4))
    ]  # fmt: skip
    require_same(solution, my_cross_attention, inputs, {
        "The scores are not divided by √d.":
            lambda q, k, v: softmax(q @ k.T) @ v,
        "The scores are divided by d, want √d.":
            lambda q, k, v: softmax(q @ k.T / len(q[0])) @ v,
        "The weights sum to 1 along the queries, want along the keys.":
            lambda q, k, v: softmax(k @ q.T / len(q[0]) ** 0.5).T @ v,
        "The values are added and not averaged: the weights do not sum to 1.":
            lambda q, k, v: np.exp(q @ k.T / len(q[0]) ** 0.5) @ v,
    }, wanted=one_query_at_a_time)  # fmt: skip


def one_query_at_a_time(q, k, v):
    """Cross-attention with a loop over the queries."""
    rows = []
    for query in q:
        weights = np.exp(k @ query / np.sqrt(len(query)))
        rows.append(weights @ v / np.sum(weights))
    return np.array(rows)


def my_lstm_memory(c, write, keep, read, what):
    r"""five arrays (C,) -> h (C,), c (C,)

    Write one step of an LSTM's memory. Given are the old cell and four arrays before their gates
    are applied: write, keep, read and what. Return the new output and the new cell.

    Hint: Three of the four go through the logistic function, and the fourth through tanh.

    Hint: First the new cell, $c = f\,c + i\,u$. Then the output reads the *new* cell.
    """
    c = sigmoid(keep) * c + sigmoid(write) * np.tanh(what)
    return sigmoid(read) * np.tanh(c), c


def check_my_lstm_memory(solution):
    """Against the formulas, written with exponentials."""
    draw = np.random.default_rng(8)
    names = ("c", "write", "keep", "read", "what")
    inputs = [
        dict(zip(names, draw.normal(size=(5, size)).round(1), strict=True)) for size in (1, 2, 5)
    ]
    require_same(solution, my_lstm_memory, inputs, {
        "The old cell is kept whole: the gate keep is not applied.":
            lambda c, i, f, o, u: my_lstm_memory(c, i, 40.0 + 0 * f, o, u),
        "The output reads the old cell, want the new one.":
            lambda c, i, f, o, u: (sigmoid(o) * np.tanh(c), my_lstm_memory(c, i, f, o, u)[1]),
        "The output lacks the tanh of the cell.":
            lambda c, i, f, o, u: (sigmoid(o) * my_lstm_memory(c, i, f, o, u)[1],
                                   my_lstm_memory(c, i, f, o, u)[1]),
        "The gates write and keep are exchanged.":
            lambda c, i, f, o, u: my_lstm_memory(c, f, i, o, u),
        "The cell is returned first, want the output first.":
            lambda c, i, f, o, u: my_lstm_memory(c, i, f, o, u)[::-1],
    }, wanted=with_exponentials)  # fmt: skip


def with_exponentials(c, write, keep, read, what):
    """One step of the memory, its gates written out."""
    i, f, o = (1 / (1 + np.exp(-gate)) for gate in (write, keep, read))
    new = f * c + i * (1 - 2 / (1 + np.exp(2 * what)))
    return o * (1 - 2 / (1 + np.exp(2 * new))), new


EXERCISES = (
    exercise("22.1", my_cross_attention, check_my_cross_attention),
    exercise("22.2", my_lstm_memory, check_my_lstm_memory),
)
QUESTIONS = (
    Question(
        "22.3", "on paper",
        "A keep gate has the constant value $f$, and nothing is written. How large must $f$ be so "
        "that half of the memory is left after 100 tokens? Which number before the logistic "
        "function gives this gate?",
        "$f^{100} = 1/2$, so $f = 2^{-1/100} = 0.9931$. The number is $\\log(f/(1-f)) = 4.97$. A "
        "bias of 1 gives $f = 0.731$ and leaves less than $10^{-13}$ of the memory.",
    ),
    Question(
        "22.4", "open ended",
        "Ask about the *first* of the four facts instead of a key. What must the model know for "
        "that, and which of the two models do you expect to learn it faster?",
        "The model must know positions. The transformer has a vector for each position, and one "
        "look-up is enough. The LSTM can learn to close its gate for writing after the first "
        "token, so this task suits the LSTM much better than the one of the page.",
    ),
)  # fmt: skip
