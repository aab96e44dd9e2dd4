"""The tables of docs/speed.md: what was measured, and a mark where it misses what was wanted."""

import math

import numpy as np

# What was asked for: a ratio to stay under (or, of a speed-up, to reach).
STEP_TARGET = {
    ("transformer", 1): 0.8,
    ("transformer", 2): 0.85,
    ("lstm", 1): 1.1,
    ("lstm", 2): 1.4,
}
MEAN_TARGET = {"transformer": 0.7, "lstm": 1.0}
PRODUCT_TARGET = {64: 1.8, 128: 1.5}
SAMPLING_TARGET, SAMPLING_MEAN = 2.0, 3.0
TRL_TARGET = {"SFT": 4.0, "DPO": 4.0, "GRPO": 3.0}
SOLVE_TARGET = 3.0
IMPORT_TARGET = {"torch": 8, "trl": 20}
MEMORY_TARGET = 1.5
EAGER = ("torch, fused Adam", "torch, foreach Adam")
OTHERS = ("torch.compile", "JAX jit")


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))


def line(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def head(*names):
    return [line(*names), line(*["---"] * len(names))]


def judged(value, target, *, at_least=False):
    """A ratio in two digits, or as many as show it, with a mark where it misses its target."""
    missed = value < target if at_least else value > target
    digits = 3 if missed and round(value, 2) == target else 2
    return f"{value:.{digits}f}{' ✗' if missed else ''}"


def ratios(part, ratio):
    """A ratio of the times of each row: its median over the runs."""
    rows = zip(*part.get("runs", [part["rows"]]), strict=True)
    return [float(np.median([ratio(row["ms"]) for row in same])) for same in rows]


def best_eager(ms):
    return min(ms[name] for name in EAGER)


def to_eager(ms):
    return ms["tinyalign"] / best_eager(ms)


def to_other(name):
    return lambda ms: ms["tinyalign"] / ms[name] if name in ms else math.nan


def training(part):
    """The table of training steps with one number of threads."""
    threads, rows = part["threads"], part["rows"]
    text = head(
        "model, width, length, batch", "ms", "÷ torch eager", *(f"÷ {o}" for o in OTHERS),
        "÷ own products", "own products ÷ torch eager", "share of the machine's GEMM rate",
    )  # fmt: skip
    eager = ratios(part, to_eager)
    others = [ratios(part, to_other(name)) for name in OTHERS]
    floors = ratios(part, to_other("products"))
    least = ratios(part, lambda ms: ms["products"] / best_eager(ms))
    for i, row in enumerate(rows):
        mine = row["ms"]["tinyalign"]
        share = f"{row['billions'] / mine * 1e3 / part['gemm_rate']:.0%}"
        name = f"{row['model']} {row['width']}, {row['length']}, {row['batch']}"
        cells = [f"{mine:.2f}", judged(eager[i], STEP_TARGET[row["model"], threads])]
        cells += ["–" if math.isnan(other[i]) else f"{other[i]:.2f}" for other in others]
        cells.append(judged(floors[i], PRODUCT_TARGET.get(row["width"], math.inf)))
        text.append(line(name, *cells, f"{least[i]:.2f}", share))
    text.append("")
    for model, target in MEAN_TARGET.items():
        own = [i for i, row in enumerate(rows) if row["model"] == model]
        wanted = threads == 1 or model == "transformer"
        mean = judged(geometric_mean([eager[i] for i in own]), target if wanted else math.inf)
        goal = f" (wanted: ≤ {target})" if wanted else ""
        each = STEP_TARGET[model, threads]

        def of_run(run, own=own):
            return geometric_mean([to_eager(run[i]["ms"]) for i in own])

        text += [
            f"Geometric mean, {model}: **{mean}**{goal}; wanted of each: ≤ {each}."
            + in_each_run(part, of_run),
            "",
        ]
    limits = ", ".join(f"≤ {most} at width {width}" for width, most in PRODUCT_TARGET.items())
    text += [
        "Own products: those with a weight; their share is of the rate of one large product. "
        f"Wanted of the ratio to them: {limits}.",
        "",
    ]
    text += [f"Left out, {name}: {why}" for name, why in part["left_out"].items()]
    return "\n".join(text)


def in_each_run(part, mean):
    """The mean of each run, where there were several."""
    means = ", ".join(f"{mean(rows):.2f}" for rows in part.get("runs", []))
    return f" In each run: {means}." if means else ""


def faster_than(name):
    return lambda ms: ms[name] / ms["tinyalign"]


def times_faster(rows):
    """Geometric mean of how much faster than `generate`."""
    return geometric_mean([faster_than("generate")(row["ms"]) for row in rows])


def sampling(part):
    """The table of sampling."""
    text = head("width, batch", "tokens a second", "`generate`", "times faster")
    times = ratios(part, faster_than("generate"))
    for row, faster in zip(part["rows"], times, strict=True):
        mine, theirs = (1e3 * row["tokens"] / row["ms"][n] for n in ("tinyalign", "generate"))
        cells = (f"{mine:,.0f}", f"{theirs:,.0f}", judged(faster, SAMPLING_TARGET, at_least=True))
        text.append(line(f"{row['width']}, {row['batch']}", *cells))
    mean = judged(geometric_mean(times), SAMPLING_MEAN, at_least=True)
    goal = f"wanted: ≥ {SAMPLING_MEAN:g}; of each: ≥ {SAMPLING_TARGET:g}"
    runs = in_each_run(part, times_faster)
    return "\n".join([*text, "", f"Geometric mean: **{mean}** ({goal}).{runs}"])


def trainers(part):
    """The table of trainers."""
    text = head("step", "batch", "ms", "TRL, ms", "times faster", "in each run", "wanted")
    times = ratios(part, faster_than("TRL"))
    for i, row in enumerate(part["rows"]):
        mine, theirs, goal = row["ms"]["tinyalign"], row["ms"]["TRL"], TRL_TARGET[row["step"]]
        runs = [faster_than("TRL")(rows[i]["ms"]) for rows in part.get("runs", [])]
        cells = (f"{mine:.1f}", f"{theirs:.1f}", judged(times[i], goal, at_least=True))
        each = ", ".join(f"{run:.2f}" for run in runs)
        text.append(line(row["step"], row["batch"], *cells, each, f"≥ {goal:g}"))
    text += ["", *(f"Left out, {name}: {why}." for name, why in part["left_out"].items())]
    return "\n".join(text)


def solve(part):
    """The table of GRPO on addition."""
    text = head(
        "seed", "start", "s", "rollouts", "reached", "TRL, s", "rollouts", "reached",
        "times faster",
    )  # fmt: skip
    for row in part["rows"]:
        cells = []
        for who in ("tinyalign", "TRL"):
            seconds, rollouts, accuracy = row[who]
            cells += [f"{seconds:.0f}", rollouts, f"{accuracy:.1%}"]
        there = all(row[who][2] >= part["goal"] for who in ("tinyalign", "TRL"))
        times = judged(row["TRL"][0] / row["tinyalign"][0], SOLVE_TARGET, at_least=True)
        text.append(line(row["seed"], f"{row['start']:.1%}", *cells, times if there else "–"))
    recipe = ", ".join(f"{name} {value:g}" for name, value in part["recipe"].items())
    goal = f"Wanted: ≥ {SOLVE_TARGET:g}. Stopped at {part['goal']:.0%} of held-out problems."
    return "\n".join([*text, "", f"{goal} Recipe of both: {recipe}."])


def imports(part):
    """The table of cold imports."""
    text, mine = head("import", "ms", "÷ tinyalign", "wanted"), part["ms"]["tinyalign"]
    for name, ms in part["ms"].items():
        goal = IMPORT_TARGET.get(name)
        times = judged(ms / mine, goal, at_least=True) if goal else "1"
        text.append(line(f"`{name}`", f"{ms:.0f}", times, f"≥ {goal}" if goal else ""))
    return "\n".join(text)


def growth(part):
    """The table of growth."""
    text = head(
        "what grows", "from … to", "time ∝ size^", "peak memory ∝ size^",
        f"peak ÷ must keep (wanted: ≤ {MEMORY_TARGET})",
    )  # fmt: skip
    for curve in part["curves"]:
        ratio = "–"
        if "must_keep" in curve:
            pairs = zip(curve["peak"], curve["must_keep"], strict=True)
            ratio = judged(max(peak / kept for peak, kept in pairs), MEMORY_TARGET)
        sizes = f"{curve['sizes'][0]} … {curve['sizes'][-1]}"
        powers = (f"{curve['time_exponent']:.2f}", f"{curve['memory_exponent']:.2f}")
        text.append(line(curve["name"], sizes, *powers, ratio))
    start = ", ".join(f"{name} {size}" for name, size in part["start"].items())
    return "\n".join([*text, "", f"One thing grows, the others stay at {start}."])


def shares(part):
    """A table of what each primitive takes of a step, the largest first."""
    text = []
    for row in part["rows"]:
        whole = row["ms"]["whole"]
        named = {name: ms for name, ms in row["ms"].items() if name != "whole"}
        named["Adam, tracing and all else"] = whole - sum(named.values())
        ordered = sorted(named.items(), key=lambda pair: -pair[1])
        said = ", ".join(f"{name} {ms / whole:.0%}" for name, ms in ordered if ms >= 0.01 * whole)
        text.append(f"- {row['model']} {row['width']}, {row['length']}, {row['batch']}: {said}")
    return "\n".join(text)
