"""A training log as columns of numbers."""

import json
import math

import numpy as np

from tinyalign.errors import InputError

NAMES = {  # our name of a number -> the keys under which logs have it
    "loss": ("loss",),
    "grad_norm": ("grad_norm",),
    "chosen": ("rewards/chosen",),
    "rejected": ("rewards/rejected",),
    "margin": ("rewards/margins", "margin"),
    "pair_accuracy": ("rewards/accuracies", "accuracy"),
    "kl": ("kl", "objective/kl"),
    "entropy": ("entropy", "policy/entropy_avg", "objective/entropy"),
    "reward": ("reward", "objective/scores"),
    "reward_std": ("reward_std",),
    "silent_share": ("frac_reward_zero_std",),
    "clip_share": ("clip_ratio/region_mean", "clip_ratio", "policy/clipfrac_avg"),
    "approx_kl": ("approx_kl", "policy/approxkl_avg"),
    "length": ("completions/mean_length",),
    "cut_off_share": ("completions/clipped_ratio",),
    "value_loss": ("value_loss", "loss/value_avg"),
    "eval_score": ("eval_reward", "eval_accuracy"),
    "eval_loss": ("eval_loss",),
}


class Log:
    """The columns of one stage of training."""

    def __init__(self, stage, rows):
        self.stage = stage
        self.rows = rows

    def has(self, *names):
        """Whether every one of these numbers was logged at all."""
        return all(self.values(name).size for name in names)

    def values(self, name):
        """The finite values of a number in order, (n,)."""
        found = self.all_values(name)
        return found[np.isfinite(found)]

    def all_values(self, name):
        """The values of a number in order, NaN and infinite ones too, (n,)."""
        for key in NAMES[name]:
            found = [row[key] for row in self.rows if is_number(row.get(key))]
            if found:
                return np.array(found, dtype=float)
        return np.array([])

    def key(self, name):
        """The key under which the log has a number."""
        used = (key for key in NAMES[name] if any(key in row for row in self.rows))
        return next(used, NAMES[name][0])


def is_number(value):
    """Whether a value of JSON is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_log(path):
    """The stages of a log, one Log for each: rows of JSON, or a trainer_state.json of TRL.

    path  of the log, or of the folder of a run
    """
    path = path / "metrics.jsonl" if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf8")
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: want the metrics.jsonl of a run") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text: want a row of JSON on each line") from None
    rows = rows_of(path, text)
    if not rows:
        raise InputError(f"{path} has no rows: want a row of JSON on each line, such as "
                         '{"step": 1, "loss": 0.69}')  # fmt: skip
    stages = {}
    for row in rows:
        plain = {key.removeprefix("train/"): value for key, value in row.items()}
        name = (row.get("stage_index", 0), str(row.get("stage", "")))
        stages.setdefault(name, []).append(plain)
    return [Log(stage, own) for (_, stage), own in stages.items()]


def rows_of(path, text):
    """The rows of a text; InputError at the first line that is none."""
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("log_history"), list):
        return [row for row in whole["log_history"] if isinstance(row, dict)]
    rows, lines = [], text.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):  # a run that is killed may leave half a line
                continue
            raise InputError(f"{path}, line {number} is no JSON: {line[:40]!r}") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number} is no row: want {{…}}, got {line[:40]!r}")
        rows.append({key: value for key, value in row.items() if not is_huge(value)})
    return rows


def is_huge(value):
    """Whether a whole number is too large for a float."""
    try:
        return isinstance(value, int) and not math.isfinite(float(value))
    except OverflowError:
        return True
