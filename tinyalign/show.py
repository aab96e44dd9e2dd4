"""`tinyalign methods` and `tinyalign show`: the table and the source, as they are."""

import inspect

from tinyalign import methods as table
from tinyalign import plan


def methods():
    """Print the table of all methods."""
    from rich.console import Console
    from rich.table import Table

    out = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("method", "title", "learns from", "holds", "paper"):
        out.add_column(column)
    for row in table.METHODS:
        out.add_row(row.name, row.title, row.learns_from, ", ".join(table.holds(row)), row.paper)
    Console().print(out)
    return 0


def method(name):
    """Print the loss and the step of one method."""
    from rich.console import Console
    from rich.syntax import Syntax

    row = plan.find_method(name)
    console = Console()
    console.print(f"[bold]{row.title}[/bold] ({row.paper})\n")
    for function in (row.loss, row.stage):
        source = inspect.getsource(function)
        console.print(Syntax(source, "python", background_color="default"))
    return 0
