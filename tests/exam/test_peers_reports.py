"""Opt-in (`-m peers`): reports on TRL print what they say; the trained ones rest on grades."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("trl")
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["trl-dpo-label-smoothing", "trl-grpo-left-padding"])
def test_a_report_s_program_prints_what_the_report_says(name):
    text = (DOCS / "reports" / f"{name}.md").read_text("utf8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    printed = re.search(r"prints\n\n```\n(.*?)```", text, re.DOTALL)[1]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env=quiet, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == printed


def test_the_trained_reports_rest_on_runs_that_were_graded():
    kept = json.loads((DOCS / "exam_peers.json").read_text("utf8"))
    assert kept["GRPO, words"]["verdict"] == kept["GRPO"]["verdict"] == "right"
