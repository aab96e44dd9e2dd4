"""Tables and figures: what they show, that they are reproducible, that they load nothing early."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyalign import figures, report


def row(method, needs="rewards", accuracy=0.5, kl=1.0, seed=0):
    curve = ((0, 0.4), (50, (0.4 + accuracy) / 2), (100, accuracy))
    models = "policy, reference"
    return report.Row(
        method, needs, accuracy, accuracy, kl, 6400, models, 1_234_567, 12.34, curve, seed
    )


ROWS = [
    row("sft", "demonstrations", 0.42, 0.0),
    row("dpo", "pairs", 0.61, seed=0),
    row("dpo", "pairs", 0.63, seed=1),
    row("grpo", accuracy=0.98, kl=np.nan),
]


def test_a_comparison_is_written_twice_and_the_same_bytes_each_time(tmp_path):
    first = report.comparison(ROWS, tmp_path / "a.b")
    again = report.comparison(ROWS, tmp_path / "again")
    assert [path.name for path in first] == ["a.b.svg", "a.b.png"]
    assert first[1].read_bytes()[:4] == b"\x89PNG"
    for a, b in zip(first, again, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert b"<dc:date>" not in first[0].read_bytes()


def test_curves_draw_the_panels_that_were_measured(tmp_path):
    metrics = [{"step": i, "reward": i / 9, "kl": 0.1, "unknown": 3} for i in range(300)]
    metrics[7]["eval_accuracy"] = 0.5
    report.curves(metrics, tmp_path / "curves.svg")
    report.curves(metrics, tmp_path / "again.svg")
    drawn = (tmp_path / "curves.svg").read_text()
    assert drawn == (tmp_path / "again.svg").read_text()
    shown = [title for title, _ in report.PANELS if f"<!-- {title} -->" in drawn]
    assert shown == ["reward", "accuracy", "KL to the reference, nats"]
    with pytest.raises(ValueError, match="nothing to draw"):
        report.curves([{"step": 1, "unknown": 2}], tmp_path / "curves.svg")


def test_the_tables_show_the_same_cells():
    table = report.comparison_table(ROWS)
    cells = list(zip(*(column.cells for column in table.columns), strict=True))
    lines = report.markdown_table(ROWS).splitlines()
    assert [line[2:-2].split(" | ") for line in lines[2:]] == [list(cell) for cell in cells]
    assert [cell[0] for cell in cells] == ["sft", "dpo", "grpo"]
    assert cells[1][2] == "62.0 % (61.0–63.0)" and cells[2][2] == "98.0 %"
    assert cells[2][4] == "–"  # a KL that was not measured
    assert cells[0][5:] == ("6,400", "policy, reference", "1.2 MB", "12.3")


def test_an_empty_comparison_is_refused(tmp_path):
    for call in (report.markdown_table, lambda rows: report.comparison(rows, tmp_path / "x")):
        with pytest.raises(ValueError, match="at least one row"):
            call([])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 12))
def test_names_in_the_margin_never_overlap_nor_leave_the_axes(heights, others):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    axes.set_ylim(0, 1)
    styles = {str(i): ("black", "-") for i in range(len(heights) + others)}
    figures.name_ends(axes, {str(i): (0, y) for i, y in enumerate(heights)}, styles)
    levels = np.sort([text.get_position()[1] for text in axes.texts])
    assert np.all(np.diff(levels) > 0.26 / max(2.4, 0.3 * len(styles)) - 1e-9)
    assert levels[-1] <= 1 + 1e-9 and levels[0] >= -0.05


@pytest.mark.parametrize("count, text", [(999, "999 B"), (1536, "1.5 kB"), (2.5e9, "2.5 GB")])
def test_sizes_are_readable(count, text):
    assert report._size(count) == text


def test_importing_report_loads_neither_matplotlib_nor_rich():
    code = "import sys, tinyalign.report; print({'matplotlib', 'rich'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
