"""How far the loss is from the command, and how much of the project a small run executes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("count_calls.py")
MOST = {"dpo": (54, 252, 9), "grpo": (54, 244, 10)}  # files, functions, frames: never more


@pytest.fixture(scope="module")
def counts():
    """{method: (files, functions, frames)}, as the script prints them."""
    command = [sys.executable, str(SCRIPT)]
    numpy = os.environ | {"TINYALIGN_BACKEND": "numpy"}  # the stand-in for a GPU calls more
    done = subprocess.run(command, env=numpy, capture_output=True, text=True, check=True)
    shown = done.stdout
    pattern = r"run (\w+) .*: (\d+) files, (\d+) functions, (\d+) frames"
    return {name: tuple(map(int, found)) for name, *found in re.findall(pattern, shown)}


@pytest.mark.parametrize("name", MOST)
def test_a_run_executes_no_more_files_functions_and_frames_than_it_did(counts, name):
    """A change that makes the way from the command to the loss longer raises one of these."""
    assert all(now <= most for now, most in zip(counts[name], MOST[name], strict=True)), counts
    assert min(counts[name]) > 5  # something was counted
