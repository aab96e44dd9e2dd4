"""TRL's own losses behind thin adapters: what is called, and as which method it is judged.

No formula is retyped here. A trainer's loss method is called unbound, with a namespace for `self`
that holds the numbers it reads and a stub model that hands out prepared log-probs. Where the
advantages are formed in the middle of a method of 600 lines, just those lines of TRL's source are
executed (`lines_of`). `PEERS` lists them with the declared conventions and says why a law is
broken where one is; `python tests/independent/in_trl.py` judges all and prints docs/peers.md.

Left out, because TRL has them only inside a training step or a fused kernel: online DPO (240 lines
of generation and judging around the loss), SFT (the model's fused head returns the loss), the
distillation trainers' chunked losses, WPO weights (they need log Σ π² from the model). Left out,
because no law speaks of them: aot, discopop, f-divergences, SAPO, VESPO, GMPO, LUSPO, AlphaPO. PPO,
BCO, Nash-MD, XPO, and with them masked_mean and masked_whiten, are no longer part of TRL 1.16.
"""

import inspect
import textwrap
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

import torch
import trl
from trl.experimental.cpo.cpo_trainer import CPOTrainer
from trl.experimental.gkd.gkd_trainer import GKDTrainer
from trl.experimental.orpo.orpo_trainer import ORPOTrainer
from trl.experimental.tpo import tpo_trainer
from trl.rewards import other_rewards
from trl.trainer import grpo_trainer, rloo_trainer
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.reward_trainer import RewardTrainer
from trl.trainer.utils import entropy_from_logits, selective_log_softmax

from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, HOLDS, SILENT, judge_all


def as_it_is(x, **_):
    return x


def trainer(**numbers):
    """What a loss method reads from `self`: one process, evaluation mode, and its own numbers."""
    accelerator = SimpleNamespace(
        device="cpu",
        num_processes=1,
        gather=as_it_is,
        gather_for_metrics=as_it_is,
        reduce=as_it_is,
    )
    model = SimpleNamespace(training=False, is_gradient_checkpointing=False)
    usual = {"aux_loss_enabled": False, "_total_train_tokens": 0, "accelerator": accelerator}
    args = SimpleNamespace(gradient_checkpointing_kwargs=None)
    metrics = defaultdict(lambda: defaultdict(list))
    return SimpleNamespace(**{"model": model, "args": args, "_metrics": metrics} | usual | numbers)


def model_giving(logps):
    """A model whose output holds these per-token log-probs, made anew at each call."""

    def model(**_):
        zero = torch.zeros_like(logps).detach()
        return SimpleNamespace(
            log_probs=1 * logps, entropy=zero, mean_logits=zero, is_top1=zero.bool()
        )

    return model


def texts(mask):
    """A batch whose first token is the prompt; mask says which of the others are real."""
    whole = torch.cat([torch.zeros_like(mask[:, :1]), mask], dim=1)
    ids = torch.zeros_like(whole).long()
    return {"input_ids": ids, "attention_mask": ids, "completion_mask": whole}


def rows_alone(fn):
    """One value per example, from a loss that averages the batch: each row is called by itself."""

    def loss(*arrays, **numbers):
        rows = range(len(arrays[0]))
        cut = [[a[i : i + 1] if a.ndim else a for a in arrays] for i in rows]
        return torch.stack([fn(*row, **numbers) for row in cut])

    loss.__signature__ = inspect.signature(fn)
    return loss


# DPOTrainer


def spread(logp, n, width=3):
    """A sum of log-probs over n equal tokens, and padding."""
    return (logp / n)[:, None] * (torch.arange(width) < n)


def dpo_trainer(pair, kind, lengths, beta, label_smoothing=0.0):
    place = torch.arange(3).expand(len(pair[0]), 3)
    mask = torch.cat([place < n for n in lengths]).long()
    policy, ref = (
        torch.cat([spread(a, n) for a, n in zip(two, lengths, strict=True)])
        for two in (pair[:2], pair[2:])
    )
    self = trainer(
        beta=beta,
        label_smoothing=label_smoothing,
        loss_types=[kind],
        loss_weights=[1.0],
        f_divergence_type="reverse_kl",
        ld_alpha=None,
        precompute_ref_logps=False,
        ref_model=model_giving(ref),
        use_weighting=False,
    )
    return DPOTrainer._compute_loss(self, model_giving(policy), texts(mask), False)


def dpo(kind):
    """One of DPOTrainer's loss types, on sums over two and three tokens."""

    def loss(w, r, rw, rr, beta):
        return dpo_trainer((w, r, rw, rr), kind, (2, 3), beta)

    return loss


def dpo_smoothed(kind):
    def loss(w, r, rw, rr, beta, label_smoothing):
        return dpo_trainer((w, r, rw, rr), kind, (2, 3), beta, label_smoothing)

    return loss


def dpo_of_averages(kind):
    """The same, fed with means per token."""

    def loss(w, r, rw, rr, beta):
        return dpo_trainer((2 * w, 3 * r, 2 * rw, 3 * rr), kind, (2, 3), beta)

    return loss


# KTOTrainer


def kto_self(logp, ref, z0, **numbers):
    """A trainer, its model and its batch; z0 is what its KL batch gives."""
    model = model_giving(logp[:, None])

    def kl_logps(which, _):
        return z0[:, 0] if which is model else z0[:, 1]

    return model, trainer(
        loss_type="kto",
        calculate_KL=True,
        precompute_ref_logps=False,
        ref_model=model_giving(ref[:, None]),
        _compute_kl_logps=kl_logps,
        **numbers,
    )


def kto(logp, ref, desirable, z0, *, beta, weight_desirable, weight_undesirable):
    both = torch.stack([z0.reshape(1), torch.zeros_like(z0).reshape(1)], dim=1)
    weights = {"desirable_weight": weight_desirable, "undesirable_weight": weight_undesirable}
    model, self = kto_self(logp, ref, both, beta=beta, **weights)
    batch = texts(torch.ones(len(logp), 1).long()) | {"label": desirable}
    return KTOTrainer._compute_loss(self, model, batch, False)


def kto_z0(logp, ref):
    """The number that TRL writes to its log as `kl`."""
    one = torch.zeros_like(logp[:1])
    weights = {"desirable_weight": 1.0, "undesirable_weight": 1.0}
    model, self = kto_self(one, one, torch.stack([logp, ref], dim=1), beta=1.0, **weights)
    batch = texts(torch.ones(1, 1).long()) | {"label": torch.tensor([True])}
    KTOTrainer._compute_loss(self, model, batch, False)
    return torch.tensor(self._metrics["eval"]["kl"][0], dtype=logp.dtype)


# CPO, SimPO, SLiC, ORPO, TPO


def assembled(cls, w, r, nll, **numbers):
    """The whole loss as `get_batch_loss_metrics` puts it together."""
    nothing = torch.zeros(1)
    forward = (w, r, nothing, nothing, nll.mean())
    self = trainer(concatenated_forward=lambda model, batch: forward, **numbers)
    for name in ("cpo_loss", "odds_ratio_loss"):
        if hasattr(cls, name):
            setattr(self, name, partial(getattr(cls, name), self))
    return cls.get_batch_loss_metrics(self, None, None)[0]


def cpo_self(kind, **numbers):
    return {"loss_type": kind, "label_smoothing": 0.0, "alpha": 0.0} | numbers


def cpo(w, r, nll, *, beta, alpha):
    return assembled(CPOTrainer, w, r, nll, **cpo_self("sigmoid", beta=beta, cpo_alpha=alpha))


def cpo_hinge(w, r, nll, *, lam):
    return assembled(CPOTrainer, w, r, nll, **cpo_self("hinge", beta=1.0, cpo_alpha=lam))


def simpo(w, r, *, beta, gamma):
    self = trainer(**cpo_self("simpo", beta=beta, simpo_gamma=gamma))
    return CPOTrainer.cpo_loss(self, w, r)[0]


def odds_ratio(w, r):
    return -ORPOTrainer.odds_ratio_loss(trainer(beta=1.0), w, r)[0]


def orpo(w, r, nll, *, lam):
    return assembled(ORPOTrainer, w, r, nll, beta=lam)


def logps_from_logits(logits, index, **how):
    """In place of log-softmax, so that log-probs can be prepared: the first logit is it."""
    return logits[..., 0] * how["row_mask"], torch.zeros_like(logits[..., 0])


def tpo_trainer_loss(kind, w, r, nll, beta, alpha, gamma=0.0):
    # gold: two logits whose cross-entropy is nll
    other = torch.log(torch.expm1(nll))
    first = torch.cat([w, r, torch.zeros_like(w)])
    logits = torch.stack([first, torch.cat([0 * w, 0 * r, other])], dim=1)[:, None]
    logits = torch.cat([logits, torch.zeros_like(logits)], dim=1)  # of the last token: unused
    self = trainer(loss_type=kind, beta=beta, tpo_alpha=alpha, tpo_l_gamma=gamma, label_smoothing=0)
    batch = texts(torch.ones(3 * len(w), 1).long())
    with patch.object(tpo_trainer, "selective_log_softmax_and_entropy", logps_from_logits):
        return tpo_trainer.TPOTrainer._compute_loss(
            self, lambda **_: SimpleNamespace(logits=logits), batch, False
        )


def tpo(w, r, nll, *, beta, alpha):
    return tpo_trainer_loss("sigmoid", w, r, nll, beta, alpha + 1e-30)  # at 0 there is no gold


def tpo_l(w, r, nll, *, beta, gamma, alpha):
    return tpo_trainer_loss("tpo-l", w, r, nll, beta, alpha + 1e-30, gamma)


def bradley_terry(w, r, *, margin, center):
    self = trainer(args=SimpleNamespace(center_rewards_coefficient=center))
    inputs = {"margin": torch.full_like(w, margin), "attention_mask": torch.ones(1)}
    logits = torch.cat([w, r])[:, None]
    return RewardTrainer.compute_loss(self, lambda **_: SimpleNamespace(logits=logits), inputs)


# GRPOTrainer, RLOOTrainer


def per_token(logp):
    return lambda *_, **__: (logp, torch.zeros_like(logp).detach(), None)


def online_batch(logp, mask):
    ids = torch.zeros_like(logp).long()
    prompt = {"prompt_ids": ids[:, :1], "prompt_mask": ids[:, :1]}
    return prompt | {"completion_ids": ids, "completion_mask": mask}


def grpo_trainer_loss(logp, old, advantage, mask=None, *, kind="grpo", ref=None, **numbers):
    mask = torch.ones_like(logp).detach() if mask is None else mask
    batch = online_batch(logp, mask) | {
        "old_per_token_logps": old,
        "ref_per_token_logps": ref,
        "advantages": advantage,
        "num_items_in_batch": mask.sum(),
    }
    usual = {
        "loss_type": kind,
        "importance_sampling_level": "token",
        "beta": 0.0,
        "epsilon_low": 0.2,
        "epsilon_high": 0.2,
        "top_entropy_quantile": 1.0,
        "off_policy_mask_threshold": None,
        "use_vllm": False,
        "_entropy_bonus_enabled": False,
        "_get_per_token_logps_and_entropies": per_token(logp),
        "args": SimpleNamespace(delta=None, use_bias_correction_kl=False),
    }
    self = trainer(**usual | numbers)
    return grpo_trainer.GRPOTrainer._compute_loss(self, None, batch)


def grpo_clipped(logp, old, advantage, *, clip_low, clip_high):
    clips = {"epsilon_low": clip_low, "epsilon_high": clip_high}
    return grpo_trainer_loss(logp, old, advantage, **clips)


def gspo(logp, old, advantage, mask, *, clip_low, clip_high):
    clips = {"epsilon_low": clip_low, "epsilon_high": clip_high}
    level = {"importance_sampling_level": "sequence"}
    return grpo_trainer_loss(logp, old, advantage, mask, **clips, **level)


def tokens_alone(fn):
    """One value per token, from a loss that averages them: each token is called by itself."""

    def loss(*arrays, **numbers):
        whole = torch.broadcast_tensors(*arrays)
        cells = zip(*(a.reshape(-1, 1, 1) for a in whole), strict=True)
        return torch.stack([fn(*cell, **numbers) for cell in cells]).reshape(whole[0].shape)

    loss.__signature__ = inspect.signature(fn)
    return loss


@tokens_alone
def cispo(logp, old, advantage, *, clip_high):
    return grpo_trainer_loss(logp, old, advantage, kind="cispo", epsilon_high=clip_high)


def cispo_one_plus(logp, old, advantage, clip_high):
    return cispo(logp, old, advantage, clip_high=1 + clip_high)


@tokens_alone
def k3_as_a_loss(logp, ref):
    return grpo_trainer_loss(logp, logp.detach(), 0 * logp.detach(), ref=ref, beta=1.0)


@tokens_alone
def k3_corrected(logp, ref):
    args = SimpleNamespace(delta=None, use_bias_correction_kl=True)
    off = 0 * logp.detach()
    return grpo_trainer_loss(logp, logp.detach(), off, ref=ref, beta=1.0, args=args)


def aggregated(kind):
    """At ratio 1 a token's loss is minus its advantage: any values can be put there."""

    def mean(x, mask):
        still = torch.zeros_like(x).detach()
        return grpo_trainer_loss(still, still, -x, mask, kind=kind)

    return mean


def dr_grpo(x, mask, *, length):
    still = torch.zeros_like(x).detach()
    return grpo_trainer_loss(still, still, -x, mask, kind="dr_grpo", max_completion_length=length)


def rloo_sequences(logp, old, advantage, mask, *, clip_low, clip_high):
    batch = online_batch(logp, mask) | {"old_logps": (old * mask).sum(1), "advantages": advantage}
    clips = {"epsilon_low": clip_low, "epsilon_high": clip_high}
    self = trainer(**clips, _get_per_token_logps_and_entropies=per_token(logp))
    return rloo_trainer.RLOOTrainer._compute_loss(self, None, batch)


def rloo_clipped(logp, old, advantage, *, clip_low, clip_high):
    """Each token as a sequence of its own, where a sum is a mean."""
    logp, old, advantage = (a.reshape(-1, 1) for a in torch.broadcast_tensors(logp, old, advantage))
    ones = torch.ones_like(logp).detach()
    return rloo_sequences(logp, old, advantage[:, 0], ones, clip_low=clip_low, clip_high=clip_high)


def lines_of(method, first, last):
    """TRL's own lines of a method, from the one that starts with `first` through `last`."""
    lines = inspect.getsource(method).splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().startswith(first))
    end = next(i for i, line in enumerate(lines) if i > start and line.strip().startswith(last))
    return compile(textwrap.dedent("\n".join(lines[start : end + 1])), "trl", "exec")


def advantages(module, cls, first, reward, **self):
    """What `_generate_and_score_completions` makes of the rewards, (N, G)."""
    method = inspect.unwrap(getattr(module, cls)._generate_and_score_completions)
    flat = reward.reshape(-1, 1)
    names = vars(module) | {
        "self": SimpleNamespace(reward_weights=torch.ones(1).to(flat.dtype), **self),
        "rewards_per_func": flat,
        "rewards": flat[:, 0].clone(),
        "unscorable_mask": torch.isnan(flat).all(dim=1),
        "num_generations": reward.shape[1],
        "device": "cpu",
    }
    exec(lines_of(method, first, "advantages = torch.nan_to_num"), names)
    return names["advantages"].reshape(reward.shape)


def grpo_advantages(scale):
    def advantage(reward):
        return advantages(
            grpo_trainer,
            "GRPOTrainer",
            "if self.multi_objective_aggregation ==",
            reward,
            multi_objective_aggregation="sum_then_normalize",
            scale_rewards=scale,
        )

    return advantage


def rloo_advantages(reward):
    first = "grouped_rewards = rewards.view"
    return advantages(rloo_trainer, "RLOOTrainer", first, reward, normalize_advantages=False)


# pieces


def overlong(length, *, max_length, buffer):
    """len() is replaced, so that lengths between two whole numbers can be asked for."""
    punish = other_rewards.get_soft_overlong_punishment(max_length, buffer)
    with patch.object(other_rewards, "len", lambda n: n, create=True):
        return torch.tensor(punish(length.tolist()), dtype=length.dtype)


def token_logp(logits, ids):
    return selective_log_softmax(logits[:, :-1], ids[:, 1:])


def sequence_logp(cls):
    def logp(logits, ids, prompt_length, length):
        place = torch.arange(ids.shape[1])
        inside = (place >= prompt_length[:, None]) & (place < length[:, None])
        return cls.get_batch_logps(logits, torch.where(inside, ids, -100))

    return logp


def entropy(logits):
    return entropy_from_logits(logits)


def jsd(beta):
    def divergence(logits, ref_logits):
        parts = GKDTrainer.generalized_jsd_loss(logits, ref_logits, beta=beta, reduction="none")
        return parts.sum(-1)

    return divergence


# What each is judged as. `broken` says why: law -> reason.

MEAN = {"reduction": "mean"}
INSIDE = {"detach": "inside"}
SPREAD = {"eps": 1e-4, "ddof": 1}
IPO = "convention: TRL's IPO is of means per token (by sums it is another loss when lengths differ)"
EPS32 = "rounding: label_smoothing becomes a float32 tensor; with float32 input all laws hold"
FLOAT32 = "rounding: the log-probs are cast to float32 first; judged in float32 all laws hold"
STD32 = "rounding: nanstd's n/(n - 1) is a float32 tensor whatever the rewards are: 1e-8 relative"
CLAMP = "convention: z0 is computed inside and cut off at 0, so the law's negative z0 cannot enter"
CAP = "convention: TRL's epsilon_high is the cap itself, not its distance from 1"
BATCH = "convention: scale_rewards='batch' divides by the deviation of the batch, not of the group"
RLOO = "convention: RLOO's ratio is of whole sequences, e to the sum of log-ratios, not the mean"
K3_LOSS = "convention: GRPO's k3 as a loss follows KL(reference ‖ policy); the paper has it so"
WHERE = "defect: the gradient is NaN where an answer is almost certain, see below"
K3_RHO = (
    "convention: the ratio times k3 has the value of k3 and the slope of k2; as k2 it breaks no law"
)


@dataclass(frozen=True)
class Peer:
    name: str  # what it is called in TRL
    method: str
    fn: object
    conventions: dict = field(default_factory=dict)
    broken: dict = field(default_factory=dict)
    dtype: str = "float64"


def because(reason, laws):
    return dict.fromkeys(laws.split(), reason)


PEERS = [
    Peer("DPOTrainer `sigmoid`", "dpo", dpo("sigmoid"), MEAN),
    Peer("DPOTrainer `sigmoid`, row by row", "dpo", rows_alone(dpo("sigmoid")), INSIDE),
    Peer("DPOTrainer `sigmoid_norm`, of averages", "dpo", dpo_of_averages("sigmoid_norm"), MEAN),
    Peer("DPOTrainer `hinge`", "hinge", dpo("hinge"), MEAN),
    Peer("DPOTrainer `ipo`, of averages", "ipo", dpo_of_averages("ipo"), MEAN),
    Peer("DPOTrainer `ipo`, of sums", "ipo", dpo("ipo"), MEAN,
         because(IPO, "prompt_shift_cancels zero_at_the_target_margin swap_adds_scaled_margin "
                      "chosen_up_rejected_down overshoot_costs_too noise_pulls_the_target_in "
                      "closed_form_slopes recovers_the_ipo_optimum right_far_out")),
    Peer("DPOTrainer `exo_pair`", "exo_pair", dpo_smoothed("exo_pair"), MEAN,
         because(EPS32, "closed_form_at_reference least_at_the_label right_far_out")),
    Peer("DPOTrainer `exo_pair`", "exo_pair", dpo_smoothed("exo_pair"), MEAN, dtype="float32"),
    Peer("DPOTrainer `nca_pair`", "nca_pair", dpo("nca_pair"), MEAN),
    Peer("DPOTrainer `robust`", "robust_dpo", dpo_smoothed("robust"), MEAN),
    Peer("DPOTrainer `bco_pair`", "bco", dpo("bco_pair"), MEAN),
    Peer("DPOTrainer `sppo_hard`", "sppo", dpo("sppo_hard"), MEAN),
    Peer("DPOTrainer `apo_zero`", "apo_zero", dpo("apo_zero"), MEAN),
    Peer("DPOTrainer `apo_down`", "apo_down", dpo("apo_down"), MEAN),
    Peer("KTOTrainer `kto`", "kto", kto, MEAN, because(CLAMP, "only_difference_to_z0_counts")),
    Peer("KTOTrainer `kto`, row by row", "kto", rows_alone(kto), INSIDE,
         because(CLAMP, "only_difference_to_z0_counts")),
    Peer("KTOTrainer, `kl` in its log", "kto_z0", kto_z0),
    Peer("CPOTrainer `sigmoid`", "cpo", cpo, MEAN),
    Peer("CPOTrainer `hinge`, beta 1", "slic", cpo_hinge, MEAN | {"delta": 1.0}),
    Peer("CPOTrainer `simpo`", "simpo", simpo),
    Peer("ORPOTrainer.odds_ratio_loss", "odds_ratio", odds_ratio, {},
         because(WHERE, "slopes_right_near_certainty"), dtype="float32"),
    Peer("ORPOTrainer.odds_ratio_loss", "odds_ratio", odds_ratio, {},
         because(FLOAT32, "tie_costs_log2 swap_adds_log_odds_gap unlikely_odds_are_probabilities "
                          "right_far_out slopes_are_those_of_the_value")
         | because(WHERE, "slopes_right_near_certainty")),
    Peer("ORPOTrainer, whole, row by row", "orpo", rows_alone(orpo), {},
         because(WHERE, "slopes_right_near_certainty"), dtype="float32"),
    Peer("TPOTrainer `sigmoid`", "tpo", tpo, MEAN),
    Peer("TPOTrainer `tpo-l`", "tpo_l", tpo_l, MEAN),
    Peer("RewardTrainer", "bradley_terry", bradley_terry, MEAN),
    Peer("GRPOTrainer `grpo`, token ratios", "clipped_surrogate", grpo_clipped, MEAN),
    Peer("GRPOTrainer `grpo`, sequence ratios", "sequence_clipped_surrogate", gspo, MEAN),
    Peer("GRPOTrainer `cispo`", "truncated_importance", cispo, {"cap": "absolute"}),
    Peer("GRPOTrainer `cispo`, epsilon_high + 1", "truncated_importance", cispo_one_plus),
    Peer("GRPOTrainer `cispo`, cap 1 + ε declared", "truncated_importance", cispo, {},
         because(CAP, "weight_is_the_ratio_under_the_cap linear_in_logp_past_the_cap "
                      "slope_weight_is_capped")),
    Peer("GRPOTrainer, KL term", "k3", k3_as_a_loss),
    Peer("GRPOTrainer, KL term as a loss", "k3", k3_as_a_loss, {"use": "loss"},
         because(K3_LOSS, "kl_slope_as_a_loss")),
    Peer("GRPOTrainer, `use_bias_correction_kl`", "k3", k3_corrected, {"use": "loss"},
         because(K3_RHO, "closed_form_slope")),
    Peer("GRPOTrainer, `use_bias_correction_kl`", "k2", k3_corrected, {"use": "loss"}),
    Peer("GRPOTrainer `grpo`, aggregation", "sequence_mean", aggregated("grpo")),
    Peer("GRPOTrainer `bnpo`, aggregation", "token_mean", aggregated("bnpo")),
    Peer("GRPOTrainer `dapo`, aggregation", "token_mean", aggregated("dapo")),
    Peer("GRPOTrainer `dr_grpo`, aggregation", "fixed_length_mean", dr_grpo),
    Peer("GRPOTrainer, scale_rewards `group`", "group_standardize", grpo_advantages("group"),
         SPREAD, because(STD32, "standardize_formula")),
    Peer("GRPOTrainer, scale_rewards `batch`", "group_standardize", grpo_advantages("batch"),
         SPREAD, because(BATCH, "batch_is_its_rows unit_standard_deviation standardize_formula")),
    Peer("GRPOTrainer, scale_rewards `none`", "group_center", grpo_advantages("none")),
    Peer("RLOOTrainer, advantages", "leave_one_out", rloo_advantages),
    Peer("RLOOTrainer, one token each", "clipped_surrogate", rloo_clipped, MEAN),
    Peer("RLOOTrainer", "sequence_clipped_surrogate", rloo_sequences, MEAN,
         because(RLOO, "repeated_tokens_change_nothing equal_slopes_at_old_policy gspo_formula")),
    Peer("get_soft_overlong_punishment", "overlong_penalty", overlong),
    Peer("selective_log_softmax", "token_logp", token_logp),
    Peer("CPOTrainer.get_batch_logps", "sequence_logp", sequence_logp(CPOTrainer)),
    Peer("ORPOTrainer.get_batch_logps", "sequence_logp", sequence_logp(ORPOTrainer)),
    Peer("entropy_from_logits", "entropy", entropy),
    Peer("GKDTrainer.generalized_jsd_loss, beta 1", "exact_kl", jsd(1)),
    Peer("GKDTrainer.generalized_jsd_loss, beta 0", "exact_kl", jsd(0),
         {"direction": "ref_policy"}),
]  # fmt: skip


# Found beside the laws: code to paste, and what it printed.


@dataclass(frozen=True)
class Defect:
    title: str
    story: str
    code: str
    prints: str


DEFECTS = [
    Defect(
        "ORPO: the gradient is NaN where an answer is almost certain",
        "`log1mexp` picks its branch with `torch.where`, and the branch that is not taken has an "
        "infinite derivative once exp(x) rounds to 1: 0 · ∞ is NaN. The value is right (the "
        "`log1mexp` of pull request 4763 made it so), the slope is not. With a rejected mean "
        "log-prob of -½ the slope in the chosen one tends to -p/(1-p) = -1.5415. One such pair "
        "makes the gradient of the whole batch NaN; a one-token answer with a logit 18 above the "
        "other is enough, and there the true gradient is about 0.",
        """import torch
from types import SimpleNamespace
from trl.experimental.orpo.orpo_trainer import ORPOTrainer

self = SimpleNamespace(beta=1.0, accelerator=SimpleNamespace(device="cpu"))

for logp in (-1e-3, -1e-6, -1e-8, 0.0):
    chosen = torch.tensor([logp], requires_grad=True)
    loss = -ORPOTrainer.odds_ratio_loss(self, chosen, torch.tensor([-0.5]))[0].sum()
    loss.backward()
    print(f"{logp:g}: loss {loss.item():.3g}, slope {chosen.grad.item():.4f}")

logits = torch.tensor([[[18.0, 0.0], [0.0, 0.0]]], requires_grad=True)
chosen = ORPOTrainer.get_batch_logps(logits, torch.tensor([[-100, 0]]), average_log_prob=True)
loss = -ORPOTrainer.odds_ratio_loss(self, chosen, torch.tensor([-0.5]))[0].sum()
loss.backward()
print(logits.grad[0, 0].tolist())
""",
        """-0.001: loss 0.00154, slope -1.5407
-1e-06: loss 1.54e-06, slope -1.5415
-1e-08: loss 1.54e-08, slope nan
0: loss -0, slope nan
[nan, nan]
""",
    ),
    Defect(
        "SimPO and ORPO: a row without completion tokens makes the mean log-prob NaN",
        "`get_batch_logps` divides by the number of scored tokens without a floor, in CPOTrainer "
        "and ORPOTrainer alike; DPOTrainer's `ipo` and TPOTrainer clamp that number at 1. If such "
        "a row reaches the loss the whole batch is NaN.",
        """import torch
from trl.experimental.cpo.cpo_trainer import CPOTrainer

labels = torch.tensor([[-100, 0, 1], [-100, -100, -100]])
logps = CPOTrainer.get_batch_logps(torch.zeros(2, 3, 2), labels, average_log_prob=True)
print([f"{logp:.4f}" for logp in logps.tolist()])
""",
        "['-0.6931', 'nan']\n",
    ),
    Defect(
        "CPO: get_batch_logps writes to the caller's labels (encoder-decoder models)",
        "With `is_encoder_decoder=True` the labels are not copied before -100 is replaced by 0. "
        "ORPOTrainer's twin uses `torch.where` and leaves them. In TRL 1.16 nothing reads them "
        "afterwards, so no loss is wrong; a second call with the same labels would score padding.",
        """import torch
from trl.experimental.cpo.cpo_trainer import CPOTrainer

labels, logits = torch.tensor([[0, -100, 1]]), torch.zeros(1, 3, 2)
for call in (1, 2):
    logp = CPOTrainer.get_batch_logps(logits, labels, is_encoder_decoder=True)
    print(f"{logp.item():.4f}", labels.tolist())
""",
        "-1.3863 [[0, 0, 1]]\n-2.0794 [[0, 0, 1]]\n",
    ),
]


# The page


def verdicts(peer, examples=25, shrink=False):
    """Law -> Verdict for one of the list."""
    setting = repeatable_settings(examples, shrink=shrink)
    how = {"framework": "torch", "dtype": peer.dtype}
    found = judge_all(peer.fn, BY_NAME[peer.method], peer.conventions, setting=setting, **how)
    return {v.law.name: v for v in found}


def row(peer, found):
    """Its line in the table: how many laws hold, and by name those that do not."""
    by_status = {status: [n for n, v in found.items() if v.status == status] for status in STATUS}
    declared = [f"{k}={v}" for k, v in peer.conventions.items()]
    declared += [peer.dtype] if peer.dtype != "float64" else []
    cells = [peer.name, f"`{peer.method}`", ", ".join(declared)]
    cells.append(str(len(by_status[HOLDS])))
    cells += [", ".join(by_status[status]) for status in (SILENT, BROKEN)]
    return "| " + " | ".join(cells) + " |"


def why(peer, found):
    """One line per reason for what is broken, with the first law's two numbers."""
    lines = []
    for reason in dict.fromkeys(peer.broken.values()):
        laws = [law for law in found if peer.broken.get(law) == reason]
        head = f"* **{peer.name}** as `{peer.method}` ({peer.dtype}): {', '.join(laws)}. {reason}."
        lines.append(f"{head} For instance {laws[0]} {found[laws[0]].message}.")
    return lines


def case(defect):
    """A defect as Markdown: story, code, and what the code prints."""
    code, prints = f"```python\n{defect.code}```", f"```\n{defect.prints}```"
    return f"### {defect.title}\n\n{defect.story}\n\n{code}\n\nprints\n\n{prints}\n"


def page():
    """docs/peers.md as a string; takes some minutes."""
    table, reasons = [], []
    for peer in PEERS:
        found = verdicts(peer, shrink=True)
        table.append(row(peer, found))
        reasons += why(peer, found)
    versions = f"TRL {trl.__version__}, torch {torch.__version__}"
    return PAGE.format(
        versions=versions,
        count=len(PEERS),
        sound=sum(not p.broken for p in PEERS),
        table="\n".join(table),
        reasons="\n".join(reasons),
        cases="\n".join(case(d) for d in DEFECTS),
    )


STATUS = (HOLDS, SILENT, BROKEN)
PAGE = """# The laws on TRL's and torchtune's losses

{versions}. Made by `python tests/independent/in_trl.py`; the tests marked
`peers` judge again and compare. Each row is TRL's own code, called through an adapter in
tests/independent/in_trl.py, which also says what could not be called.
{sound} of {count} rows break no law; every broken one is a convention, a rounding or a defect,
and is explained below the table. float32_stays_float32 and constants_have_no_gradient speak only
where that precision, or detaching inside, is declared.

| TRL | judged as | declared | hold | do not apply | broken |
|---|---|---|---|---|---|
{table}

## Why laws are broken

{reasons}

## Defects

The law slopes_right_near_certainty sees the first. No law sees the others: none draws an empty
row of text, or a model with an encoder. Each case was run by itself and is run again by the tests.

{cases}"""

if __name__ == "__main__":
    torch.set_num_threads(1)
    print(page().rstrip())
