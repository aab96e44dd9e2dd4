"""The bandit and arithmetic: solutions, rewards, splits."""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy_envs
from toy_envs import arithmetic, bandit, hackable, programs

TASKS = [
    bandit.make(),
    arithmetic.make(),
    arithmetic.make(operation="-"),
    arithmetic.make(operation="*"),
    arithmetic.make(digits=1),
    arithmetic.make(digits=3),
]
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.name}-{len(t.train[0])}")


@each_task
def test_every_solution_is_a_success_in_its_alphabet_and_length(task):
    prompts = [*task.train[:300], *task.held_out]
    texts = [task.solution(prompt) for prompt in prompts]
    ended = np.ones(len(prompts), bool)
    assert np.all(task.success(prompts, texts, ended) == 1)
    assert set("".join(prompts + texts)) <= set(task.alphabet)
    assert len(set(task.alphabet)) == len(task.alphabet)
    assert max(map(len, texts)) + task.ends == task.max_new_tokens


@each_task
def test_candidates_are_legal_and_some_are_right_and_some_wrong(task):
    rng = np.random.default_rng(0)
    prompt = task.train[0]
    drawn = task.candidates(prompt, rng, 200)
    solved = task.success([prompt] * 200, drawn, np.ones(200, bool))
    assert 0 < solved.mean() < 1
    assert set("".join(drawn)) <= set(task.alphabet)
    assert max(map(len, drawn)) + task.ends <= task.max_new_tokens


@each_task
def test_a_prompt_comes_once_and_is_held_out_or_trained_on(task):
    """The bandit's contexts share nothing, so that it has no prompt to hold out."""
    assert len(set(task.train)) == len(task.train)
    if task.name == "bandit":
        assert task.train == task.held_out
    else:
        assert not set(task.train) & set(task.held_out)


@pytest.mark.parametrize("make", [arithmetic.make, programs.make, hackable.make])
def test_the_smallest_share_holds_one_problem_out(make):
    """A sum is asked in both orders, which are held out together."""
    assert 1 <= len(make(held_out=1e-9).held_out) <= 2


@pytest.mark.parametrize("make", [bandit.make, arithmetic.make, programs.make, hackable.make])
def test_a_task_is_a_function_of_its_arguments(make):
    """Built twice it has the same prompts, demonstrations, candidates and rewards; another seed
    changes something."""

    def facts(seed):
        task = make(seed=seed)
        prompts, rng = [*task.train[:50], *task.held_out[:50]], np.random.default_rng(0)
        drawn = [answer for prompt in prompts for answer in task.candidates(prompt, rng, 4)]
        repeated = [prompt for prompt in prompts for _ in range(4)]
        reward = task.reward(repeated, drawn, np.ones(len(drawn), bool))
        shown = [task.solution(prompt) for prompt in prompts]
        return task.name, task.train, task.held_out, shown, drawn, reward.tolist()

    assert facts(3) == facts(3) != facts(4)


def test_two_digit_addition_is_all_ten_thousand_problems():
    task = arithmetic.make(digits=2, held_out=0.1, seed=0)
    assert len(task.train) + len(task.held_out) == 10_000
    assert abs(len(task.held_out) - 1000) < 15
    assert task.alphabet == "0123456789+=" and task.max_new_tokens == 4
    assert arithmetic.make(seed=0).held_out == task.held_out != arithmetic.make(seed=1).held_out


@pytest.mark.parametrize("operation", "+-*")
def test_mirror_images_are_on_one_side_of_the_split(operation):
    """Knowing 12+34 gives 34+12 away, so a held-out problem has no mirror image in training."""
    task = arithmetic.make(operation=operation)
    mirrored = {f"{p[3:5]}{operation}{p[:2]}=" for p in task.held_out}
    assert mirrored == set(task.held_out)


@given(st.integers(1, 3), st.sampled_from("+-*"), st.data())
def test_arithmetic_is_arithmetic(digits, operation, data):
    a, b = (data.draw(st.integers(0, 10**digits - 1)) for _ in range(2))
    answer = arithmetic.solution(f"{a:0{digits}}{operation}{b:0{digits}}=")
    assert int(answer) == {"+": a + b, "-": a - b, "*": a * b}[operation]
    assert len(answer) == arithmetic.answer_width(digits, operation)


@given(st.sampled_from(TASKS[1].train), st.text(alphabet="0123456789", max_size=4), st.booleans())
def test_only_the_whole_answer_that_ends_is_rewarded(prompt, completion, ended):
    reward = arithmetic.reward([prompt], [completion], [ended])
    assert reward.tolist() == [float(completion == arithmetic.solution(prompt) and ended)]


@given(st.integers(2, 26), st.data())
def test_the_bandit_pays_by_its_table(arms, data):
    contexts = data.draw(st.integers(1, arms))
    seed = data.draw(st.integers(0, 1000))
    table = bandit.reward_table(contexts, arms, seed)
    task = bandit.make(contexts, arms, seed)
    assert table.shape == (contexts, arms) == (len(task.train), len(task.alphabet))
    prompts = [p for p in task.train for _ in range(arms)]
    everything = list(task.alphabet) * contexts
    ended = np.ones(len(prompts), bool)
    reward = task.reward(prompts, everything, ended)
    assert np.array_equal(reward.reshape(contexts, arms), table)
    success = task.success(prompts, everything, ended).reshape(contexts, arms)
    assert np.array_equal(success.argmax(axis=1), table.argmax(axis=1))
    assert np.all(success.sum(axis=1) == 1)


@pytest.mark.parametrize(
    "call, reason",
    [
        (lambda: arithmetic.make(digits=4), "digits is 4"),
        (lambda: arithmetic.make(operation="/"), "operation is '/'"),
        (lambda: arithmetic.make(held_out=0.0), "held_out is 0.0"),
        (lambda: arithmetic.solution("1+23="), "no problem"),
        (lambda: arithmetic.solution("²+3="), "no problem"),
        (lambda: arithmetic.reward(["1+2="], ["03", "03"], [True]), "as many prompts"),
        (lambda: bandit.make(arms=1), "arms is 1"),
        (lambda: bandit.make(contexts=9, arms=8), "contexts is 9"),
        (lambda: bandit.make().reward(["a"], ["ab"], [True]), "'ab' is no arm"),
        (lambda: bandit.make().reward(["h"], ["a"], [True]), "'h' is no prompt"),
        (lambda: bandit.make().success(["h"], ["a"], [True]), "'h' is no prompt"),
        (lambda: bandit.make().success(["a"], ["z"], [True]), "'z' is no arm"),
    ],
)
def test_bad_task_input_is_named(call, reason):
    with pytest.raises(ValueError, match=reason):
        call()


def test_tasks_need_numpy_only_and_never_evaluate_text():
    for path in Path(toy_envs.__file__).parent.glob("*.py"):
        tree = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = {node.module.split(".")[0] for node in tree if isinstance(node, ast.ImportFrom)}
        imports = [node for node in tree if isinstance(node, ast.Import)]
        modules |= {alias.name.split(".")[0] for node in imports for alias in node.names}
        standard = {"collections", "functools", "itertools", "re", "string", "typing"}
        assert modules <= {"numpy", "toy_envs"} | standard, path.name
        names = {node.id for node in tree if isinstance(node, ast.Name)}
        assert not names & {"eval", "exec", "compile", "__import__"}, path.name
