"""Write the types of the public functions from their signatures: python tests/write_types.py

losses, optimum and policy are arrays and numbers; what else there is stands in the tables below.
"""

import inspect
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tinyalign import losses, optimum, policy  # noqa: E402

FILES = {"losses/__init__": losses, "optimum": optimum, "policy": policy}
ARGUMENTS = {  # that are neither an array nor, by keyword, a float
    "rng": "np.random.Generator",
    "shift_mean": "bool",
    "n": "int",
    "ddof": "int",
    "max_new_tokens": "int",
    "num_generations": "int",
    "eos": "int | None",
    "max_reward": "float | None",
    "axis": "int",
    "last_value": "Array | float",
    "x": "Any",
    "params": "Params",
    **dict.fromkeys(("model", "layout", "features", "shape"), "Any"),
}
OPTIONAL = {"mask": "Array | None"}  # where the default is None
NUMBERS_ONLY = ("adaptive_beta",)
NUMBER, PAIR = "np.floating[Any]", "tuple[Array, Array]"
RESULTS = {  # that are no array
    **dict.fromkeys(
        ("token_mean", "sequence_mean", "fixed_length_mean", "micro_batch_mean"), NUMBER
    ),
    **dict.fromkeys(("cross_entropy", "kto_z0"), NUMBER),
    **dict.fromkeys(("adaptive_beta", "best_of_n_kl_bound", "cdpo_margin"), "float"),
    **dict.fromkeys(("gae", "gae_over_turns", "log_ratios", "token_logp_and_entropy"), PAIR),
    "sample": "Any",
    "scalar_init": "Params",
    "require_distribution": "None",
}


def public_names(module):
    """The functions that a module offers."""
    own = [n for n, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__]
    return [
        name
        for name in getattr(module, "__all__", own)
        if inspect.isfunction(getattr(module, name)) and name[0] != "_"
    ]


def parameter(part, numbers):
    """One parameter with its type and default; `numbers` says that the function takes no array."""
    if part.kind == part.VAR_KEYWORD:
        return f"**{part.name}: Any"
    usual = "float" if numbers or part.kind == part.KEYWORD_ONLY else "Array"
    default = "" if part.default is part.empty else f" = {part.default!r}"
    known = ARGUMENTS | OPTIONAL if part.default is None else ARGUMENTS
    kind = known.get(part.name, usual)
    return f"{part.name}: {'bool' if isinstance(part.default, bool) else kind}{default}"


def function(name, signature):
    """The typed head of a function."""
    parts, starred = [], False
    for part in signature.parameters.values():
        if part.kind == part.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        parts.append(parameter(part, name in NUMBERS_ONLY))
    lines = "".join(f"    {part},\n" for part in parts)
    return f"def {name}(\n{lines}) -> {RESULTS.get(name, 'Array')}: ...\n"


def page(module):
    """The content of a file of types."""
    heads = [function(n, inspect.signature(getattr(module, n))) for n in public_names(module)]
    text, listed = "\n".join(heads), getattr(module, "__all__", [])
    parts = [f'"""Types of {module.__name__}, written by tests/write_types.py."""\n']
    parts += ["from typing import Any\n", "import numpy as np"] if "np." in text else [
        "from typing import Any\n"]  # fmt: skip
    parts += ["from numpy.typing import NDArray\n", "Array = NDArray[Any]"]
    parts += ["Params = dict[str, Any]  # a tree of arrays"] if "Params" in text else []
    parts += ["\n__all__ = [", *(f'    "{name}",' for name in listed), "]"] if listed else []
    return "\n".join(parts) + "\n\n" + text


def main():
    for name, module in FILES.items():
        (ROOT / "tinyalign" / f"{name}.pyi").write_text(page(module), encoding="utf8")


if __name__ == "__main__":
    main()
