"""The picture of one run: small panels against the step."""

import numpy as np

from tinyalign.report import plots

# What is drawn by `curves`: the title of a panel, and the metrics that are lines in it.
PANELS = (
    ("reward", ("reward", "eval_reward", "rewards/chosen", "rewards/rejected")),
    ("accuracy", ("accuracy", "eval_accuracy", "rewards/accuracies")),
    ("KL to the reference, nats", ("kl", "eval_kl")),
    ("policy loss", ("loss", "policy_loss")),
    ("value loss", ("value_loss",)),
    ("entropy, nats", ("entropy", "eval_entropy")),
    ("reward margin", ("rewards/margins", "margin")),
    ("held-out loss, nats per token", ("eval_nll",)),
)


def curves(metrics, path):
    """One SVG of small panels against the step: those of PANELS that occur in the metrics.

    metrics  list of dicts with "step" and some of the names in PANELS; a name may be missing from
             some of them (evaluations are rare)
    path     where the figure goes; its folder exists
    raises   ValueError if no known metric is there
    """
    found = [(title, _lines(metrics, names)) for title, names in PANELS]
    found = [(title, lines) for title, lines in found if lines]
    if not found:
        raise ValueError("metrics hold nothing to draw: want 'step' and a name such as 'reward'")
    plots.save(plots.panels(found), path)


def _lines(metrics, names):
    """{name: (steps, values)} of the names that occur."""
    found = {n: [(m["step"], m[n]) for m in metrics if m.get(n) is not None] for n in names}
    return {name: np.array(pairs, dtype=float).T for name, pairs in found.items() if pairs}
