"""What a loss must be on given lines, and what it is if one thing is wrong: values, no gradients.

The right value is that of `tinyalign.losses` on the trainer's own token log-probabilities against
those of the reference in the exam's paper. Once a step has moved the policy, every deviation has
another value, so that it can be named by the value alone.
"""

from typing import Any, NamedTuple

import numpy as np

from tinyalign.methods.loss_inputs import argument_names, loss_inputs
from tinyalign.runs.lookup import find_method

VALUED = ("sft", "dpo", "cdpo", "ipo", "simpo", "orpo")  # whose loss is a mean over lines or tokens


class Scored(NamedTuple):
    """What a loss is read from. P prompts of U tokens, K answers of T tokens, at most."""

    logp: np.ndarray  # (P, K, T) of the policy, 0 where the mask is
    ref_logp: np.ndarray  # (P, K, T)
    mask: np.ndarray  # (P, K, T)
    settings: dict[str, Any]
    prompt_logp: np.ndarray  # (P, K, U) of the prompt's own tokens, which no loss should read
    prompt_mask: np.ndarray  # (P, K, U)
    nll_of: Any = None  # another Scored, that a likelihood term is read from


def places(paper):
    """(prompt, answer …) of each line to ask about: an answer to imitate, or chosen and rejected.

    Neighbours in the list of answers, of which most have different lengths.
    """
    count = len(paper.answers)
    roles = 1 if paper.method == "sft" else 2
    return [
        (x, *((first + role) % count for role in range(roles)))
        for x in range(len(paper.prompts))
        for first in range(x % 2, count, 2)
    ]


def lines_at(paper, where):
    """The lines of data.jsonl at these places."""
    columns = ("completion",) if paper.method == "sft" else ("chosen", "rejected")
    return [
        {"prompt": paper.prompts[x]}
        | {column: paper.answers[k] for column, k in zip(columns, answers, strict=True)}
        for x, *answers in where
    ]


def loss_value(paper, where, scored):
    """The method's loss on these places, a mean over them (SFT: over their tokens)."""
    method = find_method(paper.method)
    x, answers = np.array([place[0] for place in where]), np.array([place[1:] for place in where])
    by_role = answers.T.ravel()  # the first role of every place, then the second
    x = np.tile(x, answers.shape[1])
    roles = ("chosen", "rejected")[: answers.shape[1]]
    mask, logp = scored.mask[x, by_role], scored.logp[x, by_role]
    named = {"logp": logp, "mask": mask} | loss_inputs(logp, mask, roles)
    reference = loss_inputs(scored.ref_logp[x, by_role], mask, roles)
    named |= {f"ref_{name}": value for name, value in reference.items()}
    if scored.nll_of is not None:
        other = scored.nll_of.mask[x, by_role]
        named["chosen_nll"] = loss_inputs(scored.nll_of.logp[x, by_role], other, roles)[
            "chosen_nll"
        ]
    arrays = [named[name] for name in argument_names(method.loss)]
    return float(np.mean(method.loss(*arrays, **scored.settings)))


def row_values(paper, where, scored):
    """The loss on each place alone."""
    return np.array([loss_value(paper, [place], scored) for place in where])


def without_end(scored):
    """EOS is left out: the last token of every answer."""
    ahead = np.concatenate([scored.mask[..., 1:], np.zeros_like(scored.mask[..., :1])], axis=2)
    kept = {name: getattr(scored, name) * ahead for name in ("logp", "ref_logp")}
    return scored._replace(mask=ahead, **kept)


def with_prompt(scored):
    """The tokens of the prompt are counted, as if they stood in front of the answer."""
    zeros = np.zeros_like(scored.prompt_logp)
    return scored._replace(
        logp=np.concatenate([scored.prompt_logp, scored.logp], axis=2),
        ref_logp=np.concatenate([zeros, scored.ref_logp], axis=2),
        mask=np.concatenate([scored.prompt_mask, scored.mask], axis=2),
    )


def with_prompt_in_nll(scored):
    """The same, but only where a loss asks for a mean negative log-likelihood."""
    return scored._replace(nll_of=with_prompt(scored))


def averages(scored):
    """Log-probabilities are means over the tokens of an answer, not sums."""
    length = scored.mask.sum(axis=2, keepdims=True)
    return scored._replace(logp=scored.logp / length, ref_logp=scored.ref_logp / length)


def sums(scored):
    """Log-probabilities are sums over the tokens of an answer where the loss takes means."""
    return scored._replace(logp=scored.logp * scored.mask.sum(axis=2, keepdims=True))


def without(name):
    """A setting is ignored."""
    return lambda scored: scored._replace(settings={**scored.settings, name: 0.0})


def times(name, factor):
    """A setting is another number."""
    return lambda scored: scored._replace(
        settings={**scored.settings, name: factor * scored.settings[name]}
    )


def suspects(paper):
    """{what a trainer does: how what the loss reads is changed by it} for an exam's method."""
    known = {"leaves EOS out of the loss": without_end}
    if paper.method in ("dpo", "cdpo", "ipo"):
        known |= {
            "takes the mean over an answer's tokens where the loss has the sum": averages,
            "moves the reference along with the policy": lambda s: s._replace(ref_logp=s.logp),
            "has no reference": lambda s: s._replace(ref_logp=np.zeros_like(s.ref_logp)),
        }
    else:
        known["sums over an answer's tokens where the loss has the mean"] = sums
    if paper.method == "sft":  # in pairs the prompt's tokens cancel
        known["counts the prompt's tokens"] = with_prompt
    if paper.method == "orpo":
        known["counts the prompt's tokens in its likelihood"] = with_prompt_in_nll
    have = paper.settings
    for name in [n for n in ("flip", "gamma", "lam") if n in have]:  # where 0 leaves a loss
        known[f"ignores {name}"] = without(name)
    for name in [n for n in ("beta", "tau", "gamma", "lam") if n in have]:
        known |= {f"has {name} times {f:g}": times(name, f) for f in (2.0, 0.5, 10.0, 0.1)}
    return known
