"""Write a small stack program that computes a formula, given in ordinary notation.

"(x+3)*y:" is answered "x3+y*", or "yx3+*", or anything else that `interpreter.run` computes the
same numbers with: the reward is the share of unit tests passed.
"""

import re
from functools import lru_cache
from itertools import product

import numpy as np

from toy_envs.interpreter import INSTRUCTIONS, run
from toy_envs.task import Task, require_batch, require_share

LEAVES = "xy123456789"
LEFT = re.compile(r"\(([xy1-9])([-+*])([xy1-9])\)([-+*])([xy1-9]):")
RIGHT = re.compile(r"([xy1-9])([-+*])\(([xy1-9])([-+*])([xy1-9])\):")
# Two polynomials of degree ≤ 3 in each variable that agree on a 4 × 4 grid are the same, so on
# programs of that degree the unit tests decide equality.
TESTS = tuple(product((-3, 2, 5, 7), (-4, 1, 3, 8)))


@lru_cache(maxsize=100_000)  # a policy writes the same programs again and again
def outputs(program):
    """The program's result on every one of TESTS; a tuple of int or None."""
    return tuple(run(program, x, y) for x, y in TESTS)


def parse(prompt):
    """The tree of a formula: "(x+3)*y:" → (("x", "+", "3"), "*", "y")."""
    if match := LEFT.fullmatch(prompt):
        a, inner, b, outer, c = match.groups()
        return (a, inner, b), outer, c
    if match := RIGHT.fullmatch(prompt):
        a, outer, b, inner, c = match.groups()
        return a, outer, (b, inner, c)
    raise ValueError(f"{prompt!r} is no formula: want something like '(x+3)*y:'")


@lru_cache(maxsize=100_000)
def expected(prompt):
    """The formula's value on every one of TESTS; a tuple of int."""
    return tuple(int(value) for value in _values(parse(prompt), *np.transpose(TESTS)))


def _values(tree, x, y):
    """A formula on arrays of inputs: the answer key, which knows nothing of stacks."""
    if isinstance(tree, str):
        return {"x": x, "y": y}[tree] if tree in "xy" else np.full_like(x, int(tree))
    left, operation, right = _values(tree[0], x, y), tree[1], _values(tree[2], x, y)
    return {"+": np.add, "-": np.subtract, "*": np.multiply}[operation](left, right)


def equivalents(tree):
    """Programs for one formula, operands in either order; the first keeps the order of the text."""
    if isinstance(tree, str):
        return [tree]
    left, operation, right = equivalents(tree[0]), tree[1], equivalents(tree[2])
    exchanged = "s-" if operation == "-" else operation
    return [a + b + operation for a in left for b in right] + [
        b + a + exchanged for a in left for b in right
    ]


def solution(prompt):
    """The formula in postfix order: "(x+3)*y:" → "x3+y*"."""
    return equivalents(parse(prompt))[0]


def reward(prompts, completions, finished):
    """Share of the unit tests that each program passes, 0 … 1; 0 if it did not end. (N,)"""
    finished = require_batch(prompts, completions, finished)
    rate = [
        np.mean([got == want for got, want in zip(outputs(c), expected(p), strict=True)])
        for p, c in zip(prompts, completions, strict=True)
    ]
    return np.array(rate) * finished


def success(prompts, completions, finished):
    """1 where a program passes all tests, else 0; (N,)."""
    return (reward(prompts, completions, finished) == 1).astype(float)


def candidates(prompt, rng, n):
    """n programs for one formula: half of the time a right one, else one with a character changed.

    prompt   a formula
    rng      numpy Generator
    n        how many
    returns  list of n strings; a changed program may happen to be right all the same
    """
    right = equivalents(parse(prompt))
    drawn = []
    for _ in range(n):
        program = right[rng.integers(len(right))]
        if rng.random() < 0.5:
            place = rng.integers(len(program))
            like = LEAVES if program[place] in LEAVES else "+-*"
            program = program[:place] + like[rng.integers(len(like))] + program[place + 1 :]
        drawn.append(program)
    return drawn


def _one_spelling_each(rng):
    """Every function of x, y and digits with three operands, once, in random order."""
    spellings = [
        shape.format(*parts)
        for shape in ("({}{}{}){}{}:", "{}{}({}{}{}):")
        for parts in product(LEAVES, "+-*", LEAVES, "+-*", LEAVES)
        if "x" in parts or "y" in parts
    ]
    functions = {}
    for i in rng.permutation(len(spellings)):
        functions.setdefault(expected(spellings[i]), spellings[i])
    return tuple(functions.values())


def make(held_out=0.1, seed=0):
    """Every function of three operands as one formula, e.g. "(x+3)*y:" or "x-(7*y):".

    held_out  share of the functions never trained on, in (0, 1)
    seed      the spelling of each function ("(y+3)*x:" or "x*(3+y):") and the split depend on it
    returns   Task; reward is the pass rate on TESTS, success is passing all of them. No two prompts
              are the same function, so a held-out one was not met in training in other words
    raises    ValueError if held_out is out of range
    """
    require_share(held_out)
    prompts = _one_spelling_each(np.random.default_rng(seed))
    cut = max(1, round(held_out * len(prompts)))
    return Task(
        name="programs",
        alphabet=INSTRUCTIONS + "():",
        ends=True,
        train=prompts[cut:],
        held_out=prompts[:cut],
        max_new_tokens=10,
        solution=solution,
        reward=reward,
        success=success,
        candidates=candidates,
        attempts=8,
    )


def pass_at_k(n, c, k):
    """Unbiased estimate of the chance that at least one of k programs is right.

    n        programs sampled for a task
    c        int or int array: how many of them were right, 0 … n
    k        1 … n programs allowed
    returns  1 − C(n − c, k)/C(n, k), shaped as c; a product of k factors, so that nothing overflows
    raises   ValueError if k or c is out of range

    Source: Chen et al. 2021, arXiv:2107.03374, eq. 1. Differs: nothing.
    """
    c = np.asarray(c)
    if not 1 <= k <= n or np.any(c < 0) or np.any(c > n):
        raise ValueError(f"want 1 ≤ k ≤ n and 0 ≤ c ≤ n, got n = {n}, k = {k}, c = {c}")
    wrong = np.maximum((n - c)[..., None] - np.arange(k), 0)  # left to draw from, draw by draw
    return 1 - np.prod(wrong / (n - np.arange(k)), axis=-1)
