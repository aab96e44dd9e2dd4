"""docs/speed.json as a page and a picture. Every number on the page comes from the measurement."""

import io
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
    """A ratio in two digits with a mark where it misses its target."""
    missed = value < target if at_least else value > target
    return f"{value:.2f}{' ✗' if missed else ''}"


def best_eager(ms):
    return min(ms[name] for name in EAGER)


def training(part):
    """The table of training steps with one number of threads."""
    threads, rows = part["threads"], part["rows"]
    text = head(
        "model, width, length, batch", "ms", "÷ torch eager", *(f"÷ {o}" for o in OTHERS),
        "÷ own products", "own products ÷ torch eager", "share of the machine's GEMM rate",
    )  # fmt: skip
    for row in rows:
        ms, mine = row["ms"], row["ms"]["tinyalign"]
        target = STEP_TARGET[row["model"], threads]
        others = [f"{mine / ms[o]:.2f}" if o in ms else "–" for o in OTHERS]
        floor = judged(mine / ms["products"], PRODUCT_TARGET.get(row["width"], math.inf))
        share = f"{row['billions'] / mine * 1e3 / part['gemm_rate']:.0%}"
        name = f"{row['model']} {row['width']}, {row['length']}, {row['batch']}"
        eager = judged(mine / best_eager(ms), target)
        least = f"{ms['products'] / best_eager(ms):.2f}"
        text.append(line(name, f"{mine:.2f}", eager, *others, floor, least, share))
    text.append("")
    for model, target in MEAN_TARGET.items():

        def mean(rows, model=model):
            own = [row["ms"] for row in rows if row["model"] == model]
            return geometric_mean([ms["tinyalign"] / best_eager(ms) for ms in own])

        goal = f" (wanted: ≤ {target})" if threads == 1 or model == "transformer" else ""
        each = STEP_TARGET[model, threads]
        text += [
            f"Geometric mean, {model}: **{mean(rows):.2f}**{goal}; wanted of each: ≤ {each}."
            + in_each_run(part, mean),
            "",
        ]
    text += [f"Left out, {name}: {why}" for name, why in part["left_out"].items()]
    return "\n".join(text)


def in_each_run(part, mean):
    """The mean of each run, where there were several."""
    means = ", ".join(f"{mean(rows):.2f}" for rows in part.get("runs", []))
    return f" In each run: {means}." if means else ""


def times_faster(rows):
    """Geometric mean of how much faster than `generate`."""
    return geometric_mean([row["ms"]["generate"] / row["ms"]["tinyalign"] for row in rows])


def sampling(part):
    """The table of sampling."""
    text = head("width, batch", "tokens a second", "`generate`", "times faster")
    for row in part["rows"]:
        mine, theirs = (1e3 * row["tokens"] / row["ms"][n] for n in ("tinyalign", "generate"))
        times = judged(mine / theirs, SAMPLING_TARGET, at_least=True)
        text.append(
            line(f"{row['width']}, {row['batch']}", f"{mine:,.0f}", f"{theirs:,.0f}", times)
        )
    mean = judged(times_faster(part["rows"]), SAMPLING_MEAN, at_least=True)
    goal = f"wanted: ≥ {SAMPLING_MEAN:g}; of each: ≥ {SAMPLING_TARGET:g}"
    runs = in_each_run(part, times_faster)
    return "\n".join([*text, "", f"Geometric mean: **{mean}** ({goal}).{runs}"])


def trainers(part):
    """The table of trainers."""
    text = head("step", "batch", "ms", "TRL, ms", "times faster", "wanted")
    for row in part["rows"]:
        mine, theirs, goal = row["ms"]["tinyalign"], row["ms"]["TRL"], TRL_TARGET[row["step"]]
        times = judged(theirs / mine, goal, at_least=True)
        cells = (f"{mine:.1f}", f"{theirs:.1f}", times, f"≥ {goal:g}")
        text.append(line(row["step"], row["batch"], *cells))
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
        "what grows", "from … to", "time ∝ size^", "peak memory ∝ size^", "peak ÷ must keep"
    )
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


def described(machine):
    """What it was measured on, in one paragraph."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        f"{machine['blas']}; {versions}. Load average as it began: {machine['load']}."
    )


def busy(part):
    """Why there is no table."""
    return (
        f"Not measured: other programs took {part['busy']:.0%} of the processors, and threads that "
        "wait for each other then take many times as long, here and elsewhere."
    )


SECTIONS = {
    "train_step": ("Training step", training),
    "shares": ("Where a training step's time goes", shares),
    "sampling": ("Sampling 16 tokens after a prompt of 8", sampling),
    "trainers": ("Against TRL's trainers", trainers),
    "solve": ("GRPO until addition is solved", solve),
    "imports": ("Cold import", imports),
    "growth": ("How the cost grows", growth),
}


ALONE = ("shares", "imports", "growth")  # measured on one thread only


def page(results, prose):
    """The whole page. `prose` has a paragraph or more for each section, and for the beginning."""
    parts = ["# Speed", prose["top"], described(results["machine"]), prose["how"]]
    for name, (title, table) in SECTIONS.items():
        for threads, part in results.get(name, {}).items():
            words = "" if name in ALONE else f", {threads} thread{'s' * (threads != '1')}"
            parts += [f"## {title}{words}", table(part) if "busy" not in part else busy(part)]
        if name in results:
            parts.append(prose[name])
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def picture(part):
    """The curves of `growth` as SVG text."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "speed", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes = figure.subplots(1, 2)
        for curve in part["curves"]:
            sizes = np.array(curve["sizes"]) / curve["sizes"][0]
            for ax, values in zip(axes, (curve["ms"], curve["peak"]), strict=True):
                ax.loglog(sizes, np.array(values) / values[0], "o-", label=curve["name"], base=2)
        for ax, what in zip(axes, ("time of a step", "peak memory of a step"), strict=True):
            ax.plot([1, 16], [1, 16], ":", color="grey", label="in proportion")
            ax.set(xlabel="size, times the smallest", ylabel=f"{what}, times the smallest")
        axes[0].legend(frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
