"""docs/speed.json as a page and a picture. Every number on the page comes from the measurement."""

import io

import numpy as np
import tables

from tinyalign.report.plots import COLOURS, style_axes


def described(machine):
    """What it was measured on, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"- {machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        f"{machine['blas']}; {versions}."
    )


def busy(part):
    """Why there is no table."""
    return (
        f"Not measured: other programs took {part['busy']:.0%} of the processors, and threads that "
        "wait for each other then take many times as long, here and elsewhere."
    )


SECTIONS = {
    "first_command": ("The first command", tables.first_command),
    "solve": ("GRPO until addition is solved", tables.solve),
    "method_steps": ("Gradient steps, with and without shared prompts", tables.methods),
    "trainers": ("Against TRL's trainers", tables.trainers),
    "train_step": ("Training step", tables.training),
    "shares": ("Where a training step's time goes", tables.shares),
    "sampling": ("Sampling 16 tokens after a prompt of 8", tables.sampling),
    "imports": ("Cold import", tables.imports),
    "growth": ("How the cost grows", tables.growth),
}


def page(results, prose):
    """The whole page. `prose` has a paragraph or more for each section, and for the beginning."""
    machines = "\n".join(map(described, results["machines"].values()))
    parts = ["# Speed", prose["top"], machines, prose["how"]]
    for name, (title, table) in SECTIONS.items():
        parts += [f"## {title}", *tables_of(results.get(name, {}), table), prose[name]]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def tables_of(measured, table):
    """A heading and a table for each machine and number of threads, one below the other."""
    parts = []
    for processor, by_threads in measured.items():
        for threads, part in by_threads.items():
            words = f"{threads} thread{'s' * (threads != '1')}"
            parts += [f"### {processor}, {words}", busy(part) if "busy" in part else table(part)]
    return parts or ["Not yet measured."]


def picture(part):
    """The curves of `growth` as SVG text."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "speed", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes = figure.subplots(1, 2)
        for ax in axes:
            ax.set_prop_cycle(color=COLOURS)
            style_axes(ax)
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
