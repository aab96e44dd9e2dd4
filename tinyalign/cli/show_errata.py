"""What `tinyalign show` says below docstrings that cite rows of walkthroughs/errata.json."""

import re

from tinyalign.notes.pages import errata, site


def sentences(functions):
    """A sentence for each row that the docstrings of the functions cite, in the order of rows."""
    numbers = {n for function in functions for n in cited_rows(function)}
    for row in errata.read(site.WALKTHROUGHS):
        if row["row"] in numbers:
            quote = f"“{row['quotes'][0]}”" if row["quotes"] else "what is written there"
            lines = "line" if len(row["lines"]) == 1 else "lines"
            place = f"note {row['note']}, {lines} {', '.join(map(str, row['lines']))}"
            yield f"errata row {row['row']} ({place}), on {quote}: {row['truth']}"


def cited_rows(function):
    """The numbers of the rows that a docstring cites: "rows 3, 5 to 7" gives 3, 5, 6, 7."""
    found = set()
    for match in errata.CITATION.finditer(function.__doc__ or ""):
        for first, last in re.findall(r"(\d+)(?:\s+to\s+(\d+))?", match[0]):
            found |= set(range(int(first), int(last or first) + 1))
    return found


def print_sentences(console, functions):
    """The sentences, a blank line before each; nothing where no row is cited."""
    for sentence in sentences(functions):
        console.print(f"\n{sentence}", markup=False)
