"""What a preference loss is called with: its parameters name the arrays that it asks for."""

import inspect

import autograd.numpy as np


def argument_names(loss):
    """Names of the arrays a loss asks for: its positional parameters."""
    parameters = inspect.signature(loss).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def loss_inputs(logp, mask, roles):
    """Every reading of token log-probabilities that a preference loss may ask for, by name.

    logp, mask  (R·B, T): the rows of the first role, then those of the next …
    returns     {"chosen_logp": sums (B,), "chosen_avg_logp": means, "chosen_nll": −means, …}
    """
    total = np.sum(logp * mask, axis=1)  # (R·B,)
    average = total / np.sum(mask, axis=1)
    named, size = {}, len(total) // len(roles)
    for i, role in enumerate(roles):
        rows = slice(i * size, (i + 1) * size)  # the B rows of this role
        named[f"{role}_logp"] = total[rows]
        named[f"{role}_avg_logp"] = average[rows]
        named[f"{role}_nll"] = -average[rows]
        named[f"{role}_log_weight"] = average[rows]  # WPO's, without the alignment that needs π(v)
    named["sft_nll"] = named["chosen_nll"]  # SLiC keeps the likelihood of the best answer up
    return named
