"""Write the exercises of the library into the walkthroughs.

Usage: python docs/build_exercises.py [--check]; then `ruff check --fix walkthroughs` takes out
imports that a page needs no more.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tinyalign.notes.exercises import table, texts
from tinyalign.notes.exercises.exercise import Exercise

PAGES = sorted((Path(__file__).parents[1] / "walkthroughs").glob("*.py"))
# From the heading to the code cell behind it, and that cell.
SECTION = re.compile(
    r"(?P<heading># ## Exercises[^\n]*\n).*?\n# %%\n(?P<code>.*?)(?=\n# %% \[markdown\])", re.DOTALL
)


def page_with_exercises(path):
    """The text of a walkthrough with the exercises that the library has for it."""
    text, exercises = path.read_text(encoding="utf8"), table.of_page(path.stem[:2])
    if not exercises:
        return text
    return SECTION.sub(lambda found: section(found, exercises), text, count=1)


def section(found, exercises):
    """The prose and the code cell of the exercises."""
    number = exercises[0].number
    how = (
        f"Write a function in the cell below, or type `tinyalign exercise {number}`: the command "
        "writes a file to fill in, and says what is wrong with it."
    )
    prose = f"{texts.wrap(how)}\n\n{texts.markdown(exercises)}"
    lines = [f"# {line}".rstrip() for line in prose.splitlines()]
    # What the cell does behind its last check, such as the removal of a folder, stays.
    rest = re.split(r"check_exercise\([^\n]*\)\n", found["code"] + "\n")[-1].strip("\n")
    code = code_cell([each for each in exercises if isinstance(each, Exercise)])
    after = f"{rest}\n" if rest else ""
    return f"{found['heading']}#\n" + "\n".join(lines) + f"\n\n# %%\n{code}{after}"


def code_cell(exercises):
    """Stubs, and the checks that they have to pass."""
    module = exercises[0].check.__module__
    names = sorted(each.check.__name__ for each in exercises)
    imports = f"from {module} import {', '.join(names)}\n"
    if len(imports) > 101:
        imports = (
            f"from {module} import (\n" + textwrap.indent(",\n".join(names), "    ") + ",\n)\n"
        )
    stubs = "\n\n".join(texts.stub(each) for each in exercises)
    checks = "".join(f"check_exercise({e.check.__name__}, {e.name})\n" for e in exercises)
    return f"{imports}\n\n{stubs}\n\n{checks}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="say which pages differ, write none")
    checks = parser.parse_args().check
    differ = [path for path in PAGES if page_with_exercises(path) != path.read_text("utf8")]
    for path in differ:
        print(path.name)
        if not checks:
            path.write_text(page_with_exercises(path), encoding="utf8", newline="\n")
    return int(checks and bool(differ))


if __name__ == "__main__":
    sys.exit(main())
