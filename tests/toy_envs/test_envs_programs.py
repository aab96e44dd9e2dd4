"""Programs: a safe interpreter, tasks that are different functions, and pass@k."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy_envs import programs
from toy_envs.interpreter import INSTRUCTIONS, run
from toy_envs.programs import TESTS, pass_at_k

TASK = programs.make()
everything = TASK.train + TASK.held_out
inputs = st.integers(-50, 50)


def passes(prompt, program):
    return programs.success([prompt], [program], [True])[0] == 1


@given(st.text(alphabet=INSTRUCTIONS, max_size=30) | st.text(max_size=12), inputs, inputs)
def test_any_text_runs_to_a_number_within_its_limits_or_fails(program, x, y):
    result = run(program, x, y)
    assert result is None or (type(result) is int and abs(result) <= 10**6)


@given(st.text(alphabet=INSTRUCTIONS, max_size=20), inputs, inputs, st.integers(1, 60))
def test_looser_limits_never_change_a_result(program, x, y, steps):
    tight = run(program, x, y, max_steps=steps, max_stack=4, max_value=1000)
    assert tight is None or tight == run(program, x, y)


@pytest.mark.parametrize(
    "program, value",
    [
        ("x3+y*", 0),
        ("yx-", 5),
        ("xys-", 5),
        ("xd*", 9),
        ("9", 9),
        ("3[x]++", -9),
        ("0x[1+]", 0),  # a negative count runs nothing
        ("02[3[1+]]", 6),
        ("10[d]", 1),
    ],
)
def test_instructions_do_what_the_manual_says(program, value):
    assert run(program, -3, 2) == value


@pytest.mark.parametrize(
    "program",
    ["", "+", "x+", "d", "s", "xy", "[", "]", "][", "3[x", "[x]", "x ", "x;y", "x\0", "x²*"],
)
def test_a_broken_program_fails_and_raises_nothing(program):
    assert run(program, 1, 2) is None


def test_each_limit_stops_a_program():
    endless = "9" + "[9" * 6 + "]" * 6
    assert run(endless, 0, 0) is None and run("99[9[]]", 0, 0, max_steps=1000) == 9
    assert run("9[9[]]0", 0, 0, max_steps=105) is None
    assert run("x" * 17 + "+" * 16, 1, 1) is None and run("x" * 16 + "+" * 15, 1, 1) == 16
    assert run("9d*d*d*d*", 0, 0) is None and run("9d*d*d*", 0, 0, max_value=9**8) == 9**8


@given(st.sampled_from(everything), inputs, inputs)
def test_the_demonstration_computes_the_formula(prompt, x, y):
    """Python's own arithmetic is the oracle."""
    assert run(programs.solution(prompt), x, y) == eval(prompt[:-1], {"x": x, "y": y})


def test_there_is_room_for_three_more_letters_than_the_longest_program_needs():
    """Seven, and the end: a program that is not the shortest has room too."""
    every = [programs.equivalents(programs.parse(prompt)) for prompt in everything]
    assert max(len(program) for written in every for program in written) + 3 == 10
    assert TASK.max_new_tokens == 10


@given(st.sampled_from(everything))
def test_a_task_has_several_programs_and_all_of_them_pass(prompt):
    written = programs.equivalents(programs.parse(prompt))
    assert len(set(written)) >= 2
    assert all(passes(prompt, program) for program in written)
    assert max(map(len, written)) < TASK.max_new_tokens


@given(st.sampled_from(everything), st.sampled_from(everything))
def test_the_program_of_another_task_fails(prompt, other):
    """Two functions that agree on the 4 × 4 grid would be one function."""
    assert passes(prompt, programs.solution(other)) == (prompt == other)


@given(st.sampled_from(everything), st.text(alphabet=INSTRUCTIONS, max_size=9), st.booleans())
def test_reward_is_the_share_of_tests_passed(prompt, program, ended):
    wanted = zip(TESTS, programs.expected(prompt), strict=True)
    good = [run(program, x, y) == want for (x, y), want in wanted]
    reward = TASK.reward([prompt], [program], [ended])[0]
    assert reward == (np.mean(good) if ended else 0)
    assert TASK.success([prompt], [program], [ended])[0] == (reward == 1)


def test_the_split_has_no_function_on_both_sides():
    functions = [programs.expected(prompt) for prompt in everything]
    assert len(set(functions)) == len(everything) > 1000
    assert 0.09 < len(TASK.held_out) / len(everything) < 0.11
    assert programs.make().train == TASK.train != programs.make(seed=1).train


def test_texts_fit_the_alphabet_and_the_length():
    solutions = [TASK.solution(prompt) for prompt in everything]
    assert set("".join(everything)) | set("".join(solutions)) <= set(TASK.alphabet)
    assert TASK.success(everything, solutions, np.ones(len(everything), bool)).all()
    drawn = TASK.candidates(everything[0], np.random.default_rng(0), 200)
    solved = TASK.success([everything[0]] * 200, drawn, np.ones(200, bool))
    assert 0.4 < solved.mean() < 0.8 and max(map(len, drawn)) < TASK.max_new_tokens


@given(st.integers(1, 7), st.data())
def test_pass_at_k_is_the_share_of_k_subsets_with_a_right_program(n, data):
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    subsets = list(combinations(range(n), k))  # the programs 0 … c − 1 are right
    share = np.mean([min(subset) < c for subset in subsets])
    np.testing.assert_allclose(pass_at_k(n, c, k), share, atol=1e-12)


@given(st.floats(0, 1), st.integers(1, 6), st.data())
def test_pass_at_k_is_unbiased(p, n, data):
    """Σ_c Binomial(c; n, p) · pass@k(n, c) = 1 − (1 − p)ᵏ."""
    k = data.draw(st.integers(1, n))
    chances = np.array([1.0])
    for _ in range(n):
        chances = np.convolve(chances, [1 - p, p])
    estimate = pass_at_k(n, np.arange(n + 1), k)
    np.testing.assert_allclose(chances @ estimate, 1 - (1 - p) ** k, atol=1e-12)


def test_pass_at_k_of_large_samples_is_finite():
    rate = pass_at_k(10_000, np.array([0, 1, 5_000, 9_999, 10_000]), 100)
    np.testing.assert_allclose(rate, [0, 0.01, 1, 1, 1], atol=1e-12)


@pytest.mark.parametrize(
    "call, reason",
    [
        (lambda: pass_at_k(5, 2, 6), "1 ≤ k ≤ n"),
        (lambda: pass_at_k(5, 6, 1), "0 ≤ c ≤ n"),
        (lambda: programs.make(held_out=1), "held_out is 1"),
        (lambda: programs.parse("x+y"), "no formula"),
        (lambda: programs.parse("x+y+3:"), "no formula"),
        (lambda: programs.parse("q+y:"), "no formula"),
        (lambda: programs.parse("(x?3)*y:"), "no formula"),
        (lambda: programs.parse(":"), "no formula"),
    ],
)
def test_bad_program_input_is_named(call, reason):
    with pytest.raises(ValueError, match=reason):
        call()


def formula_of(x, y):
    """The value of every formula of three operands, by Python: {formula: its values}."""
    operands = {"x": x, "y": y} | {digit: np.full_like(x, int(digit)) for digit in "123456789"}
    do = {"+": np.add, "-": np.subtract, "*": np.multiply}
    found = {}
    for a, p, b, q, c in product(operands, do, operands, do, operands):
        left = do[q](do[p](operands[a], operands[b]), operands[c])
        right = do[p](operands[a], do[q](operands[b], operands[c]))
        found[f"({a}{p}{b}){q}{c}:"], found[f"{a}{p}({b}{q}{c}):"] = left, right
    return found


def test_the_prompts_are_every_function_that_names_an_input():
    """Functions of x alone, of y alone, of both; x − x is among them, and 2 + 3 is not."""
    values = formula_of(*np.transpose(TESTS))
    named = {v.tobytes() for formula, v in values.items() if "x" in formula or "y" in formula}
    assert all("x" in prompt or "y" in prompt for prompt in everything)
    assert {values[prompt].tobytes() for prompt in everything} == named
    assert len(everything) == len(named)


def test_a_program_may_take_100_steps_and_not_101():
    """Each instruction is a step; "0+" changes nothing in two."""
    assert run("xys+" + "0+" * 48, 3, 4) == 7
    assert run("x" + "0+" * 50, 3, 4) is None
    assert run("xx", 3, 4, max_steps=9) is None and run("xx+", 3, 4, max_steps=3) == 6
    assert run("xx+", 3, 4, max_steps=2) is None
