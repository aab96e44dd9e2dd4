"""What the walkthroughs share: a table, a picture, a loop, and a check that says "correct"."""

import io

from hypothesis import HealthCheck, settings
from matplotlib.figure import Figure

from tinyalign.methods.steps import StepSize, init_train_state, update
from tinyalign.report.plots import COLOURS, style_axes

# The same examples every time, and nothing left behind in the reader's folder.
settings.register_profile(
    "lesson",
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def table(names, rows):
    """Print rows under the names of their columns: words to the left, numbers to the right."""
    cells = [[_written(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    right = [not isinstance(cell, str) for cell in rows[0]]
    for line in (names, *cells):
        aligned = [
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, right, strict=True)
        ]
        print("  ".join(aligned).rstrip())


def _written(cell):
    """A number in four digits, anything else as it is."""
    return f"{cell:.4g}" if hasattr(cell, "__float__") and not isinstance(cell, int) else str(cell)


class Picture(Figure):
    """A figure that a notebook shows by itself, without pyplot."""

    def _repr_png_(self):
        data = io.BytesIO()
        self.savefig(data, format="png", dpi=110)
        return data.getvalue()


def picture(columns=1, *, width=6.4, height=3.6):
    """A figure with some axes side by side: (figure, axes), or (figure, [axes, …])."""
    figure = Picture(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for each in axes:
        each.set_prop_cycle(color=COLOURS)
        style_axes(each)
    return figure, axes[0] if columns == 1 else axes


def descend(loss, params, *, steps, learning_rate, watch=None):
    """Adam down loss(params), its rate falling to 0 in a straight line: (params, what was watched).

    loss    a tree of arrays -> one number
    watch   called with the parameters before every step and after the last; None watches nothing
    """
    network, seen = init_train_state(params), []
    for step in range(steps):
        if watch is not None:
            seen.append(watch(network.params))
        rate = learning_rate * (1 - step / steps)
        network, _ = update(network, lambda p: (loss(p), {}), StepSize(rate, max_grad_norm=1e9))
    if watch is not None:
        seen.append(watch(network.params))
    return network.params, seen


def attempt(check, solution):
    """Try a reader's solution of an exercise, and say how it went."""
    before = settings.get_current_profile_name()
    settings.load_profile("lesson")
    try:
        check(solution)
    except Exception as error:  # whatever a reader's function does, the page goes on
        unwritten = "NotImplementedError" in repr(error)  # also where a law reports it
        why = (str(error) or repr(error)).strip().splitlines()[0]
        print(f"{solution.__name__}: not yet {'written' if unwritten else f'right. {why}'}")
    else:
        print(f"{solution.__name__}: correct")
    finally:
        settings.load_profile(before)
