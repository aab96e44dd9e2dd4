"""README: its code runs, its output is real, its table has the shape of what the code makes."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tinyalign import cli, report
from tinyalign.engine.backend import using
from tinyalign.methods import METHODS, find
from tinyalign.report.score_tables import HEADINGS as BY_TABLE
from tinyalign.runs.compare import comparison, results

ROOT = Path(__file__).parents[2]
HEADINGS = BY_TABLE.values()
README, DOCS = (ROOT / "README.md").read_text(), ROOT / "docs"


def fenced(language):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def tables(text, columns):
    """The tables of a page that have these columns, each as lists of cells without the header."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    found = [[re.split(r" \| ", line[2:-2]) for line in block.splitlines()] for block in blocks]
    return [lines[2:] for lines in found if tuple(lines[0]) == columns]


def table_in(part):
    """The cells of the one table in a part of a page, without the header."""
    (block,) = re.findall(r"(?:^\|.*\|\n)+", part, re.MULTILINE)
    return [re.split(r" \| ", line[2:-2]) for line in block.splitlines()][2:]


def test_the_python_block_prints_what_readme_says():
    """The block runs as it stands, and its output is the one below it."""
    (code,), (output,) = fenced("python"), fenced("output")
    assert len([line for line in code.split("\n") if line.strip()]) <= 16
    printed = io.StringIO()
    with using("numpy"), contextlib.redirect_stdout(printed):  # what it shows is NumPy
        exec(compile(code, "README", "exec"), {})
    assert printed.getvalue() == output


def test_the_tables_have_the_columns_and_rows_of_a_comparison():
    """One line for the start and for each method that `tinyalign compare` trains."""
    part = README.split("<!-- compare: begin -->")[1].split("<!-- compare: end -->")[0]
    for columns in (report.COLUMNS, report.COSTS):
        (rows,) = tables(part, columns)
        assert [row[0] for row in rows] == ["start", *comparison.METHODS]
    assert [row[-1] for row in rows[1:]] == [
        find(name.split(",")[-1]).learns_from for name in comparison.METHODS
    ]


@pytest.mark.parametrize("env", ["addition", "bandit"])
def test_the_comparison_pages_are_current_in_shape(env):
    """A table for each kind of feedback, a line for every method there is, every picture there."""
    text = (DOCS / f"compare_{env}.md").read_text()
    parts = {heading: text.split(f"## {heading}\n")[1].split("\n## ")[0] for heading in HEADINGS}
    # "grpo@4" is GRPO with four updates a rollout; a star marks a caveat.
    names = {re.split(r"[@ ]", row[0])[0] for part in parts.values() for row in table_in(part)}
    assert names == {"start", *(row.name for row in METHODS)}
    for part in parts.values():
        assert table_in(part)[0][0] == "start"
        assert 1 <= part.count("\n- ") <= 5 and part.count("![") == 1
    (costs,) = tables(text, report.COSTS)
    assert {re.split("@", row[0])[0] for row in costs} == names
    assert re.search(rf"`tinyalign compare --all --seeds \d+ --env {env}", text) and "Holm" in text
    pictures = re.findall(r"\]\(([\w.]+)\)", text)
    assert len(pictures) == len(HEADINGS) + 3
    for picture in pictures:
        assert (DOCS / picture).stat().st_size > 5000


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
    paths = set(re.findall(r"\b(?:tinyalign|toy_envs|walkthroughs|docs)/[\w./]*", README))
    assert {"docs/compare.png", "docs/gpu.md", "tinyalign/examples/names_pairs.jsonl"} <= paths
    assert {"tinyalign/losses/preference.py", "tinyalign/engine/ops/", "toy_envs/"} <= paths
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.slow
def test_the_table_is_what_compare_prints(tmp_path):
    """The command of the first line ends with accuracies within 5 points of README's."""
    assert cli.main(["compare", "--output", str(tmp_path), "--name", "again"]) == 0
    fresh = results.read(tmp_path / "again").rows
    for row, cells in zip(fresh, tables(README, report.COLUMNS)[0], strict=True):
        assert abs(100 * row.accuracy - float(cells[1].split()[0])) < 5
    assert (tmp_path / "again" / "compare.png").stat().st_size > 10_000


def test_no_install_line_asks_a_registry_for_a_name_that_is_not_ours():
    """The package is installed from its checkout: pip install -e '.[extra]'."""
    pages = [ROOT / "README.md", *DOCS.glob("*.md"), *(ROOT / "tinyalign").rglob("*.py")]
    asked = [page for page in pages if re.search(r"install\W+tinyalign", page.read_text("utf8"))]
    assert asked == []
    first, activated = README.index("tinyalign compare"), README.index(". .venv/bin/activate")
    assert first < activated < README.index("\ntinyalign run grpo")
