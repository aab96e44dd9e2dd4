"""A walkthrough as a notebook, made from its cells."""

import json
import re

from tinyalign.notes.pages.cells import cells


def notebook(path):
    """The text of a Jupyter notebook with the cells of a walkthrough and no output."""
    every = [notebook_cell(k, cell) for k, cell in enumerate(cells(path))]
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    book = {"cells": every, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, ensure_ascii=False, indent=1) + "\n"


def notebook_cell(number, cell):
    """One cell of a notebook."""
    if cell.kind == "code":
        text = {"source": cell.text.strip("\n").splitlines(keepends=True)}
        about = {"cell_type": "code", "execution_count": None, "outputs": []}
    else:
        prose = re.sub(r"^# ?", "", cell.text, flags=re.MULTILINE)
        text, about = {"source": prose.splitlines(keepends=True)}, {"cell_type": "markdown"}
    return {**about, "id": f"cell-{number}", "metadata": {}, **text}
