"""Formulas in plain signs, for a terminal."""

import re

SIGNS = {  # a word of LaTeX -> a sign; a word that is not here keeps its letters: log, exp
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "lambda": "λ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "nabla": "∇", "partial": "∂", "sum": "Σ", "cdot": "·", "ge": "≥",
    "top": "T", "lVert": "‖", "rVert": "‖", "sqrt": "√", "mathrm": "", "mathbb": "",
}  # fmt: skip


def plain(text):
    r"""Text whose formulas have plain signs: "$-\log\sigma(\beta)$" → "−log σ(β)"."""
    return re.sub(r"\$([^$\n]*)\$", lambda match: plain_formula(match[1]), text)


def plain_formula(formula):
    """One formula of LaTeX in plain signs."""
    formula = re.sub(r"\\frac{(.*?)}{(.*?)}(?=[ )]|$)", r"(\1)/(\2)", formula)
    formula = formula.replace(r"\|", "‖").replace(r"\, ", " ").replace(r"\,", " ").replace("-", "−")
    # "\log\pi" is two words: a space parts them where the first keeps its letters.
    formula = re.sub(r"\\(log|exp)(?=\\)", r"\\\1 ", formula)
    formula = re.sub(r"\\([a-zA-Z]+)", lambda match: SIGNS.get(match[1], match[1]), formula)
    return re.sub(r"{(\w*|\S)}", r"\1", formula).replace("{", "(").replace("}", ")")
