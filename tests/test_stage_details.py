"""What stages do at the edges: ties, groups of one, small batches, a learned reward, own files."""

import json
from collections import Counter

import numpy as np
import pytest
from here import fetched, sent
from optima import ARMS, BANDIT, CONTEXTS, REWARD
from optima import setting as on_bandit
from preparation import table
from recorder import ADDITION, USUAL, G, P, advance_once, near, record, setting

from tinyalign import policy
from tinyalign.losses import advantage
from tinyalign.methods import evaluate, rollouts, samples, steps
from tinyalign.policy import Rollout
from tinyalign.runs import plan
from tinyalign.runs.config import Config

__all__ = ["record"]  # a fixture
OFFLINE_STEPS = {
    "sft": "sft_step", "reward": "reward_model_step", "dpo": "preference_step",
    "kto": "unpaired_step", "nca": "ranked_step",
}  # fmt: skip
ONLINE_STEPS = {
    "raft": "sft_step", "online_dpo": "preference_step", "grpo": "policy_gradient_step",
    "ppo": "policy_gradient_step",
}  # fmt: skip


@pytest.mark.parametrize("name", OFFLINE_STEPS | ONLINE_STEPS)
def test_a_stage_logs_what_its_update_says(record, name):
    """Besides what an online method sees in its samples."""
    record((OFFLINE_STEPS | ONLINE_STEPS)[name], {"loss": 1.5})
    record("critic_step", {"value_loss": 2.5})
    _, metrics = advance_once(setting(name, **USUAL)[0])
    assert metrics["loss"] == 1.5
    assert metrics.get("value_loss") == (2.5 if name == "ppo" else None)
    seen = {"reward", "reward_std", "frac_reward_zero_std", "kl", "completions/mean_length"}
    assert (seen <= set(metrics)) if name in ONLINE_STEPS else not (seen & set(metrics))


@pytest.mark.parametrize("name", OFFLINE_STEPS | ONLINE_STEPS)
def test_a_stage_takes_the_steps_of_its_config(name):
    made, scored = setting(name, **USUAL | {"num_pairs": 10, "steps": 17})
    stage = made.method.stage(made)
    assert stage.steps == 17 and stage.evaluate is None
    assert stage.samples == sum(len(texts) for _, texts, _ in scored)
    names = {"reward": {"reward_model"}, "ppo": {"policy", "critic"}}.get(name, {"policy"})
    assert set(stage.networks) == names
    assert all(int(network.adam.step) == 0 for network in stage.networks.values())
    trunk = fetched(stage.networks[min(names)].params)
    assert np.array_equal(trunk.get("trunk", trunk)["table"], fetched(made.initial_policy)["table"])


def judge(made, sign):
    """A reward model on the bandit whose scores are the true rewards, or their opposites."""
    head = np.zeros((ARMS, ARMS), np.float32)
    head[:CONTEXTS] = sign * REWARD
    head = {"w": head.reshape(-1, 1), "b": np.zeros(1, np.float32)}
    return {"trunk": made.initial_policy, "head": sent(head)}


def test_a_learned_reward_stands_in_for_the_tasks_own(device):
    """A judge that says the opposite of the truth; the task is not asked at all. The scores come
    back from whatever device the judge is on."""
    made = on_bandit("grpo", batch_size=6, num_generations=5)
    opposite = judge(made, -1)
    made = made._replace(task=BANDIT._replace(reward=None), reward_model=opposite)
    batch = rollouts.sample_batch(made, made.initial_policy, np.random.default_rng(0))
    (prompt, arm), kept = fetched(batch.rollout.tokens).T, fetched(batch.rollout.mask)
    assert batch.reward.dtype == np.float32 and batch.reward.shape == (6, 5) and kept.all()
    near(batch.reward.ravel(), -REWARD[prompt, arm])
    stage = made.method.stage(made)
    assert stage.frozen["reward_model"] is opposite
    assert stage.frozen["reference"] is made.initial_policy


def test_networks_that_are_held_and_not_trained():
    """A reference where the loss or the reward reads one; a reward model only where it scores."""
    made, _ = setting("dpo")
    ppo, _ = setting("ppo")
    simpo, _ = setting("simpo")
    best, _ = setting("best_of_n")
    for inputs, held in ((made, {"reference"}), (ppo, {"reference"}), (simpo, set())):
        assert set(inputs.method.stage(inputs).frozen) == held
    scored = best._replace(reward_model=judge(on_bandit("grpo"), 1))
    assert set(best.method.stage(best).frozen) == set()
    assert set(scored.method.stage(scored).frozen) == {"reward_model"}


@pytest.mark.parametrize("name, step", [("raft", "sft_step"), ("online_dpo", "preference_step")])
def test_no_step_is_taken_where_every_prompt_ties(record, name, step):
    calls = record(step)
    made, _ = setting(name, **USUAL)
    level = made.task._replace(reward=lambda prompts, *_: np.ones(len(prompts)))
    networks, metrics = advance_once(made._replace(task=level))
    assert calls == [] and int(networks["policy"].adam.step) == 0
    assert metrics["reward"] == metrics["frac_reward_zero_std"] == 1


def batch_of(reward, made=None):
    """A ScoredRollout of these rewards (P, G): one token each, log 2 likelier than the start's."""
    reward = np.array(reward, np.float32)
    size = reward.size
    mask, logp = np.ones((size, 1), np.float32), np.full((size, 1), -1, np.float32)
    rollout = sent(Rollout(np.zeros((size, 2), int), mask, logp))
    ref_logp = sent(logp - np.float32(np.log(2)))
    return rollouts.ScoredRollout(made, ["?"] * len(reward), rollout, reward, ref_logp, size)


@pytest.mark.parametrize(
    "reward, spread, level",
    [
        ([[0, 2], [5, 5], [1, 5]], (np.sqrt(2) + 0 + np.sqrt(8)) / 3, 1 / 3),
        ([[0, 3, 6]], 3, 0),
        ([[1], [3]], np.sqrt(2), 1),  # a group of one has no spread: over the batch
        ([[4]], 0, 1),
    ],
)
def test_the_spread_of_rewards_is_that_within_a_group(reward, spread, level):
    """Sample standard deviations, their mean over prompts. k3 of a ratio of 1/2 is log 2 − 1/2."""
    found = rollouts.rollout_metrics(batch_of(reward))
    assert float(found["reward_std"]) == pytest.approx(spread)
    assert float(found["frac_reward_zero_std"]) == pytest.approx(level)
    assert float(found["reward"]) == pytest.approx(np.mean(reward))
    assert float(found["kl"]) == pytest.approx(np.log(2) - 0.5, rel=1e-5)
    assert float(found["completions/mean_length"]) == 1
    assert found["completions_sampled"] == np.size(reward)


def test_batches_of_different_width_become_one():
    """Padded on the right with zeros; rows, prompts and rewards one batch after the other."""
    narrow = batch_of([[1, 2]])
    wide = batch_of([[3, 4], [5, 6]])
    three = np.ones((4, 3), np.float32)
    rollout = sent(Rollout(np.full((4, 4), 7), three, 3 * three))
    wide = wide._replace(rollout=rollout, ref_logp=sent(5 * three), prompts=["a", "b"])
    both = rollouts.concatenate([narrow, wide, narrow])
    tokens, mask, logp = fetched(tuple(both.rollout))
    assert tokens.tolist() == [[0] * 4] * 2 + [[7] * 4] * 4 + [[0] * 4] * 2
    assert mask.tolist() == [[1, 0, 0]] * 2 + [[1] * 3] * 4 + [[1, 0, 0]] * 2
    assert logp.tolist() == [[-1, 0, 0]] * 2 + [[3] * 3] * 4 + [[-1, 0, 0]] * 2
    first = -1 - np.log(2)
    near(fetched(both.ref_logp), [[first, 0, 0]] * 2 + [[5] * 3] * 4 + [[first, 0, 0]] * 2)
    assert both.prompts == ["?", "a", "b", "?"] and both.drawn == 2 + 4 + 2
    assert both.reward.tolist() == [[1, 2], [3, 4], [5, 6], [1, 2]]


@pytest.mark.parametrize("size, parts, lengths", [(7, 3, [3, 2, 2]), (4, 10, [1] * 4), (5, 1, [5])])
def test_each_pass_cuts_its_own_shuffle(size, parts, lengths):
    """Into num_minibatches parts, or as many as there are rows: none of them is empty."""
    config = Config(num_iterations=3, num_minibatches=parts)
    found = list(rollouts.minibatches(config, size, np.random.default_rng(0)))
    assert [len(rows) for rows in found] == 3 * lengths
    whole = np.concatenate(found).reshape(3, size)
    assert np.sort(whole, axis=1).tolist() == [list(range(size))] * 3
    assert len({tuple(row) for row in whole.tolist()}) == 3


def test_a_ranking_step_reads_at_least_one_prompt(record):
    """A batch smaller than a group, and one of three groups and a bit."""
    calls = record("ranked_step")
    for size in (1, 3, 4, 14):
        advance_once(setting("rrhf", **USUAL | {"batch_size": size})[0])
    assert [call.arrays[0].shape[:2] for call in calls] == [(1, G), (1, G), (1, G), (3, G)]


def test_the_weights_of_kto_leave_a_step_in_float32():
    """Three liked to one disliked, and the other way round: the rarer kind counts more."""
    made, _ = setting("kto", batch_size=6)
    stage = made.method.stage(made)
    networks, metrics = stage.train_step(stage.networks, np.random.default_rng(0), 0)
    assert {np.asarray(value).dtype for value in fetched(metrics).values()} == {
        np.dtype(np.float32)
    }
    assert fetched(networks["policy"].params)["table"].dtype == np.float32


def test_best_of_n_looks_at_as_many_problems_as_typed():
    """All of the four held-out problems as often as they fit into 10, with no optimizer state."""
    made, scored = setting("best_of_n", num_generations=3, eval_size=10)
    few = made.task._replace(held_out=made.task.held_out[:4])
    right = few._replace(success=lambda prompts, texts, finished: np.arange(len(prompts)) < 2)
    made = made._replace(task=right)
    stage = made.method.stage(made)
    network = stage.networks["policy"]
    assert network.params is made.initial_policy
    assert (network.adam.mean.size, network.adam.square.size, network.adam.step) == (0, 0, 0)
    networks, metrics = stage.train_step(stage.networks, None, 0)
    assert metrics == {"completions_sampled": 3 * 8} and networks is stage.networks
    assert (stage.steps, stage.samples) == (1, 0)
    found = stage.evaluate(networks, np.random.default_rng(0))
    assert found["eval_accuracy"] == 2 / 8
    (asked, _, _), (kept, _, _) = scored
    assert kept == 2 * list(few.held_out) and asked == [prompt for prompt in kept for _ in "abc"]
    made = made._replace(config=plan.dataclasses.replace(made.config, eval_size=2))
    _, metrics = made.method.stage(made).train_step({}, None, 0)
    assert metrics == {"completions_sampled": 3 * 2}


def test_best_of_n_reads_a_learned_reward_and_reports_the_true_one():
    """A judge that says the opposite of the truth picks the worst of many: the worst arm."""
    made = on_bandit("best_of_n", num_generations=200, eval_size=6)
    made = made._replace(reward_model=judge(made, -1))
    found = made.method.stage(made).evaluate({}, np.random.default_rng(0))
    assert found["eval_reward"] == pytest.approx(REWARD.min(axis=1).mean())
    assert found["eval_accuracy"] == 0


@pytest.mark.parametrize(
    "count, places", [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, range(10)), (99, range(10))]
)
def test_a_few_prompts_are_taken_evenly(count, places):
    """From the first to the last; all of them where that is not more than asked for."""
    assert evaluate.subsample_evenly(list(range(10)), count) == list(places)


@pytest.mark.parametrize("size, asked", [(3, 3), (8, 8), (15, 8), (17, 16)])
def test_an_evaluation_asks_every_problem_as_often_as_fits(size, asked):
    """Eight held-out problems; the likeliest completion is looked at once for each."""
    greedy, (made, scored) = [], setting("grpo", eval_size=size)
    task = made.task._replace(held_out=made.task.held_out[:8])

    def success(prompts, texts, finished):
        greedy.append(prompts)
        return np.arange(len(prompts)) == 0

    made = made._replace(task=task._replace(success=success))
    found = evaluate.evaluate_policy(made, table(made, 2), np.random.default_rng(0))
    ((prompts, _, reward),) = scored
    assert len(prompts) == asked and len(greedy[0]) == min(size, 8)
    assert found["eval_accuracy"] == pytest.approx(1 / min(size, 8))
    assert found["eval_reward"] == pytest.approx(reward.mean())


@pytest.mark.parametrize("attempts", [2, 3])
def test_several_attempts_are_estimated_from_twice_as_many_samples(attempts):
    """Of at most 100 problems, of which every second is always solved: any k does not help."""
    asked, made = [], on_bandit("grpo", eval_size=150)

    def success(prompts, arms, finished):
        asked.append(prompts)
        return np.array([prompt == BANDIT.held_out[0] for prompt in prompts], float)

    task = BANDIT._replace(attempts=attempts, success=success)
    found = evaluate.evaluate_policy(
        made._replace(task=task), table(made, 2), np.random.default_rng(0)
    )
    assert len(asked[1]) == 2 * attempts * 100
    assert found["eval_pass@1"] == found[f"eval_pass@{attempts}"] == 0.5
    assert "eval_pass@1" not in evaluate.evaluate_policy(
        made, table(made, 2), np.random.default_rng(0)
    )


def test_a_judge_is_measured_on_200_pairs_at_most():
    asked, made = [], on_bandit("reward", num_pairs=500, num_generations=3)

    def reward(prompts, arms, finished):
        asked.append(len(prompts))
        return BANDIT.reward(prompts, arms, finished)

    made = made._replace(task=BANDIT._replace(reward=reward))
    evaluate.evaluate_reward_model(made, judge(made, 1), np.random.default_rng(0))
    assert asked == [200 * 3]


LINES = {
    "sft": [{"prompt": p, "completion": c} for p, c in ("ab", "cd", "ee")],
    "dpo": [{"prompt": p, "chosen": c, "rejected": r} for p, c, r in ("abc", "cde", "eef")],
    "tpo": [
        {"prompt": p, "gold": g, "chosen": c, "rejected": r} for p, g, c, r in ("abcd", "cdef")
    ],
    "kto": [
        {"prompt": p, "completion": c, "label": c in "bd"} for p, c in ("ab", "cd", "ee", "fa")
    ],
    "rrhf": [
        {"prompt": "a", "completions": ["b", "cc", "d"], "rewards": [3, 1, 2]},
        {"prompt": "e", "completions": ["f", "a", "bb"], "rewards": [0, 5, 4.5]},
    ],
}  # fmt: skip


def own_file(tmp_path, name, **settings):
    """StageInputs of a method on LINES, all of which are trained on."""
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES[name] * 10))
    job = plan.plan_run([name], Config(data=path, model="tabular", **settings))
    (index,) = (i for i, stage in enumerate(job.stages) if stage.method.name == name)
    return plan.stage_inputs(job, index, job.initial_params)


def read(made, tokens, mask):
    """[(prompt, completion)] of rows, each of which ends by itself."""
    found, letters = [], made.vocabulary.alphabet + "$"
    for row, kept in zip(tokens, mask > 0, strict=True):
        own = np.flatnonzero(kept) + 1
        prompt, text = ("".join(letters[i] for i in ids) for ids in (row[: own[0]], row[own]))
        assert prompt[0] == "\n" and text[-1] == "$"
        found.append((prompt[1:], text[:-1]))
    return found


@pytest.mark.parametrize("name", ["sft", "dpo", "tpo"])
def test_lines_of_a_file_are_fed_as_they_are(tmp_path, record, name):
    """Every role of a row comes from one line; nothing was sampled."""
    step = {"sft": "sft_step"}.get(name, "preference_step")
    calls, made = record(step), own_file(tmp_path, name, batch_size=50)
    columns = [key for key in LINES[name][0] if key != "prompt"]
    assert made.method.stage(made).samples == 0
    advance_once(made)
    rows = read(made, *calls[0].arrays[:2])
    parts = [rows[i : i + 50] for i in range(0, len(rows), 50)]
    fed = {(group[0][0], *(text for _, text in group)) for group in zip(*parts, strict=True)}
    assert fed == {(line["prompt"], *(line[key] for key in columns)) for line in LINES[name]}


def test_thumbs_of_a_file_are_fed_as_they_are(tmp_path, record):
    calls, made = record("unpaired_step"), own_file(tmp_path, "kto", batch_size=60)
    advance_once(made)
    tokens, mask, _, desirable, *_ = calls[0].arrays[0]
    fed = {(*row, like == 1) for row, like in zip(read(made, tokens, mask), desirable, strict=True)}
    assert fed == {(line["prompt"], line["completion"], line["label"]) for line in LINES["kto"]}


def test_rankings_of_a_file_are_fed_with_their_rewards(tmp_path, record):
    calls, made = record("ranked_step"), own_file(tmp_path, "rrhf", batch_size=60)
    advance_once(made)
    tokens, mask, _, reward = calls[0].arrays
    assert tokens.shape[:2] == (20, 3) and reward.dtype == mask.dtype
    fed = {
        (*(text for _, text in read(made, *row)), *earned)
        for *row, earned in zip(tokens, mask, reward.tolist(), strict=True)
    }
    assert fed == {(*line["completions"], *line["rewards"]) for line in LINES["rrhf"]}


@pytest.mark.parametrize("name", LINES)
def test_lines_with_two_completions_to_compare_have_an_accuracy(tmp_path, name):
    """A policy that has not moved likes none more than before: 0. The others have only an nll, a
    uniform policy's being the log of the number of tokens."""
    made = own_file(tmp_path, name)
    found = evaluate.evaluate_lines(made, made.initial_policy)
    accuracy = {"eval_accuracy": 0.0} if name in ("dpo", "tpo") else {}
    size = len(made.vocabulary.alphabet) + 1
    assert found == {"eval_nll": pytest.approx(np.log(size), rel=1e-5), **accuracy}


def talkative(made, letter):
    """Parameters of a table that says one letter for ever; without a letter, nothing."""
    size = len(made.vocabulary.alphabet) + 1
    logits = np.full((size, size), -50, np.float32)
    logits[:, made.vocabulary.alphabet.index(letter) if letter else -1] = 50
    return {"table": sent(logits)}


@pytest.mark.parametrize("context, room", [(32, 3 + 4), (7, 7 - 3)])
def test_samples_to_read_are_prompts_with_what_the_policy_says(
    tmp_path, context, room, monkeypatch
):
    """As long as the longest answer of the held-out lines and four more, or what the longest prompt
    leaves of the context; eight lines, or as many as asked for."""
    prompts = ["a", "bc", "d", "ef", "g", "h"] * 20
    lines = [{"prompt": prompt, "completion": "yyy"} for prompt in prompts]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job = plan.plan_run(["sft"], Config(data=path, model="tabular", context=context))
    made = plan.stage_inputs(job, 0, job.initial_params)
    data = made.held_out_data
    answers = [["yyy"] if i == 1 else ["y"] for i in range(len(data.prompts))]
    made = made._replace(held_out_data=data._replace(completions=answers))
    sample, told = policy.sample, []

    def watched(*args, **options):
        told.append(options["eos"])
        return sample(*args, **options)

    monkeypatch.setattr(policy, "sample", watched)
    found = evaluate.sample_held_out(made, talkative(made, "y"), np.random.default_rng(0))
    assert [text.count("y") for text in found] == [room] * 8
    assert Counter("\n" + text.rstrip("y") for text in found) <= Counter(data.prompts)
    few = evaluate.sample_held_out(made, talkative(made, "y"), np.random.default_rng(0), 3)
    assert few == found[:3]
    silent = evaluate.sample_held_out(made, talkative(made, None), np.random.default_rng(0))
    assert silent == [text.rstrip("y") for text in found]
    assert set(told) == {len(made.vocabulary.alphabet)}  # and rows that ended cost nothing more


def test_completions_that_are_exchanged_keep_their_prompts():
    """Rows "12|345" and "1|6": each prompt with the other's completion."""
    tokens = np.array([[1, 2, 3, 4, 5], [1, 6, 0, 0, 0]])
    mask = np.array([[0, 1, 1, 1], [1, 0, 0, 0]], np.float32)
    tokens, mask = samples.mismatched_completions(tokens, mask, np.array([1, 0]))
    assert tokens.tolist() == [[1, 2, 6, 0], [1, 3, 4, 5]]
    assert mask.tolist() == [[0, 1, 0], [1, 1, 1]]


def test_group_standardize_is_asked_for_one_advantage_a_completion():
    """(P, G) rewards come out as one column, group after group."""
    made, _ = setting("grpo")
    found = made.method.advantages["standardize"](batch_of([[0, 2], [5, 1]]))
    near(found, advantage.group_standardize(np.array([[0.0, 2.0], [5.0, 1.0]])).reshape(4, 1))


def test_a_rollout_is_scored_under_the_start_at_its_own_temperature():
    made, _ = setting("grpo", **USUAL)
    batch = rollouts.sample_batch(made, table(made, 2), np.random.default_rng(0))
    assert batch.beta == USUAL["beta"] and batch.drawn == P * G and batch.greedy_reward is None
    assert batch.reward.shape == (P, G) and len(batch.prompts) == P
    assert set(batch.prompts) <= set(ADDITION.train)
    assert steps.StepSize(0.1).max_grad_norm == Config().max_grad_norm  # what is not typed
