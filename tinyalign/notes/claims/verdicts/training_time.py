"""Shares of PPO's training time, which the note gives as approximate and without a source."""

import functools

from tinyalign.notes.claims.verdicts.costs import prompt_words
from tinyalign.notes.claims.verdicts.finding import Claim, judge_fact

FACTOR = 3  # half an order of magnitude, up or down
MATTERS = (
    f"a factor of {FACTOR}: the note calls its numbers approximate, and names no paper for them"
)


def judge_share(method, percent, passes):
    """A method takes something like this share of PPO's passes, for as many completions.

    method   its name
    percent  of PPO's training time, as the note has it
    """
    # PPO and GRPO read each completion that they sample once, or twice as in the recipe.
    shares = sorted(100 * passes[method][n] / passes["ppo"][n] for n in ("each", "once"))
    return judge_fact(
        all(percent / FACTOR <= share <= percent * FACTOR for share in shares),
        f"for equally many completions {method.upper()} takes {shares[0]:.0f}% to "
        f"{shares[1]:.0f}% of PPO's passes, by how often PPO reads what it samples; how many "
        "completions each needs is another question",
        MATTERS,
    )


def judge_group_share(method, percent, passes):
    """judge_share for GRPO, which samples a group of each prompt: with the passes for a prompt."""
    finding = judge_share(method, percent, passes)
    return finding._replace(sentence=f"{finding.sentence}; {prompt_words(passes)}")


HEADING = (
    "Method | GSM8K | MATH | Training Time | Stability · "
    "Numbers approximate from various papers (2024)"
)
ROWS = (
    ("dpo", 599, 30, "| DPO | 76.5% | 32.8% | 30% | High ✓ |", judge_share),
    ("ipo", 600, 32, "| IPO | 77.1% | 33.2% | 32% | High ✓ |", judge_share),
    ("rrhf", 601, 45, "| RRHF | 79.3% | 35.4% | 45% | Medium |", judge_share),
    ("grpo", 602, 50, "| GRPO | **81.7%** | **37.2%** | 50% | High ✓ |", judge_group_share),
    ("kto", 603, 25, "| KTO | 75.8% | 31.9% | 25% | High ✓ |", judge_share),
)
CLAIMS = tuple(
    Claim(
        f"time-{method}", "004", line, HEADING, quote,
        f"For equally many completions, {method.upper()} takes about {percent}% of PPO's time.",
        functools.partial(judge, method, percent), ("passes",),
    )
    for method, line, percent, quote, judge in ROWS
)  # fmt: skip
