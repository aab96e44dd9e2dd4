"""The runs that a folder holds: what was typed for each, and how it ended."""

from pathlib import Path

from tinyalign.runs import files
from tinyalign.runs.config import Config
from tinyalign.runs.folder import MARKER, has_ended, is_run, read_object

COLUMNS = ("run", "typed", "accuracy", "reward", "KL, nats")
SCORES = ("eval_accuracy", "eval_reward", "eval_kl")
NAMED = ("env", "model", "data", "seed", "init_from")  # settings that a run's name tells already
LONGEST_NAME = 80  # characters of the settings in a name


def list_runs(folder):
    """A line for each run and comparison of a folder, in the order of COLUMNS."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    # Of a comparison's own folder, the runs of each seed.
    inside += sorted(path for path in folder.glob("seed*/*") if path.is_dir())
    return [line for path in inside if (line := line_of(path, folder))]


def line_of(path, folder):
    """The line of one run or comparison; None for anything else."""
    name = path.relative_to(folder).as_posix()
    if is_run(path):
        settings = read_object(path / MARKER)
        typed = " ".join([",".join(settings["methods"]), *options(settings)])
        return name, typed, *score_cells(path)
    comparison = read_object(path / "compare.json")
    if comparison is not None and {"methods", "seeds", "config"} <= comparison.keys():
        seeds = [f"--seeds {comparison['seeds']}"] if comparison["seeds"] > 1 else []
        words = ["compare", *comparison["methods"], *seeds, *options(comparison["config"])]
        return name, " ".join(words), "–", "–", "–"
    tasks = sorted(part.parent.name for part in path.glob("*/compare.json"))
    return (name, f"compare --env {','.join(tasks)}", "–", "–", "–") if tasks else None


def score_cells(path):
    """Accuracy, reward and KL of a run's last stage, or that it is not finished."""
    if not has_ended(path):
        return "not finished", "–", "–"
    last = files.read_summaries(path)[-1]
    scores = [f"{last[name]:.3f}" if name in last else "–" for name in SCORES]
    judge = last["networks"][:1] == ["reward_model"]  # whose accuracy is over pairs
    return ("–", *scores[1:]) if judge else tuple(scores)


def options(settings):
    """The settings that differ from the usual ones, as they are typed; None is not typed."""
    usual = vars(Config())
    changed = {n: settings[n] for n in usual if settings.get(n) not in (None, usual[n])}
    return [f"--{name} {short(value)}" for name, value in changed.items()]


def short(value):
    """A value as it would be typed: a path by its last two parts, a number without zeros."""
    if isinstance(value, float):
        return f"{value:g}"
    return "/".join(Path(value).parts[-2:]) if isinstance(value, str) else str(value)


def settings_stem(config):
    """The settings that were typed, for the name of a run's folder: "-beta0.1-steps20", or ""."""
    usual = vars(Config())
    words = [
        f"-{name}{'_' * isinstance(value, str)}{short(value)}"
        for name, value in vars(config).items()
        if name not in NAMED and value != usual[name]
    ]
    text = "".join(words).replace(":", "").replace(",", "_").replace("=", "")
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)[:LONGEST_NAME]
