"""The tables of docs/speed.md: what was measured, and a mark where it misses what was wanted."""

import math

import numpy as np
from ratios import (
    fastest,
    geometric_mean,
    head,
    in_each_run,
    judged,
    line,
    quotient,
    ratios_of,
    shown,
)

# What was asked for: a ratio to stay under (or, of a speed-up, to reach).
STEP_TARGET, MEAN_TARGET = {"transformer": 1.05}, {"transformer": 0.85}
PRODUCT_TARGET = {64: 1.9, 128: 1.6}
SAMPLING_TARGET, SAMPLING_MEAN = 2.0, 2.7
TRL_TARGET = {"SFT": 2.2, "DPO": 2.8, "GRPO": 4.0}
SOLVE = {  # TRL by one recipe or the other: how the page calls it, how many times slower
    "TRL": ("Both by the same recipe", 3.5),
    "TRL, own": ("Each by the recipe that suits it, TRL's", 5.0),
}
SOLVE_SECONDS = 12, 30  # the median, and the slowest
FIRST_COMMAND = 75
IMPORT_TARGET = {"torch": 8, "trl": 20}
MEMORY_TARGET = 1.5
EAGER, LEAN = "torch, ", "torch, own cache"
TO_EAGER, TO_GENERATE = quotient("tinyalign", EAGER), quotient("generate", "tinyalign")
TO_TRL = quotient("TRL", "tinyalign")
OTHERS = ("torch.compile", "JAX jit")


def training(part):
    """The table of training steps with one number of threads."""
    text = head(
        "model, width, length, batch", "ms", "÷ torch eager", *(f"÷ {o}" for o in OTHERS),
        "÷ own products", "own products ÷ torch eager", "share of the machine's GEMM rate",
    )  # fmt: skip
    eager, products = ratios_of(part, TO_EAGER), ratios_of(part, quotient("tinyalign", "products"))
    others = [ratios_of(part, quotient("tinyalign", name)) for name in OTHERS]
    least = ratios_of(part, quotient("products", EAGER))
    for i, row in enumerate(part["rows"]):
        mine, model, width = row["ms"]["tinyalign"], row["model"], row["width"]
        share = f"{row['billions'] / mine * 1e3 / part['gemm_rate']:.0%}"
        cells = [f"{mine:.2f}", judged(eager[i], STEP_TARGET.get(model, math.inf))]
        cells += [shown(other[i]) for other in others]
        goal = PRODUCT_TARGET.get(width, math.inf) if model in STEP_TARGET else math.inf
        cells.append(judged(products[i], goal))
        name = f"{model} {width}, {row['length']}, {row['batch']}"
        text.append(line(name, *cells, f"{least[i]:.2f}", share))
    limits = ", ".join(f"≤ {most} at width {width}" for width, most in PRODUCT_TARGET.items())
    text += ["", *training_means(part, eager)]
    text += [f"Own products: those with a weight. Wanted of a transformer: {limits}.", ""]
    return "\n".join(text + [f"Left out, {name}: {why}" for name, why in part["left_out"].items()])


def training_means(part, eager):
    """A line for each model: its geometric mean to torch eager, and that of each run."""
    text = []
    for model in dict.fromkeys(row["model"] for row in part["rows"]):
        own = [i for i, row in enumerate(part["rows"]) if row["model"] == model]
        mean = judged(geometric_mean([eager[i] for i in own]), MEAN_TARGET.get(model, math.inf))
        goal = ""
        if model in STEP_TARGET:
            goal = f" (wanted: ≤ {MEAN_TARGET[model]}; of each: ≤ {STEP_TARGET[model]})"

        def of_run(run, own=own):
            return geometric_mean([TO_EAGER(run[i]["ms"]) for i in own])

        text += [f"Geometric mean, {model}: **{mean}**{goal}." + in_each_run(part, of_run), ""]
    return text


def methods(part):
    """The table of the methods' gradient steps, with and without shared prompts."""
    text = head(
        "step, width", "prompts × completions", "ms", "÷ torch", "shared prompts, ms",
        "÷ torch with them", "÷ torch without", "sharing: times faster", "the same in torch",
    )  # fmt: skip
    pairs = [  # what is divided by what
        ("tinyalign, whole", "torch, whole"), ("tinyalign, shared", "torch, shared"),
        ("tinyalign, shared", "torch, whole"), ("tinyalign, whole", "tinyalign, shared"),
        ("torch, whole", "torch, shared"),
    ]  # fmt: skip
    columns = [ratios_of(part, quotient(*pair)) for pair in pairs]
    for i, row in enumerate(part["rows"]):
        alone, *rest = (shown(column[i]) for column in columns)
        ms = [shown(fastest(row["ms"], f"tinyalign, {how}")) for how in ("whole", "shared")]
        size = f"{row['prompts']} × {row['group']}"
        text.append(line(f"{row['step']} {row['width']}", size, ms[0], alone, ms[1], *rest))
    return "\n".join(text)


def sampling(part):
    """The table of sampling."""
    text = head(
        "width, batch", "tokens a second", "`generate`", "times faster", "lean torch",
        "times faster",
    )  # fmt: skip
    generate, lean = ratios_of(part, TO_GENERATE), ratios_of(part, quotient(LEAN, "tinyalign"))
    for i, row in enumerate(part["rows"]):
        rate = {name: f"{1e3 * row['tokens'] / ms:,.0f}" for name, ms in row["ms"].items()}
        cells = [rate["generate"], judged(generate[i], SAMPLING_TARGET, at_least=True)]
        cells += [rate.get(LEAN, "–"), shown(lean[i])]
        text.append(line(f"{row['width']}, {row['batch']}", rate["tinyalign"], *cells))
    mean = judged(geometric_mean(generate), SAMPLING_MEAN, at_least=True)
    goal = f"wanted: ≥ {SAMPLING_MEAN:g}; of each: ≥ {SAMPLING_TARGET:g}"
    text += ["", f"Geometric mean to `generate`: **{mean}** ({goal})."]
    text[-1] += in_each_run(part, times_faster)
    if not any(map(math.isnan, lean)):
        text[-1] += f" To the lean torch sampler: **{geometric_mean(lean):.2f}**."
    return "\n".join(text)


def times_faster(rows):
    """Geometric mean of how much faster than `generate`."""
    return geometric_mean([TO_GENERATE(row["ms"]) for row in rows])


def trainers(part):
    """The table of trainers."""
    text = head("step", "batch", "ms", "TRL, ms", "times faster", "in each run", "wanted")
    times = ratios_of(part, TO_TRL)
    for i, row in enumerate(part["rows"]):
        mine, theirs, goal = row["ms"]["tinyalign"], row["ms"]["TRL"], TRL_TARGET[row["step"]]
        runs = [TO_TRL(rows[i]["ms"]) for rows in part.get("runs", [])]
        cells = (f"{mine:.1f}", f"{theirs:.1f}", judged(times[i], goal, at_least=True))
        each = ", ".join(f"{run:.2f}" for run in runs)
        text.append(line(row["step"], row["batch"], *cells, each, f"≥ {goal:g}"))
    text += ["", *(f"Left out, {name}: {why}." for name, why in part["left_out"].items())]
    return "\n".join(text)


def solve(part):
    """The tables of GRPO on addition: both by one recipe, then each by its own."""
    text = []
    for peer, (title, goal) in SOLVE.items():
        if peer not in part["rows"][0]:
            continue
        recipe = ", ".join(f"{name} {value:g}" for name, value in part["recipes"][peer].items())
        rows = race(part, peer, goal)
        text += [f"{title}: {recipe}.", "", *rows, "", f"Wanted: ≥ {goal:g}.", ""]
    mine = [row["tinyalign"][0] for row in part["rows"]]
    said = f"tinyalign: median {np.median(mine):.0f} s, slowest {max(mine):.0f} s"
    goals = " and ".join(f"≤ {most}" for most in SOLVE_SECONDS)
    return "\n".join([*text, f"{said} (wanted: {goals}). Stopped at {part['goal']:.0%}."])


def race(part, peer, goal):
    """A line for each seed: tinyalign beside one way of TRL."""
    text = head(
        "seed", "start", "s", "rollouts", "reached", "TRL, s", "rollouts", "reached",
        "times faster",
    )  # fmt: skip
    for row in part["rows"]:
        cells, runs = [], [row["tinyalign"], row[peer]]
        for seconds, rollouts, accuracy in runs:
            cells += [f"{seconds:.0f}", rollouts, f"{accuracy:.1%}"]
        there = all(accuracy >= part["goal"] for *_, accuracy in runs)
        times = judged(row[peer][0] / row["tinyalign"][0], goal, at_least=True)
        text.append(line(row["seed"], f"{row['start']:.1%}", *cells, times if there else "–"))
    return text


def first_command(part):
    """README's first command."""
    text = head("`tinyalign compare`", "s", "wanted")
    text.append(line("the wall's", judged(part["wall"], FIRST_COMMAND), f"≤ {FIRST_COMMAND}"))
    text.append(line("all processes'", f"{part['processors']:.2f}", ""))
    return "\n".join(text)


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
