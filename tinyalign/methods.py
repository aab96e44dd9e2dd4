"""Every method is a row: what it learns from, which networks it holds, its loss and its paper.

The command line, the tables and the tests are all read off these rows, so a fact stands once.
To add a method, write its function and add a row.
"""

from collections.abc import Callable
from typing import NamedTuple

from tinyalign import online, stages
from tinyalign.losses import (
    advantage,
    aggregate,
    divergence,
    policy_gradient,
    preference,
    supervised,
)
from tinyalign.steps import needs


class Method(NamedTuple):
    """One method."""

    name: str  # as typed
    title: str  # in full
    paper: str  # authors, year, arXiv id
    learns_from: str  # demonstrations, pairs, triples, thumbs, rankings or rewards
    stage: Callable  # how it is trained: a function of stages or online
    loss: Callable  # its loss, whose parameters say what it reads
    defaults: dict = {}  # values of config fields that differ from the recipe  # noqa: RUF012
    tie: str = "beta"  # the loss's keyword that --beta sets
    roles: tuple = ("chosen", "rejected")  # the completions a comparison holds
    # The rest describes online methods: advantage × surrogate × reduce × KL.
    advantages: dict = {}  # choices of --advantage, the first is the default  # noqa: RUF012
    surrogate: Callable | None = None  # (logp, old_logp, advantage, mask, clip) -> (N, T)
    reduce: Callable = aggregate.token_mean
    kl: Callable = divergence.k3

    @property
    def reference(self):
        """Whether the loss reads a frozen reference: a fact about its parameters."""
        return any(name.startswith("ref_") for name in needs(self.loss))

    def settings(self, config):
        """The loss's keyword arguments that the command line sets."""
        return {self.tie: config.beta}


def clipped(logp, old_logp, advantage, mask, clip):
    """PPO's surrogate with one clip width, as GRPO uses it."""
    return policy_gradient.clipped_surrogate(
        logp, old_logp, advantage, clip_low=clip, clip_high=clip
    )


METHODS = (
    Method(
        name="sft",
        title="Supervised fine-tuning",
        paper="Ouyang et al. 2022, arXiv:2203.02155",
        learns_from="demonstrations",
        stage=stages.supervised,
        loss=supervised.cross_entropy,
    ),
    Method(
        name="reward",
        title="Bradley–Terry reward model",
        paper="Stiennon et al. 2020, arXiv:2009.01325",
        learns_from="pairs",
        stage=stages.reward_model,
        loss=supervised.bradley_terry,
    ),
    Method(
        name="dpo",
        title="Direct Preference Optimization",
        paper="Rafailov et al. 2023, arXiv:2305.18290",
        learns_from="pairs",
        stage=stages.preference,
        loss=preference.dpo,
        defaults={"beta": 1.0},
    ),
    Method(
        name="ppo",
        title="Proximal Policy Optimization with a critic",
        paper="Schulman et al. 2017, arXiv:1707.06347",
        learns_from="rewards",
        stage=online.ppo,
        loss=policy_gradient.clipped_surrogate,
        defaults={"beta": 0.01},
    ),
    Method(
        name="grpo",
        title="Group Relative Policy Optimization",
        paper="Shao et al. 2024, arXiv:2402.03300",
        learns_from="rewards",
        stage=online.policy_gradient,
        loss=policy_gradient.clipped_surrogate,
        defaults={"beta": 0.01},
        advantages={
            "standardize": advantage.group_standardize,
            "center": advantage.group_center,
            "rank": advantage.group_rank,
        },
        surrogate=clipped,
        reduce=aggregate.sequence_mean,
    ),
)

ONLINE = (online.policy_gradient, online.ppo)  # stages that hold a reference for their KL


def named(name):
    """The row of a method, or None."""
    return next((method for method in METHODS if method.name == name), None)
