"""README: its code runs, its output is real, its table has the shape of what the code makes."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tinyalign import cli, compare, report
from tinyalign.backend import using
from tinyalign.methods import named

README = (Path(__file__).parent.parent / "README.md").read_text()


def fenced(language):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def table():
    """The comparison table, as lists of cells."""
    part = README.split("<!-- compare: begin -->")[1].split("<!-- compare: end -->")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.split("\n")[1:-1]
    ]


def test_the_python_block_prints_what_readme_says():
    """The block runs as it stands, and its output is the one below it."""
    (code,), (output,) = fenced("python"), fenced("output")
    assert len([line for line in code.split("\n") if line.strip()]) <= 16
    printed = io.StringIO()
    with using("numpy"), contextlib.redirect_stdout(printed):  # what it shows is NumPy
        exec(compile(code, "README", "exec"), {})
    assert printed.getvalue() == output


def test_the_table_has_the_columns_and_rows_of_a_comparison():
    """One line for the start and for each method that `tinyalign compare` trains."""
    header, _, *rows = table()
    assert tuple(header) == report.COLUMNS
    assert [row[0] for row in rows] == ["start", *compare.METHODS]
    assert [row[1] for row in rows[1:]] == [
        named(name.split(",")[-1]).learns_from for name in compare.METHODS
    ]


def test_every_command_of_readme_is_one(capsys):
    """`tinyalign X --help` works for each X that README tells to type."""
    commands = set(re.findall(r"(?:^|/)tinyalign (\w+)", README, re.MULTILINE))
    assert {"compare", "run", "methods", "show", "check", "museum"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as stop:
            cli.main([command, "--help"])
        assert stop.value.code == 0


def test_the_files_that_readme_names_are_there():
    """Every path in README exists, the picture included."""
    root = Path(__file__).parent.parent
    for path in re.findall(r"(?:tinyalign/examples|docs)/[\w./]+\w", README):
        assert (root / path).exists(), path


@pytest.mark.slow
def test_the_table_is_what_compare_prints(tmp_path):
    """The command of the first line ends with accuracies within 5 points of README's."""
    assert cli.main(["compare", "--output", str(tmp_path), "--name", "again"]) == 0
    fresh = compare.rows_of(tmp_path / "again", compare.METHODS)
    for row, cells in zip(fresh, table()[2:], strict=True):
        assert abs(100 * row.accuracy - float(cells[2].rstrip(" %"))) < 5
    assert (tmp_path / "again" / "compare.png").stat().st_size > 10_000
