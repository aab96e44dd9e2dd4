"""Helpers of the walkthroughs: tables, figures, a training loop, and a check for exercises."""

import io

from hypothesis import HealthCheck, settings
from matplotlib.figure import Figure

from tinyalign.engine.tree import value_and_grad
from tinyalign.methods.steps import StepSize, init_train_state, update
from tinyalign.notes.exercises.judging import UNWRITTEN, why_wrong
from tinyalign.report.plots import COLOURS, style_axes

# Hypothesis tries the same examples every time and leaves no folder beside the notebook.
settings.register_profile(
    "lesson",
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def table(names, rows):
    """Print rows under column names; words are aligned to the left, numbers to the right."""
    cells = [[format_cell(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    # The first row decides how a column is aligned.
    right = [not isinstance(cell, str) for cell in rows[0]]
    for line in (names, *cells):
        aligned = [
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, right, strict=True)
        ]
        print("  ".join(aligned).rstrip())


def format_cell(cell):
    """A float with four significant digits; anything else as text."""
    return f"{cell:.4g}" if hasattr(cell, "__float__") and not isinstance(cell, int) else str(cell)


class Picture(Figure):
    """A figure that a notebook displays without pyplot."""

    def _repr_png_(self):
        # Jupyter calls this method for the value of a cell's last line.
        data = io.BytesIO()
        self.savefig(data, format="png", dpi=110)
        return data.getvalue()


def picture(columns=1, *, rows=1, width=6.4, height=3.6):
    """An empty figure with axes row by row: (figure, axes), or (figure, [axes, …])."""
    figure = Picture(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for each in axes:
        each.set_prop_cycle(color=COLOURS)
        style_axes(each)
    return figure, axes[0] if len(axes) == 1 else axes


def minimise(loss, params, *, steps, learning_rate, record=None):
    """Minimise loss(params) with Adam; the learning rate falls linearly to 0.

    loss     a tree of arrays -> one number
    record   called with the parameters before every step and after the last; None: not called
    returns  the parameters at the end, and a list of all that `record` returned
    """
    network, records = init_train_state(params), []
    for step in range(steps):
        if record is not None:
            records.append(record(network.params))
        rate = learning_rate * (1 - step / steps)
        # The limit on the gradient's norm is out of reach, so that gradients are never clipped.
        loss_and_grad = value_and_grad(lambda p: (loss(p), {}))(network.params)
        network, _ = update(network, loss_and_grad, StepSize(rate, max_grad_norm=1e9))
    if record is not None:
        records.append(record(network.params))
    return network.params, records


def check_exercise(check, solution):
    """Print whether a reader's function solves an exercise, and what is wrong where it does not."""
    before = settings.get_current_profile_name()
    settings.load_profile("lesson")
    try:
        wrong = why_wrong(check, solution)
        verdict = f"not yet right: {wrong}" if wrong and wrong != UNWRITTEN else wrong or "right"
        print(f"{solution.__name__}: {verdict}")
    finally:
        settings.load_profile(before)
