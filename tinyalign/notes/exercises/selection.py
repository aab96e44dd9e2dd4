"""Exercises of pages 06 and 15: best-of-n, rejection sampling, rewards that a program computes."""

from math import comb

import autograd.numpy as np

from tinyalign.losses.numerics import softmax
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful
from toy_envs import interpreter, programs


def my_best_of_n(ref_probs, reward, n):
    r"""(…, K), (…, K), n -> (…, K)

    The policy of best-of-n when answers may tie. Ties are broken evenly among the draws.

    Hint: The best of $n$ draws has a reward of at most $r$ with probability $F(r)^n$, where
    $F(r)$ is the reference probability of all answers whose reward is at most $r$.

    Hint: The answers that share the reward $r$ share the probability $F(r)^n - F(r^-)^n$ in
    proportion to $\pi_{ref}$, where $F(r^-)$ counts the smaller rewards only.
    """
    lower = reward[..., None, :] < reward[..., :, None]  # (…, K, K): the second is worse
    tied = reward[..., None, :] == reward[..., :, None]
    below = np.sum(np.where(lower, ref_probs[..., None, :], 0.0), axis=-1)
    level = np.sum(np.where(tied, ref_probs[..., None, :], 0.0), axis=-1)
    return ref_probs / np.where(level > 0, level, 1.0) * ((below + level) ** n - below**n)


def check_my_best_of_n(solution):
    require_lawful(solution, my_best_of_n, "best_of_n", {
        "Answers that tie each get the probability of all of them: share it.": without_ties,
        "The density n·p·F^(n−1) is that of continuous rewards; here rewards have probabilities.":
            lambda p, r, n: n * p * at_most(p, r) ** (n - 1),
        "That is the worst of n: the smallest reward is kept.":
            lambda p, r, n: my_best_of_n(p, -r, n),
        "That is F^n, the chance that the best is at most this good: subtract that of worse ones.":
            lambda p, r, n: at_most(p, r) ** n,
        "n is not used: this is the reference.": lambda p, r, n: p,
    })  # fmt: skip


def at_most(p, r):
    """The reference probability of rewards of at most this one."""
    return np.sum(np.where(r[..., None, :] <= r[..., :, None], p[..., None, :], 0.0), axis=-1)


def without_ties(p, r, n):
    """F(r)^n − F(r⁻)^n for each answer, ties not shared."""
    below = np.sum(np.where(r[..., None, :] < r[..., :, None], p[..., None, :], 0.0), axis=-1)
    return at_most(p, r) ** n - below**n


def my_draws_needed(ref_probs, reward, *, beta):
    r"""(K,), (K,) -> one number

    How many draws from the reference does rejection sampling need on average for one accepted
    answer? A draw is accepted with probability $e^{(r - r_{max})/\beta}$.

    Hint: If each draw is accepted with chance $a$, the mean number of draws is $1/a$.

    Hint: The chance $a$ is the expectation of the acceptance probability under the reference.
    """
    return 1 / (ref_probs @ np.exp((reward - np.max(reward)) / beta))


def check_my_draws_needed(solution):
    """Against the sum over the number of draws."""
    draw = np.random.default_rng(1)
    inputs = [{"ref_probs": np.array([0.5, 0.5]), "reward": np.array([0.0, 1.0]), "beta": 1.0}]
    for beta in (0.5, 2.0):
        p, r = softmax(draw.normal(size=4)), draw.normal(size=4)
        inputs.append({"ref_probs": p, "reward": r, "beta": beta})
    require_same(solution, my_draws_needed, inputs, {
        "That is the share of draws that are accepted: want its inverse.":
            lambda p, r, *, beta: p @ np.exp((r - np.max(r)) / beta),
        "The mean of 1/a is not 1 over the mean of a: take the expectation first.":
            lambda p, r, *, beta: p @ np.exp((np.max(r) - r) / beta),
        "r_max is missing: a probability is at most 1.":
            lambda p, r, *, beta: 1 / (p @ np.exp(r / beta)),
        "beta is not used.": lambda p, r, *, beta: my_draws_needed(p, r, beta=1.0),
        "The reference is not used: draws come from ref_probs.":
            lambda p, r, *, beta: 1 / np.mean(np.exp((r - np.max(r)) / beta)),
    }, wanted=mean_number_of_draws)  # fmt: skip


def mean_number_of_draws(ref_probs, reward, *, beta):
    """Σ n · chance that the n-th draw is the first accepted one."""
    chance = np.sum(ref_probs * np.exp((reward - reward.max()) / beta))
    n = np.arange(1, 2000)
    return np.sum(n * chance * (1 - chance) ** (n - 1))


def my_pass_at_k(n, c, k):
    """three whole numbers -> one number

    The unbiased pass@k: of $n$ samples $c$ are right. What is the chance that $k$ of them, drawn
    without replacement, hold at least one that is right?

    Hint: Compute the chance that all $k$ are wrong.

    Hint: There are `comb(n, k)` ways to choose $k$ samples and `comb(n - c, k)` ways to choose
    wrong ones only.
    """
    return 1 - comb(n - c, k) / comb(n, k)


def check_my_pass_at_k(solution):
    """Against a count of all subsets, by a product over the draws."""
    cases = [(4, 1, 2), (4, 0, 1), (5, 2, 2), (6, 3, 4), (6, 6, 6)]
    inputs = [dict(zip(("n", "c", "k"), case, strict=True)) for case in cases]
    require_same(solution, my_pass_at_k, inputs, {
        "That formula draws with replacement, and is biased: want draws without replacement.":
            lambda n, c, k: 1 - (1 - c / n) ** k,
        "That is pass@1.": lambda n, c, k: c / n,
        "That is the chance that all k are right: want at least one.":
            lambda n, c, k: comb(c, k) / comb(n, k),
        "That is the chance that all k are wrong: want one minus that.":
            lambda n, c, k: comb(n - c, k) / comb(n, k),
    }, wanted=one_draw_after_the_other)  # fmt: skip


def one_draw_after_the_other(n, c, k):
    """1 − the chance that each draw in turn is wrong."""
    return 1 - np.prod([max(n - c - i, 0) / (n - i) for i in range(k)])


def my_reward(program, tests):
    """a text, a list of ((x, y), wanted) -> one number, 0 to 1

    The reward of one program on a list of tests: the share that it passes, with the
    interpreter. A program that fails passes nothing, even a test whose answer is None.

    Hint: `interpreter.run(program, x, y)` returns a whole number, or None where the program
    fails.

    Hint: A test counts if the result is not None *and* equals what is wanted.
    """
    results = [(interpreter.run(program, *inputs), wanted) for inputs, wanted in tests]
    return sum(got is not None and got == wanted for got, wanted in results) / len(results)


def check_my_reward(solution):
    """Against the reward of the task."""
    formula = "(x+3)*y:"
    tests = list(zip(programs.TESTS, programs.expected(formula), strict=True))
    texts = ("x3+y*", "yx3+*", "x3+y*1+", "x3+", "]]", "xy*", "x3+x*", "")
    inputs = [{"program": text, "tests": tests} for text in texts]
    inputs.append({"program": "]", "tests": [((1, 2), None)]})
    require_same(solution, my_reward, inputs, {
        "A program that fails gives None, and None may be what is wanted: a failure passes "
        "nothing.": lambda program, tests: share(program, tests, lambda got, want: got == want),
        "That is a count: want the share of the tests.":
            lambda program, tests: len(tests) * my_reward(program, tests),
        "All or nothing: want the share of the tests that pass.":
            lambda program, tests: float(my_reward(program, tests) == 1),
        "Any result counts: it has to equal what is wanted.":
            lambda program, tests: share(program, tests, lambda got, want: got is not None),
    }, wanted=reward_of_the_task)  # fmt: skip


def share(program, tests, passes):
    """The share of the tests on which passes(got, wanted)."""
    results = [passes(interpreter.run(program, *inputs), wanted) for inputs, wanted in tests]
    return sum(results) / len(results)


def reward_of_the_task(program, tests):
    """What the task pays; its tests are those of one formula, and one more of ours."""
    if len(tests) == 1:
        return 0.0
    return programs.reward(["(x+3)*y:"], [program], [True])[0]


EXERCISES = (
    exercise("06.1", my_best_of_n, check_my_best_of_n),
    exercise("06.2", my_draws_needed, check_my_draws_needed),
    exercise("15.1", my_pass_at_k, check_my_pass_at_k),
    exercise("15.2", my_reward, check_my_reward),
)
