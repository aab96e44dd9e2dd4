"""What a run has written into its folder so far, read back."""

import json
import os

TAIL_BYTES = 1 << 16  # more than a row of metrics takes


def metrics(folder):
    """The rows of metrics.jsonl, a dict for each step."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def newest(folder):
    """The last complete row of a run's metrics, or {} before the first."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return {}
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        lines = file.read().split(b"\n")[:-1]
    return json.loads(lines[-1]) if lines else {}


def summaries(folder):
    """What each finished stage came to, a dict each."""
    return json.loads((folder / "summary.json").read_text())
