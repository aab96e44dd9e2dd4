"""`tinyalign explain` finds what is planted, accuses no healthy log, and admits doubt."""

import json

import numpy as np
import pytest

from tinyalign import cli
from tinyalign.notes.explain.log import Log, read_log
from tinyalign.notes.explain.measures import NOT_SEEN, SEEN, UNDECIDED
from tinyalign.notes.explain.report import SIGNS, findings
from tinyalign.notes.symptoms import SYMPTOMS

ROWS = 60
SEEDS = range(5)
HARMLESS = {"loss_starts_at_zero", "clip_never_used"}  # they say themselves that they are no fault


def falling(start, end, noise, rng):
    """A curve that falls fast at first and slowly later, with noise."""
    t = np.linspace(0, 4, ROWS)
    return end + (start - end) * np.exp(-t) + noise * rng.normal(size=ROWS)


def healthy_pairs(rng):
    """What a DPO run logs that goes well."""
    chosen = 0.4 - falling(0.4, 0, 0.02, rng)
    rejected = falling(0, -0.8, 0.02, rng)
    return {
        "loss": falling(0.69, 0.45, 0.02, rng),
        "grad_norm": falling(2, 1, 0.1, rng),
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margins": chosen - rejected,
        "rewards/accuracies": np.clip(1 - falling(0.5, 0.15, 0.05, rng), 0, 1),
    }


def healthy_samples(rng):
    """What a GRPO run with several updates a rollout logs that goes well."""
    reward = np.clip(0.8 - falling(0.5, 0, 0.03, rng), 0, 1)
    return {
        "loss": 0.01 + 0.01 * np.abs(rng.normal(size=ROWS)),
        "grad_norm": falling(2, 1, 0.1, rng),
        "reward": reward,
        "reward_std": falling(0.4, 0.2, 0.01, rng),
        "frac_reward_zero_std": np.clip(0.3 + 0.05 * rng.normal(size=ROWS), 0, 1),
        "kl": 0.5 - falling(0.5, 0, 0.01, rng) + 0.05,
        "entropy": falling(1.5, 0.6, 0.02, rng),
        "clip_ratio/region_mean": np.abs(0.02 * rng.normal(size=ROWS)),
        "completions/mean_length": 20 + rng.normal(size=ROWS),
        "completions/clipped_ratio": np.abs(0.02 * rng.normal(size=ROWS)),
        "eval_reward": reward,
    }


def healthy_critic(rng):
    """What a PPO run logs that goes well, under TRL's old keys."""
    return {
        "objective/kl": 0.3 * rng.normal(size=ROWS) + np.linspace(0, 2, ROWS),
        "objective/scores": 1 - falling(1, 0, 0.05, rng),
        "loss/value_avg": falling(1, 0.2, 0.03, rng),
        "policy/clipfrac_avg": np.abs(0.05 + 0.02 * rng.normal(size=ROWS)),
    }


def healthy_supervised(rng):
    """What an SFT run logs that goes well."""
    return {
        "loss": falling(3, 0.5, 0.05, rng),
        "eval_loss": falling(3, 0.6, 0.01, rng),
        "mean_token_accuracy": np.clip(1 - falling(0.8, 0.2, 0.02, rng), 0, 1),
        "grad_norm": falling(3, 1, 0.2, rng),
    }


HEALTHY = (healthy_pairs, healthy_samples, healthy_critic, healthy_supervised)
UP = np.linspace(0, 1, ROWS)

PLANTED = {  # symptom -> (healthy log, what is changed in it)
    "stuck_at_log_2": (
        healthy_pairs,
        lambda n: {"loss": np.log(2) + 1e-4 * n, "rewards/margins": 1e-4 * n},
    ),
    "both_rewards_fall": (
        healthy_pairs,
        lambda n: {
            "rewards/chosen": -2 * UP + 0.1 * n,
            "rewards/rejected": -3 * UP + 0.1 * n,
            "rewards/margins": UP + 0.1 * n,
        },
    ),
    "accuracy_at_half": (
        healthy_pairs,
        lambda n: {"rewards/accuracies": 0.5 + 0.03 * n},
    ),
    "margin_runs_away": (
        healthy_pairs,
        lambda n: {"rewards/margins": 40 * UP + 0.1 * n, "loss": 0.5 * np.exp(-40 * UP)},
    ),
    "accuracy_out_of_range": (
        healthy_pairs,
        lambda n: {"rewards/accuracies": 8 * (0.7 + 0.05 * n)},
    ),
    "negative_kl": (healthy_critic, lambda n: {"objective/kl": -0.4 + 0.3 * n}),
    "kl_runs_away": (healthy_samples, lambda n: {"kl": np.exp(5 * UP) + 0.01 * n}),
    "never_stops": (
        healthy_samples,
        lambda n: {"completions/clipped_ratio": np.clip(0.97 + 0.01 * n, 0, 1)},
    ),
    "longer_and_longer": (
        healthy_samples,
        lambda n: {
            "completions/mean_length": 20 + 60 * UP + n,
            "reward": 0.7 - 0.3 * UP + 0.02 * n,
            "eval_reward": 0.7 - 0.3 * UP + 0.02 * n,
        },
    ),
    "loss_starts_at_zero": (healthy_samples, lambda n: {"loss": 1e-8 * n}),
    "silent_groups": (
        healthy_samples,
        lambda n: {
            "frac_reward_zero_std": np.clip(0.96 + 0.01 * n, 0, 1),
            "reward": 0.3 + 0.02 * n,
            "eval_reward": 0.3 + 0.02 * n,
        },
    ),
    "entropy_collapse": (
        healthy_samples,
        lambda n: {
            "entropy": 1.5 * np.exp(-8 * UP) + 0.001,
            "reward": 0.3 + 0.02 * n,
            "eval_reward": 0.3 + 0.02 * n,
        },
    ),
    "clip_never_used": (healthy_samples, lambda n: {"clip_ratio/region_mean": 0 * n}),
    "clip_too_often": (
        healthy_samples,
        lambda n: {"clip_ratio/region_mean": np.clip(0.5 + 0.05 * n, 0, 1)},
    ),
    "value_loss_explodes": (
        healthy_critic,
        lambda n: {
            "loss/value_avg": np.exp(8 * UP) * np.exp(0.1 * n),
            "objective/scores": 0.8 - 0.6 * UP + 0.05 * n,
        },
    ),
    "not_a_number": (
        healthy_supervised,
        lambda n: {"loss": np.where(np.arange(ROWS) == 40, np.nan, 1.0)},
    ),
    "gradient_explodes": (healthy_supervised, lambda n: {"grad_norm": np.exp(10 * UP)}),
    "reward_flat": (
        healthy_samples,
        lambda n: {"reward": 0.2 + 0.02 * n, "eval_reward": 0.2 + 0.02 * n},
    ),
    "reward_exploited": (
        healthy_samples,
        lambda n: {"eval_reward": 0.5 + 0.3 * np.sin(1.6 * np.pi * UP) - 0.1 * UP},
    ),
    "over_fitting": (
        healthy_supervised,
        lambda n: {"eval_loss": 1 + (UP - 0.4) ** 2 * 2 + 0.001 * n},
    ),
}


ROW = np.arange(ROWS)
NOISE = 0.02 * np.random.default_rng(1).normal(size=ROWS)
BEGINS = np.maximum(0, ROW - 35) / 60  # a sparse reward that is found in the second half

# (what the log is, symptom, columns, what is said of it)
ODD = (
    (
        "the reward is constant at both ends",
        "reward_flat",
        {"reward": np.clip((ROW - 20) / 20, 0, 1) - 1},
        NOT_SEEN,
    ),
    (
        "the losses are negative and fall",
        "over_fitting",
        {"loss": NOISE - UP, "eval_loss": -UP},
        NOT_SEEN,
    ),
    (
        "the held-out loss is noise",
        "over_fitting",
        {"loss": NOISE - UP, "eval_loss": np.where(ROW % 7 == 3, 0.46, 0.5) + NOISE},
        NOT_SEEN,
    ),
    (
        "the held-out score goes up and down",
        "reward_exploited",
        {"reward": 0.5 + UP + NOISE, "eval_accuracy": 0.8 - 0.08 * np.sin(2.4 * ROW - 0.6)},
        NOT_SEEN,
    ),
    (
        "a sparse reward is found late",
        "gradient_explodes",
        {"grad_norm": np.where(ROW < 35, 0.0, 1.2), "reward": BEGINS},
        NOT_SEEN,
    ),
    (
        "a sparse reward is found late",
        "value_loss_explodes",
        {"value_loss": np.where(ROW < 35, 5e-4, 0.02), "reward": BEGINS},
        UNDECIDED,
    ),
    (
        "a loss scaler begins too high",
        "not_a_number",
        {"loss": 1 + NOISE, "grad_norm": np.where(ROW < 2, np.inf, 1.0)},
        UNDECIDED,
    ),
    (
        "all gradient norms are infinite",
        "not_a_number",
        {"loss": 1 + NOISE, "grad_norm": np.full(ROWS, np.inf)},
        SEEN,
    ),
    (
        "the reward rises with the length",
        "longer_and_longer",
        {"reward": 0.2 + 0.5 * UP + NOISE, "completions/mean_length": 300 * (1 + UP)},
        UNDECIDED,
    ),
    (
        "a reward of at most 2 is high at the start",
        "reward_flat",
        {"reward": 1.92 + NOISE},
        UNDECIDED,
    ),
    (
        "a reward of at most 2 is reached at the start",
        "silent_groups",
        {"reward": np.full(ROWS, 2.0), "reward_std": np.zeros(ROWS)},
        UNDECIDED,
    ),
    (
        "a reward of at most 2 is high at the start",
        "entropy_collapse",
        {"reward": 1.92 + NOISE, "entropy": np.exp(-8 * UP)},
        UNDECIDED,
    ),
)


def log_of(columns, rows=ROWS):
    """A Log of so many of the rows."""
    listed = [{key: float(values[i]) for key, values in columns.items()} for i in range(rows)]
    return Log("", listed)


def seen_in(log):
    return {name for name, finding in findings(log).items() if finding.state == SEEN}


def test_every_sign_has_a_symptom_and_a_planted_log():
    assert set(SIGNS) <= set(SYMPTOMS) and set(SIGNS) == set(PLANTED)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_symptom_is_found_and_nothing_else(name):
    healthy, change = PLANTED[name]
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        columns = healthy(rng) | change(rng.normal(size=ROWS))
        found = seen_in(log_of(columns))
        # Where nothing is learned the reward is flat too.
        also = {"reward_flat"} if name in ("entropy_collapse", "silent_groups") else set()
        assert name in found and found <= {name} | also, (seed, found)


@pytest.mark.parametrize("healthy", HEALTHY, ids=lambda healthy: healthy.__name__)
def test_a_healthy_log_is_not_accused(healthy):
    for seed in range(20):
        assert seen_in(log_of(healthy(np.random.default_rng(seed)))) == set()


@pytest.mark.parametrize(
    "name", sorted(set(PLANTED) - {"accuracy_out_of_range", "loss_starts_at_zero"})
)
def test_a_few_rows_prove_nothing(name):
    """Five rows of a planted log: undecided, except for what a single row proves."""
    healthy, change = PLANTED[name]
    rng = np.random.default_rng(0)
    columns = healthy(rng) | change(rng.normal(size=ROWS))
    assert seen_in(log_of(columns, rows=5)) == set()


@pytest.mark.parametrize("case", ODD, ids=lambda case: f"{case[1]}: {case[0]}")
def test_an_odd_log_is_judged_with_care(case):
    _, name, columns, state = case
    assert findings(log_of(columns))[name].state == state


def test_a_small_fall_of_both_rewards_is_none_and_a_harmless_one_is_called_so():
    columns = {"rewards/chosen": 0.03 - 0.1 * UP, "rewards/rejected": -0.3 * UP}
    assert findings(log_of(columns))["both_rewards_fall"].state == NOT_SEEN
    columns = {key: 10 * values for key, values in columns.items()}
    assert "harmless" not in findings(log_of(columns))["both_rewards_fall"].evidence
    columns["rewards/accuracies"] = np.full(ROWS, 0.97)
    finding = findings(log_of(columns))["both_rewards_fall"]
    assert finding.state == SEEN and "harmless: the accuracy is 0.97" in finding.evidence


def test_the_command_says_what_it_saw_and_where_to_read_on(tmp_path, capsys):
    path = tmp_path / "metrics.jsonl"
    healthy, change = PLANTED["negative_kl"]
    rng = np.random.default_rng(0)
    log = log_of(healthy(rng) | change(rng.normal(size=ROWS)))
    path.write_text("\n".join(map(json.dumps, log.rows)) + '\n{"half a li', encoding="utf8")
    assert cli.main(["explain", str(path)]) == 0
    said = capsys.readouterr().out
    assert "My KL is negative." in said and "Seen: objective/kl -0.4" in said
    assert "tinyalign read 04" in said
    state = tmp_path / "trainer_state.json"
    state.write_text(json.dumps({"log_history": log.rows}, indent=2), encoding="utf8")
    assert cli.main(["explain", str(state)]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "there is no file"),
        ("", "has no rows"),
        ("step 1\nstep 2\n", "line 1 is no JSON"),
        ("[1]\n{}\n", "line 1 is no row"),
    ],
)
def test_a_file_that_is_no_log_is_a_sentence(text, says, tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    if text is not None:
        path.write_text(text, encoding="utf8")
    assert cli.main(["explain", str(path)]) == 2
    assert says in capsys.readouterr().err


def test_odd_values_are_left_out(tmp_path):
    """Text, null, true and numbers that no float holds are no numbers of a log."""
    path = tmp_path / "a.jsonl"
    rows = '{"loss": null, "kl": "a"}\n{"loss": true, "kl": 1%s}\n{"loss": 2.0}' % ("0" * 400)
    path.write_text(rows, encoding="utf8")
    (log,) = read_log(path)
    assert log.values("loss").tolist() == [2.0] and not log.has("kl")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sft", "dpo", "kto", "grpo", "rloo", "ppo"])
def test_our_own_healthy_runs_are_not_accused(method, tmp_path, monkeypatch):
    """On the bandit, whose answer is known; likelihood displacement is no false hit there."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", method, "--env", "bandit", "--name", "a"]) == 0
    for log in read_log(tmp_path / "runs" / "a" / "metrics.jsonl"):
        assert seen_in(log) - HARMLESS - {"both_rewards_fall"} == set()
