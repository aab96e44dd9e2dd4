"""Same seed, same numbers: run twice, or killed with -9 and resumed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tinyalign import cli
from tinyalign.runs import files

TINY = ["--width", "16", "--layers", "1", "--heads", "2", "--eval_size", "20", "--eval_every", "3"]


def command(folder, method, *extra):
    program = [sys.executable, "-m", "tinyalign", "run", method, "--output", str(folder)]
    sizes = TINY[6:] if "bandit" in extra else TINY  # a table has no width
    return [*program, "--name", "run", *sizes, *extra]


def metrics(folder):
    """Every row but its time."""
    rows = files.read_metrics(folder / "run")
    return [{k: v for k, v in row.items() if k != "train_seconds"} for row in rows]


def run_whole(folder, method, *extra):
    assert cli.main(command(folder, method, *extra)[3:]) == 0
    return metrics(folder)


GRPO = [
    "--warm_start_accuracy",
    "0",
    "--steps",
    "12",
    "--batch_size",
    "4",
    "--num_generations",
    "4",
]
PPO = ["--warm_start_accuracy", "0", "--steps", "12", "--batch_size", "16"]
DPO = ["--env", "bandit", "--steps", "40", "--num_pairs", "50", "--batch_size", "8"]


@pytest.mark.parametrize(("method", "extra"), [("grpo", GRPO), ("ppo", PPO), ("dpo", DPO)])
def test_the_same_seed_gives_the_same_metrics(tmp_path, method, extra):
    """metrics.jsonl of two runs is equal, byte for byte, but for the seconds."""
    first = run_whole(tmp_path / "a", method, *extra)
    assert first == run_whole(tmp_path / "b", method, *extra)
    assert first != run_whole(tmp_path / "c", method, *extra, "--seed", "1")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_run_killed_at_a_random_moment_and_resumed_ends_in_the_same_numbers(tmp_path, seed):
    """kill -9, --resume: all metrics and the weights equal an uninterrupted run's."""
    method, extra = [("grpo", GRPO), ("ppo", PPO), ("sft", ["--steps", "40"])][seed % 3]
    extra = [*extra, "--seed", str(seed)]
    whole = run_whole(tmp_path / "whole", method, *extra)
    chance, log = random.Random(seed), tmp_path / "cut" / "run" / "metrics.jsonl"
    for attempt in range(4):
        again = ["--resume"] if (tmp_path / "cut" / "run" / "config.json").exists() else []
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command(tmp_path / "cut", method, *extra, *again), **quiet)
        goal = chance.randrange(1, len(whole))
        if attempt == 3:
            assert process.wait(timeout=120) == 0
            break
        while process.poll() is None:
            if log.exists() and log.read_bytes().count(b"\n") >= goal:
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.001)
        process.wait(timeout=120)
    assert metrics(tmp_path / "cut") == whole
    weights = "run/model.safetensors"
    assert (tmp_path / "cut" / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()
