"""README: its code runs, its output is real, its table has the shape of what the code makes."""

import contextlib
import importlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tinyalign import cli, report
from tinyalign.engine.backend import using
from tinyalign.methods import METHODS
from tinyalign.report import story
from tinyalign.report.score_tables import HEADINGS as BY_TABLE
from tinyalign.runs.compare import comparison, results

ROOT = Path(__file__).parents[2]
HEADINGS = BY_TABLE.values()
README, DOCS = (ROOT / "README.md").read_text(), ROOT / "docs"


def fenced(language, page="README.md"):
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def tables(text, columns):
    """The tables of a page that have these columns, each as lists of cells without the header."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    found = [[re.split(r" \| ", line[2:-2]) for line in block.splitlines()] for block in blocks]
    return [lines[2:] for lines in found if tuple(lines[0]) == columns]


def table_in(part):
    """The cells of the one table in a part of a page, without the header."""
    (block,) = re.findall(r"(?:^\|.*\|\n)+", part, re.MULTILINE)
    return [re.split(r" \| ", line[2:-2]) for line in block.splitlines()][2:]


@pytest.mark.parametrize("page", ["README.md", "docs/library.md"])
def test_the_python_block_prints_what_its_page_says(page):
    """The block runs as it stands, and its output is the one below it."""
    (code,), (output,) = fenced("python", page), fenced("output", page)
    longest = {"README.md": 16, "docs/library.md": 40}[page]
    lines = [line for line in code.split("\n") if line.strip() and not line.startswith("#")]
    assert len(lines) <= longest
    printed = io.StringIO()
    with using("numpy"), contextlib.redirect_stdout(printed):  # what it shows is NumPy
        exec(compile(code, page, "exec"), {})
    assert printed.getvalue() == output


def test_the_tables_have_the_columns_and_rows_of_a_comparison():
    """One line for the start and for each method that `tinyalign compare` trains."""
    part = README.split("<!-- compare: begin -->")[1].split("<!-- compare: end -->")[0]
    for columns in (story.KNOWN, story.LEARNED):
        (rows,) = tables(part, columns)
        assert [row[0] for row in rows] == ["start", *comparison.METHODS], "python docs/build.py"
    assert rows[1][1] == story.SHOWN["demonstrations"]


def steady(text):
    """What is printed without what may change: a run's seconds, the line of a function."""
    text = re.sub(r"( +\d+\.\d)? *$", "", text.strip(), flags=re.MULTILINE)
    return re.sub(r", line \d+\) ─+", "", text)


@pytest.mark.parametrize(
    ("name", "typed"),
    [("show", "show k2"), ("run", "run dpo --env bandit --beta 0.5")],
)
def test_a_door_prints_what_readme_says(name, typed, tmp_path, capsys, monkeypatch):
    """Every line, on a screen of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    assert f"\ntinyalign {typed}\n" in README
    (said,) = fenced(f"text {name}")
    with using("numpy"):
        assert cli.main(typed.split()) == 0
    assert steady(capsys.readouterr().out) == steady(said)


@pytest.mark.peers
def test_the_wrong_loss_is_named(tmp_path):
    """The loss of the third door, in PyTorch: the last lines of what check prints."""
    pytest.importorskip("torch")
    code, (said,) = fenced("py losses")[0], fenced("text check")
    (tmp_path / "losses.py").write_text(code)
    command = [sys.executable, "-m", "tinyalign", "check", "losses.py:DPOLoss", "--as", "dpo"]
    env = os.environ | {"COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    want = said.splitlines()
    assert [line.rstrip() for line in done.stdout.rstrip().splitlines()[-len(want) :]] == want
    (snippet,) = (code for code in fenced("py") if "assert_lawful" in code)
    (tmp_path / "test_losses.py").write_text(snippet)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_losses.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "DPOLoss breaks log2_at_reference" in done.stdout


@pytest.mark.parametrize("env", ["addition", "bandit"])
def test_the_comparison_pages_are_current_in_shape(env):
    """A table for each kind of feedback, a line for every method there is, every picture there.

    A method that is newer than the page is named above the tables.
    """
    text = (DOCS / f"compare_{env}.md").read_text()
    told = re.findall(r"^Not measured yet: (.*?)\. ", text, re.MULTILINE)
    newer = {name for line in told for name in line.split(", ")}
    parts = {heading: text.split(f"## {heading}\n")[1].split("\n## ")[0] for heading in HEADINGS}
    # "grpo@4" is GRPO with four updates a rollout; a star marks a caveat.
    names = {re.split(r"[@ ]", row[0])[0] for part in parts.values() for row in table_in(part)}
    want = {"start", *(row.name for row in METHODS)}
    assert names | newer == want, "python docs/build.py --derived names what is newer"
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


def test_a_comparison_page_names_the_methods_that_are_newer_than_it(monkeypatch):
    """Once, and only as long as they have no row."""
    monkeypatch.syspath_prepend(str(DOCS))
    build = importlib.import_module("build")
    page = (DOCS / "compare_bandit.md").read_text()
    known = [row.name for row in METHODS]
    assert build.with_unmeasured(page, known) == page
    newer = build.with_unmeasured(page, [*known, "new_dpo", "gr"])
    told = r"\n\nNot measured yet: (\w+, )*new_dpo, gr\. `python docs/build\.py --all`"
    assert re.search(told, newer)
    assert build.with_unmeasured(newer, [*known, "new_dpo", "gr"]) == newer
    assert build.with_unmeasured(newer, known) == page


def test_every_command_of_readme_is_one(capsys):
    """`tinyalign X --help` works for each X that README tells to type."""
    pages = [README, *((DOCS / name).read_text() for name in ("own_data.md", "machines.md"))]
    commands = set(re.findall(r"(?:^|[/`])tinyalign (\w+)", "\n".join(pages), re.MULTILINE))
    assert {"compare", "run", "methods", "show", "check", "museum", "write", "runs"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as stop:
            cli.main([command, "--help"])
        assert stop.value.code == 0


def test_the_files_that_readme_names_are_there():
    """Every path in README exists, the picture included."""
    pages = [README, *((DOCS / name).read_text() for name in ("own_data.md", "machines.md"))]
    found = re.findall(r"\b(?:tinyalign|toy_envs|walkthroughs|docs)/[\w./]*[\w/]", "\n".join(pages))
    paths = set(found)
    assert {"docs/compare.png", "docs/gpu.md", "tinyalign/examples/names_pairs.jsonl"} <= paths
    assert {"tinyalign/losses/preference.py", "walkthroughs/scripts/", "docs/library.md"} <= paths
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.slow
def test_the_table_is_what_compare_prints(tmp_path):
    """The first command ends within 0.01 of README's rewards, and within 5 points of accuracies."""
    assert cli.main(["compare", "--output", str(tmp_path), "--name", "again"]) == 0
    known = results.read(tmp_path / "again" / "bandit").rows
    for row, cells in zip(known, tables(README, story.KNOWN)[0], strict=True):
        assert abs(row.exact_reward - float(cells[1])) < 0.01
    learned = results.read(tmp_path / "again" / "addition").rows
    for row, cells in zip(learned, tables(README, story.LEARNED)[0], strict=True):
        assert abs(100 * row.accuracy - float(cells[2].split()[0])) < 5
    assert (tmp_path / "again" / "addition" / "compare.png").stat().st_size > 10_000


def test_no_install_line_asks_a_registry_for_a_name_that_is_not_ours():
    """The package is installed from its checkout: pip install -e '.[extra]'."""
    pages = [ROOT / "README.md", *DOCS.glob("*.md"), *(ROOT / "tinyalign").rglob("*.py")]
    asked = [page for page in pages if re.search(r"install\W+tinyalign", page.read_text("utf8"))]
    assert asked == []
    first, activated = README.index("tinyalign compare"), README.index(". .venv/bin/activate")
    assert first < activated < README.index("`tinyalign run grpo`")
