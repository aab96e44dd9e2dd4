"""metrics.jsonl: the table names every key there is, and each new figure is worked out by hand."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import preparation
import pytest
from devices import fetched, sent
from sweeping import run

from tinyalign import cli, methods
from tinyalign.cli import metric_table
from tinyalign.losses import divergence, preference
from tinyalign.methods import rollouts, steps
from tinyalign.methods.metrics import METRICS, unpaired_metrics
from tinyalign.methods.steps import StepSize
from tinyalign.models import tabular
from tinyalign.runs.files import read_metrics

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tinyalign" / "examples"
KEYS = [metric.key for metric in METRICS]
STEP = StepSize(1e-2)

# Which keys there are.


@pytest.fixture(scope="module")
def logged(tmp_path_factory, plain_curves):
    """Every key that a short run of every method leaves: on the bandit, a file, and programs."""
    tiny = {"steps": 2, "batch_size": 8, "num_pairs": 20, "eval_size": 8, "eval_every": 100}
    jobs = [(row.name, {"env": "bandit"}) for row in methods.METHODS]
    jobs += [(name, {"data": EXAMPLES / f"names_{kind}.jsonl", "model": "tabular"})
             for name, kind in (("sft", "sft"), ("dpo", "pairs"))]  # fmt: skip
    jobs += [("sft", {"env": "programs", "model": "tabular"})]
    keys = set()
    for name, settings in jobs:
        folder = tmp_path_factory.mktemp(name)
        run(folder, name, **tiny, **settings)
        keys |= {key for row in read_metrics(folder) for key in row}
    return keys


def test_the_table_names_what_is_logged_and_nothing_else(logged):
    assert logged == set(KEYS)
    assert len(KEYS) == len(set(KEYS))


# The command and the page.


@pytest.mark.parametrize("columns", [60, 80, 119, 120, 160])
def test_the_command_fits_the_screen_and_names_every_key(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert cli.main(["metrics"]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= columns
    first_column = re.findall(r"^(\S+)  ", printed, re.MULTILINE)
    assert [word for word in first_column if word != "key"] == KEYS
    flat = re.sub(r"\s", "", printed)
    if columns < metric_table.WIDE:  # one column holds all facts, so none is broken up by another
        facts = [text for metric in METRICS for text in metric[1:]]
        assert all(re.sub(r"\s", "", text) in flat for text in facts)


def test_the_page_is_current():
    """docs/metrics.md is what `python docs/build_metrics.py` writes now."""
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf8")
    assert page == metric_table.markdown(), "python docs/build.py --derived writes it"


@pytest.mark.peers
def test_trl_logs_under_the_keys_of_the_table():
    """Each key stands in quotes in TRL's trainers, or in the Trainer that they extend."""
    folders = [
        Path(location)
        for package in ("trl", "transformers")
        for location in getattr(importlib.util.find_spec(package), "submodule_search_locations", ())
    ]
    if len(folders) < 2:
        pytest.skip("TRL and transformers are not both installed")
    files = [*folders[0].rglob("*_trainer.py"), folders[1] / "trainer.py"]
    source = "".join(path.read_text(encoding="utf8") for path in files)
    for metric in METRICS:
        key, _, trainer = metric.trl.partition(" ")
        if key and trainer != "(PPO)":  # TRL 1.16 has no PPO trainer
            assert f'"{key.removeprefix("eval_")}"' in source, metric.key


# What the figures are.


def rollout_of(reward):
    """A scored rollout whose completions have one token each, and no distance to the reference."""
    one = sent(np.ones((reward.size, 1), np.float32))
    rollout = rollouts.policy.Rollout(tokens=one, mask=one, logp=-one)
    return rollouts.ScoredRollout(None, [], rollout, reward, ref_logp=-one, drawn=reward.size)


def test_reward_std_is_within_groups():
    """Groups (0, 2, 4) and (5, 5, 5): the spread between prompts does not count."""
    reward = np.array([[0.0, 2.0, 4.0], [5.0, 5.0, 5.0]])
    metrics = rollouts.rollout_metrics(rollout_of(reward))
    np.testing.assert_allclose(metrics["reward_std"], (2.0 + 0.0) / 2)  # their deviations are 2, 0
    assert metrics["frac_reward_zero_std"] == 0.5


def test_reward_std_of_groups_of_one_is_that_of_the_batch():
    metrics = rollouts.rollout_metrics(rollout_of(np.array([[1.0], [3.0], [5.0]])))
    np.testing.assert_allclose(metrics["reward_std"], 2.0)
    assert rollouts.rollout_metrics(rollout_of(np.array([[1.0]])))["reward_std"] == 0.0


RATIO = np.array([  # π/π_old of the tokens of four completions, 0 where one has ended
    [0.5, 1.0, 1.25, 9.0],
    [0.5, 1.0, 1.25, 9.0],
    [1.1, 0.0, 0.0, 0.0],
    [6.0, 0.7, 0.0, 0.0],
])  # fmt: skip
ADVANTAGE = np.array([[1.0], [-1.0], [1.0], [-1.0]])
# Which tokens are clipped. With A > 0 a token is clipped above 1 + ε, with A < 0 below 1 − ε; ε is
# 0.2, DAPO's upper one 0.28. CISPO caps every ratio above 1 + 4. REINFORCE has no ratio.
CLIPPED = {
    "ppo": [[0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]],
    "grpo": [[0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]],
    "dapo": [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]],
    # One ratio a completion, the geometric mean: 1.54, 1.54, 1.1 and 2.05; only the first goes
    # further up than 1 + 0.2 · 4/3 with A > 0.
    "gspo": [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    "cispo": [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]],
    "reinforce": np.zeros((4, 4)),
    "sapo": np.zeros((4, 4)),  # a gate has no edge
}


def policy_gradient_metrics(name, ratio, advantage, clip):
    """The metrics of one step of a method, on completions whose tokens have these ratios."""
    row, rng = methods.find(name), np.random.default_rng(0)
    params = {"table": sent(rng.normal(size=(5, 5)).astype(np.float32))}
    tokens = sent(rng.integers(5, size=(len(ratio), ratio.shape[1] + 1)))
    mask = sent((ratio > 0).astype(np.float32))
    logp = preparation.log_softmax(fetched(params["table"]))[
        fetched(tokens)[:, :-1], fetched(tokens)[:, 1:]
    ]
    old_logp = sent((logp - np.log(np.where(ratio > 0, ratio, 7.0))).astype(np.float32))
    experience = steps.Experience(
        tokens, mask, old_logp, old_logp, sent(advantage.astype(np.float32))
    )
    _, metrics = steps.policy_gradient_step(
        steps.init_train_state(params), experience, surrogate=row.surrogate, clip=clip,
        reduce=lambda x, mask: row.reduce(x, mask, length=ratio.shape[1]), kl=divergence.k3,
        beta=0.0, entropy_coef=0.0, temperature=1.0, model=tabular, step_size=STEP,
    )  # fmt: skip
    return fetched(metrics)


@pytest.mark.parametrize("name", CLIPPED)
def test_clip_ratio_counts_the_clipped_tokens(name):
    """The share of completion tokens; what stands in the padding does not count."""
    clip = 4.0 if name == "cispo" else 0.2
    metrics = policy_gradient_metrics(name, RATIO, ADVANTAGE, clip)
    np.testing.assert_allclose(metrics["clip_ratio"], np.sum(CLIPPED[name]) / 11, rtol=1e-6)


def test_gspo_clips_a_completion_whole():
    """Against the definition, ratio by ratio, with both of GSPO's clips in play."""
    ratio = np.array([[0.6, 0.9], [0.6, 0.9], [1.3, 1.2], [1.3, 1.2], [1.4, 0.7]])
    advantage = np.array([[1.0], [-1.0], [1.0], [-1.0], [1.0]])
    mean = np.exp(np.log(ratio).mean(axis=1))
    above = (mean > 1 + 4 / 3 * 0.1) & (advantage[:, 0] > 0)
    below = (mean < 1 - 0.1) & (advantage[:, 0] < 0)
    assert above.tolist() == [False, False, True, False, False] and below.sum() == 1
    metrics = policy_gradient_metrics("gspo", ratio, advantage, clip=0.1)
    np.testing.assert_allclose(metrics["clip_ratio"], np.mean(above | below), rtol=1e-6)


def test_the_rewards_of_dpo_are_beta_times_log_ratios():
    """beta · (log π − log π_ref) of summed tokens, and log π of either completion of a pair."""
    rng, beta, pairs = np.random.default_rng(0), 0.3, 3
    params = {"table": sent(rng.normal(size=(5, 5)).astype(np.float32))}
    tokens = rng.integers(5, size=(2 * pairs, 4))
    mask = np.array([[1, 1, 1], [0, 1, 1], [0, 1, 0]] * 2, np.float32)
    reference = (rng.normal(size=mask.shape) - 2).astype(np.float32)
    _, metrics = steps.preference_step(
        steps.init_train_state(params), sent(tokens), sent(mask), sent(reference),
        roles=("chosen", "rejected"), beta=beta, model=tabular, step_size=STEP,
        loss=lambda chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp: preference.dpo(
            chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=beta
        ),
    )  # fmt: skip
    logp = preparation.log_softmax(fetched(params["table"]))[tokens[:, :-1], tokens[:, 1:]]
    total, ref_total = (logp * mask).sum(axis=1), (reference * mask).sum(axis=1)
    chosen, rejected = np.split(beta * (total - ref_total), 2)
    expected = {
        "rewards/chosen": chosen.mean(),
        "rewards/rejected": rejected.mean(),
        "rewards/margins": (chosen - rejected).mean(),
        "rewards/accuracies": np.mean(chosen > rejected),
        "logps/chosen": total[:pairs].mean(),
        "logps/rejected": total[pairs:].mean(),
    }
    metrics = fetched(metrics)
    for key, value in expected.items():
        np.testing.assert_allclose(metrics[key], value, rtol=1e-5, err_msg=key)


def test_the_rewards_of_kto_are_means_of_a_class():
    reward, liked = np.array([1.0, 2.0, 4.0, 9.0]), np.array([1.0, 0.0, 1.0, 0.0])
    metrics = fetched(unpaired_metrics(sent(reward), sent(liked)))
    assert (metrics["rewards/chosen"], metrics["rewards/rejected"]) == (2.5, 5.5)
    assert metrics["rewards/margins"] == -3.0


def test_a_class_that_a_batch_lacks_is_left_out_of_the_file(tmp_path, plain_curves):
    """A batch of one has one class, so each line has the reward of that class and no margin."""
    lines = [{"prompt": "a", "completion": c, "label": c == "b"} for c in "bcbcbcbc"]
    (tmp_path / "thumbs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    settings = {"model": "tabular", "steps": 12, "batch_size": 1, "eval_every": 100}
    run(tmp_path / "run", "kto", data=tmp_path / "thumbs.jsonl", **settings)
    written = [
        {key for key in row if key.startswith("rewards/")} for row in read_metrics(tmp_path / "run")
    ]
    assert {"rewards/chosen"} in written and {"rewards/rejected"} in written
    assert all(len(keys) == 1 for keys in written)
    assert "NaN" not in (tmp_path / "run" / "metrics.jsonl").read_text()
