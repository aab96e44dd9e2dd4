"""Make what README shows: run the comparison, put its table into README and its picture beside.

python docs/build.py            runs `tinyalign compare` as a reader would, then writes
python docs/build.py FOLDER     takes a comparison that is already there
"""

import sys
import tempfile
from pathlib import Path

from tinyalign import cli, compare, report

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- compare: begin -->\n", "<!-- compare: end -->"


def replace_table(readme, table):
    """README's text with another comparison table between the two marks."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + table + "\n" + rest[rest.index(END) :]


def rows_of(folder):
    """The rows of a finished comparison."""
    return compare.rows_of(folder, [name for name in compare.METHODS if (folder / name).exists()])


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch) / "compare"
        if len(sys.argv) == 1:
            cli.main(["compare", "--output", scratch, "--name", "compare"])
        rows = rows_of(folder)
    readme = ROOT / "README.md"
    readme.write_text(replace_table(readme.read_text(), report.markdown_table(rows)))
    report.comparison(rows, ROOT / "docs" / "compare")


if __name__ == "__main__":
    main()
