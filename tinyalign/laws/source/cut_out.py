"""A function cut out of its file, with its words bound and its parameters fitted, as files."""

from pathlib import Path

from tinyalign.laws.source.cutting import Cut
from tinyalign.laws.source.names import names_of
from tinyalign.laws.source.parameters import fit_parameters
from tinyalign.laws.source.switches import Bind


def cut_out(found, guess):
    """The Cut in which the words of the guess are bound."""
    bind = Bind(guess.words)

    def change(node):
        node = bind(node)
        own = node.name == found.node.name
        return fit_parameters(node, guess.methods, guess.words) if own else node

    return Cut(found, change)


def framework_of_cut(path, cut=None):
    """torch, jax or numpy, by what the function needs, or else by what its file imports."""
    needed = [f for f in ("torch", "jax", "numpy") if cut is not None and cut.needs(f)]
    if needed:
        return needed[0]
    modules = {m.split(".")[0] for m, _, dots in names_of(path).imported.values() if not dots}
    return next((f for f in ("torch", "jax") if f in modules), "numpy")


def write_files(cut, found, folder):
    """Write the small files into a folder; the target FILE.py:FUNCTION there."""
    for name, text in cut.files().items():
        Path(folder, name).write_text(text, encoding="utf8")
    return f"{Path(folder, cut.module(found.path))}.py:{found.name}"
