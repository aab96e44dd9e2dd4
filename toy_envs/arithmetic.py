"""Sums, differences and products of small whole numbers, one character per token.

Problems and answers have a fixed width and are padded with zeros, so that a digit of one place
value always stands at the same position: "07+05=" is answered "012", "07-12=" is answered "-05".
Answers are written in the usual order, most significant digit first.
"""

import numpy as np

from toy_envs.task import Task, require_batch, require_share

NAMES = {"+": "addition", "-": "subtraction", "*": "multiplication"}
MOST_PAIRS = 10_000  # of unordered operands: every one for 2 digits, a sample for 3


def solution(prompt):
    """The answer to a problem, zero-padded, without EOS: "07+05=" → "012".

    prompt   two operands of one width around an operator, then "="
    returns  width + 1 characters for + and − (room for a carry or a sign), 2 · width for ×
    raises   ValueError if the prompt is no such problem
    """
    width = (len(prompt) - 2) // 2
    left, operation, right = prompt[:width], prompt[width : width + 1], prompt[width + 1 : -1]
    digits = (left + right).isascii() and (left + right).isdecimal()
    if not (digits and len(left) == len(right) and operation in NAMES and prompt[-1:] == "="):
        raise ValueError(f"{prompt!r} is no problem: want something like '07+05='")
    a, b = int(left), int(right)
    value = {"+": a + b, "-": a - b, "*": a * b}[operation]
    return f"{value:0{answer_width(width, operation)}d}"


def answer_width(digits, operation):
    """Characters of every answer to a problem with operands of `digits` digits."""
    return 2 * digits if operation == "*" else digits + 1


def reward(prompts, completions, finished):
    """1 where the completion is the answer and ended there, else 0; (N,) float64."""
    finished = require_batch(prompts, completions, finished)
    answers = {prompt: solution(prompt) for prompt in set(prompts)}  # many ask the same
    right = [answers[p] == c for p, c in zip(prompts, completions, strict=True)]
    return (np.array(right, dtype=bool) & finished).astype(float)


def candidates(prompt, rng, n):
    """n answers to one problem: the right one half of the time, else one with one digit changed.

    prompt   a problem
    rng      numpy Generator
    n        how many
    returns  list of n strings of the answer's width
    """
    answer = solution(prompt)
    places = [i for i, character in enumerate(answer) if character.isdecimal()]
    drawn = []
    for wrong, place, step in zip(
        rng.random(n) < 0.5, rng.choice(places, n), rng.integers(1, 10, n), strict=True
    ):
        digit = str((int(answer[place]) + step) % 10)
        drawn.append(answer[:place] + digit + answer[place + 1 :] if wrong else answer)
    return drawn


def make(digits=2, operation="+", held_out=0.1, seed=0):
    """Every problem with operands of `digits` digits, split into training and held-out ones.

    digits     1 … 3. For 3, only 10 000 pairs of operands are drawn from the 500 500.
    operation  "+", "-" or "*"
    held_out   share of the problems never trained on, in (0, 1)
    seed       the split is a function of it
    returns    Task; reward and success are both exact match. A problem and its mirror image
               ("12+34=", "34+12=") are on the same side of the split, or it would leak.
    raises     ValueError if an argument is out of range
    """
    if digits not in (1, 2, 3):
        raise ValueError(f"digits is {digits!r}, want 1, 2 or 3")
    if operation not in NAMES:
        raise ValueError(f"operation is {operation!r}, want one of {' '.join(NAMES)}")
    require_share(held_out)
    pairs = np.transpose(np.triu_indices(10**digits))  # every a ≤ b
    pairs = np.random.default_rng(seed).permutation(pairs)[:MOST_PAIRS]
    cut = max(1, round(held_out * len(pairs)))

    def prompts(part):
        both = sorted({(int(x), int(y)) for a, b in part for x, y in ((a, b), (b, a))})
        return tuple(f"{a:0{digits}d}{operation}{b:0{digits}d}=" for a, b in both)

    return Task(
        name=NAMES[operation],
        alphabet=f"0123456789{operation}=",
        ends=True,
        train=prompts(pairs[cut:]),
        held_out=prompts(pairs[:cut]),
        max_new_tokens=answer_width(digits, operation) + 1,
        solution=solution,
        reward=reward,
        success=reward,
        candidates=candidates,
    )
