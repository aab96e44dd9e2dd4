"""Known deviations of trainers, each with the statistic that is straight where it ends.

Some have a point instead: another optimum, worked out from the same data. The statistic is then the
sum of log-ratios, the score that of the point, and the slope is held at 1.
"""

from collections.abc import Callable
from typing import NamedTuple

from tinyalign.exam import lines, points
from tinyalign.exam.methods import METHODS


class Suspect(NamedTuple):
    """A deviation, and how it shows."""

    name: str
    does: str  # "it …", a sentence about the trainer
    seen: str  # where; empty if nowhere that we know
    methods: tuple[str, ...]
    statistic: Callable = lines.sum_of_log_ratios
    point: Callable | None = None  # paper, token_logp -> (P, K): what the statistic should be
    tokens: bool = False  # shows only where answers have several tokens, and not all as many
    letters: bool = False  # is worked out only for answers of one token
    groups: bool = False  # is worked out over every group that can be drawn, which are many
    right_slope: bool = False  # the slope is held at the right one; with a point it is held at 1

    @property
    def holds_slope(self):
        """Whether the slope of its line is known beforehand."""
        return self.right_slope or self.point is not None


PAIRS = ("dpo", "cdpo", "ipo")
SAMPLED = ("rloo", "ppo", "grpo")


def score_of(paper):
    """What the right statistic of the paper's family is straight in: the reward, or IPO's w/16."""
    return paper.weights / 16 if paper.method == "ipo" else paper.reward


def heats(methods, statistic):
    """Temperatures that a trainer may have divided its logits by."""
    return [
        Suspect(
            f"temperature {t:g}",
            f"divides its logits by {t:g} while it trains",
            "trl #3029, #4159; NeMo-RL #935",
            methods,
            statistic(t),
            tokens=True,
            right_slope=True,
        )
        for t in (0.5, 0.7, 1.5, 2.0)
    ]


SUSPECTS = [
    Suspect("length-normalised log-ratio", "divides an answer's log-ratio by its number of tokens",
        "TRL's loss_type sigmoid_norm and ipo; trl #2964, OpenRLHF #701",
        (*PAIRS, *SAMPLED, "simpo"), lines.mean_log_ratio, tokens=True),
    Suspect("EOS not scored", "leaves EOS out of an answer's tokens",
        "trl #3091, #1623; OpenRLHF: pad token = EOS", PAIRS, lines.without_eos, tokens=True),
    Suspect("EOS not trained", "leaves EOS out of the labels",
        "trl #3091: pad token = EOS, and padding masked", ("sft",),
        lines.log_probability_without_eos, points.without_stops, tokens=True),
    Suspect("no reference", "trains on log π, without the reference", "",
        (*PAIRS, *SAMPLED), lines.log_probability),
    Suspect("beta on the policy alone", "multiplies log π by β, and log π_ref not", "",
        ("dpo", "cdpo"), lines.beta_on_the_policy, right_slope=True),
    Suspect("no reference, mean per token", "trains on the mean log π, as SimPO does", "",
        PAIRS, lines.mean_log_probability, tokens=True),
    Suspect("sums in SimPO", "sums log π over tokens where SimPO takes the mean",
        "SimPO #13, #20", ("simpo",), lines.log_probability, tokens=True),
    Suspect("untrained reference", "holds the policy to a reference that was never trained", "",
        (*PAIRS, *SAMPLED), lines.log_ratio_to_untrained, tokens=True),
    Suspect("forward KL", "holds the policy by KL(π_ref ‖ π), the other direction",
        "k3 as a loss: trl #4637, verl #2983; TRL's f_divergence_type forward_kl",
        (*PAIRS, *SAMPLED), lines.reference_over_policy),
    Suspect("advantage over its standard deviation",
        "divides advantages by the group's standard deviation, so that each prompt has a beta of "
        "its own", "TRL's scale_rewards group, the default", ("grpo",),
        point=points.standardised, letters=True, groups=True),
    Suspect("each answer divided by its length", "averages over an answer's tokens, then over "
        "answers, so that long answers count less", "transformers #34191, open-instruct #1137",
        ("sft",), lines.log_probability_times_length, tokens=True),
    Suspect("first token not trained", "leaves the first token of an answer out",
        "prime-rl #1525; a shift by one", ("sft", *PAIRS, "kto", "orpo"),
        point=points.first_token_kept, tokens=True),
    Suspect("label smoothing", "smooths labels by 0.1", "", ("dpo",), point=points.smoothed),
    Suspect("label smoothing without effect", "does not smooth labels",
        "TRL 1.16: label_smoothing with loss_type sigmoid", ("cdpo",), point=points.dpo_on_it),
    Suspect("IPO's square", "takes IPO's square for DPO's loss", "", ("dpo",),
        point=points.square),
    Suspect("likelihood added", "adds the chosen answer's likelihood",
        "TRL's rpo_alpha, loss_weights", ("dpo", "cdpo"), point=points.with_likelihood),
    Suspect("DPO's loss", "takes DPO's loss for IPO's square", "", ("ipo",),
        point=points.dpo_on_it),
    Suspect("no target margin", "leaves γ out", "", ("simpo",), point=points.no_gamma),
    Suspect("γ times β", "multiplies γ by β", "princeton-nlp takes γ/β; SimPO #23", ("simpo",),
        point=points.gamma_times_beta),
    Suspect("odds ratio without effect", "learns from chosen answers alone", "", ("orpo",),
        point=points.chosen_alone),
    Suspect("sums in ORPO", "sums log π over tokens where ORPO takes the mean", "", ("orpo",),
        point=points.orpo_of_sums, tokens=True),
    Suspect("likelihood over the batch's tokens", "averages its likelihood over all tokens of the "
        "batch's answers, not over each answer", "xfactlab/orpo with disable_prompt_loss",
        ("orpo",), point=points.likelihood_over_tokens(prompts=False), tokens=True),
    Suspect("likelihood over the prompts' tokens too", "averages its likelihood over all tokens of "
        "the batch, prompts' and answers', not over each answer", "xfactlab/orpo, TRL's ORPO",
        ("orpo",), point=points.likelihood_over_tokens(prompts=True), tokens=True),
    Suspect("means in KTO", "divides an answer's log-ratio by its number of tokens", "", ("kto",),
        point=points.kto_of_means, tokens=True),
    Suspect("thumbs down ignored", "learns from thumbs up alone", "", ("kto",),
        point=points.thumbs_up_alone),
    Suspect("KL in the loss", "pays each token's KL in the loss, where no advantage sees it",
        "GRPO as published", ("rloo", "ppo"), point=points.myopic, tokens=True),
    Suspect("forward KL of each token", "takes k3 as a loss, whose slope is that of the forward KL "
        "of each token", "GRPO as published: trl #4637, verl #2983", ("grpo",),
        point=points.myopic_forward, tokens=True),
    Suspect("KL in the reward", "pays the KL in the reward, which ends at π_ref·e^{r/β}/Z, and "
        "is no mistake although GRPO's papers do not do it", "", ("grpo",), tokens=True),
    Suspect("each answer's loss over its length", "divides the loss of each answer by its length, "
        "so that short answers count more", "GRPO as first published; Dr. GRPO's paper",
        ("grpo",), point=points.divided_by_length, tokens=True),
    Suspect("another n", "keeps the best of twice as many draws", "", ("raft",),
        point=points.best_of_twice),
    *(
        Suspect(f"sampler at temperature {t:g}", f"samples at temperature {t:g} and scores at 1",
            "trl #3029, #4159; NeMo-RL #935", ("grpo",), point=points.sampler_at(t), letters=True)
        for t in (0.5, 0.7, 1.5, 2.0)
    ),
    *heats((*PAIRS, "rloo", "ppo"), lines.heated),
    *heats(("sft",), lines.heated_probability),
]  # fmt: skip


def suspects_for(paper):
    """The deviations that this exam can show."""
    equal, letters = len(set(paper.mask.sum(axis=1))) == 1, paper.mask.shape[1] == 1
    large = paper.settings.get("num_generations", 0) > points.LARGEST_GROUP
    return [
        suspect
        for suspect in SUSPECTS
        if paper.method in suspect.methods
        and not (equal and suspect.tokens)
        and (letters or not suspect.letters)
        and not (large and suspect.groups)
    ]


def fit_suspect(paper, token_logp, suspect, weight):
    """The suspect's Line through a policy."""
    score, slope = score_of(paper), None
    if suspect.point:
        score, slope = suspect.point(paper, token_logp), 1.0
    elif suspect.right_slope:
        slope = METHODS[paper.method].slope(paper)
    return lines.fit_line(paper, token_logp, suspect.statistic, score, weight, slope)


def fit_right(paper, token_logp, weight):
    """The Line through the statistic that is straight where the paper's method ends."""
    method = METHODS[paper.method]
    return lines.fit_line(paper, token_logp, method.statistic, method.score(paper), weight)
