"""The museum's door: the list of exhibits, and one exhibit to guess at."""

import difflib
import sys
import textwrap

from tinyalign.laws.catalogue.lookup import LOSS_OF
from tinyalign.laws.diagnosis.diagnose import spec_of
from tinyalign.laws.harness.judge import laws_for


def museum(name=None, *, reveal=None):
    """List the exhibits, or those of one method; or show one: code, a pause to guess, its laws."""
    from rich.console import Console

    from tinyalign.laws.museum import BY_NAME as EXHIBITS

    console = Console()
    if name is None:
        return _list_exhibits(console, EXHIBITS.values())
    typed = name.strip().casefold().replace("-", "_")
    if own := [e for e in EXHIBITS.values() if e.method in (typed, LOSS_OF.get(typed))]:
        if own[0].method != typed:
            print(f"The loss of {typed} is {own[0].method}.")
        return _list_exhibits(console, own)
    if typed not in EXHIBITS:
        near = difflib.get_close_matches(typed, [*EXHIBITS, *(e.method for e in EXHIBITS.values())])
        meant = f"Did you mean {near[0]}? " if near else ""
        print(f"No exhibit {name!r}. {meant}`tinyalign museum` lists them.", file=sys.stderr)
        return 2
    name = typed
    return _show_exhibit(console, EXHIBITS[name], reveal)


def _list_exhibits(console, exhibits):
    """By the method that they claim to be: a name is never broken, where it was seen wraps."""
    exhibits = list(exhibits)
    width = max(len(exhibit.name) for exhibit in exhibits) + 4
    print(f"The museum of silent bugs: {len(exhibits)} wrong losses, and where each was seen.")
    print("Planted by us: no public project is known to have the mistake.")
    for method in dict.fromkeys(exhibit.method for exhibit in exhibits):
        print(f"\n{method}")
        for exhibit in exhibits:
            if exhibit.method == method:
                print(_entry(exhibit, width, console.width))
    print("\n`tinyalign museum NAME` shows the code: guess before you look.")
    return 0


def _entry(exhibit, width, total):
    """Its name, then where it was seen: beside it if there is room, else below."""
    # as wide as the longest word, or a repository's name would be broken
    beside = total - width > max(len(word) for word in exhibit.place.split())
    indent = " " * (width if beside else 6)
    seen = textwrap.fill(
        exhibit.place,
        # a margin of one column, and never narrower than 20
        max(total - 1, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    name = f"  {exhibit.name}"
    return name.ljust(width) + seen.lstrip() if beside else f"{name}\n{seen}"


def _show_exhibit(console, exhibit, reveal):
    from rich.syntax import Syntax
    from rich.text import Text

    from tinyalign.laws.curate import recorded

    console.print(Text(f"{exhibit.name}: claims to be {exhibit.method}", style="bold"))
    console.print(Syntax(exhibit.source, "python", word_wrap=True))
    # a terminal waits for a guess; a pipe does not
    if reveal is None and sys.stdin.isatty():
        console.input("What is wrong with it? Press Enter to see. ")
    elif reveal is False:
        return 0
    console.print(Text(f"\n{exhibit.story}. {exhibit.origin}"))
    # from the shipped table: judging it again would take seconds
    broken = recorded().get(exhibit.name, [])
    for law in laws_for(spec_of(exhibit)):
        if law.name in broken:
            console.print(Text(f"  breaks {law.name}: {law.sentence}"))
    return 0
