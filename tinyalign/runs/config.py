"""The settings of a run: what can be typed, what the recipes fill in, what makes no sense."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.models import lstm, tabular, transformer

MODELS = {"transformer": transformer, "lstm": lstm, "tabular": tabular}


def optional(kind, default):
    """The type of a setting that may be left out, as --help shows it: its default in words."""
    hint = tyro.conf.arg(metavar=kind.__name__.upper(), help_behavior_hint=default)
    return Annotated[kind | None, hint]


RecipeInt, RecipeFloat, RecipeStr = (
    optional(kind, "[default: the method's recipe]") for kind in (int, float, str)
)
TypedInt, TypedFloat, TypedStr, TypedPath = (  # what is said of them holds their default
    optional(kind, "") for kind in (int, float, str, Path)
)


@dataclass(frozen=True)
class Config:
    """Settings of a run. A field left at None takes the method's value for the model in use."""

    env: str = "addition"
    """Task: addition, subtraction, multiplication, bandit, programs, hackable."""
    model: TypedStr = None
    """transformer, lstm or tabular. [default: tabular for the bandit, else transformer]"""
    seed: int = 0
    """Same seed, same numbers."""
    digits: int = 2
    """Digits of each operand of the arithmetic tasks."""

    width: TypedInt = None
    """Size of a token's vector. [transformer 64, lstm 128]"""
    layers: TypedInt = None
    """Number of layers. [transformer 2, lstm 1]"""
    heads: int = 4
    """Attention heads of the transformer; 1 is plain self-attention."""

    steps: RecipeInt = None
    """Gradient steps; for online methods, rollouts."""
    budget: str = "recipe"
    """How much a run may use: recipe, or samples:N completions drawn, labels:N completions judged,
    steps:N gradient steps, or seconds:S of training. Several joined by commas: each method takes
    the first that limits it."""
    until: TypedStr = None
    """Stop once held-out problems show accuracy:0.95, or reward:R, or more: a share solved by the
    likeliest completion, or the mean reward of samples. Looks come every 5 steps and with every
    evaluation; they take no training seconds. Of several methods the last that trains a policy
    stops there. Where the target is never reached, training goes on to its usual end."""
    learning_rate: RecipeFloat = None
    """Peak learning rate of Adam: linear warm-up, then linear decay to 0."""
    warmup_ratio: RecipeFloat = None
    """Share of the steps over which the learning rate rises."""
    warmup_steps: TypedInt = None
    """The same as a number of steps. [default: warmup_ratio of them]"""
    max_grad_norm: float = 1.0
    """A longer gradient is scaled down to this norm."""
    batch_size: RecipeInt = None
    """Examples per gradient step; for online methods, prompts per rollout."""

    beta: RecipeFloat = None
    """KL coefficient, per nat of distance to the reference (IPO's tau). The default is larger with
    a learned reward."""
    num_generations: RecipeInt = None
    """Completions sampled for each prompt: the group size G."""
    num_iterations: RecipeInt = None
    """Passes over each batch of rollouts (PPO's epochs)."""
    num_minibatches: RecipeInt = None
    """Gradient steps per pass over a batch of rollouts, at most as many as prompts."""
    temperature: float = 1.0
    """Sampling temperature during training; the same one is used for scoring."""
    epsilon: TypedFloat = None
    """Clip range of the policy ratio, and of PPO's value. [0.2; gspo 3e-4, cispo 4, dppo 0.15]"""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus."""
    advantage: RecipeStr = None
    """GRPO's baseline: standardize, center or rank."""
    kl: str = "k3"
    """Estimator of the KL in the loss: k3, k2 or k1."""
    set: TypedStr = None
    """Numbers of a loss that have no option of their own, joined by commas, for example gamma=0.5
    for simpo. `tinyalign run METHOD --help` lists them."""
    gamma: float = 1.0
    """PPO: discount."""
    lam: float = 0.95
    """PPO: lambda of generalized advantage estimation."""

    reward: str = "exact"
    """What online methods maximise: exact (the task's own reward) or model (a learned one)."""
    num_pairs: RecipeInt = None
    """Prompts from which comparisons are sampled, for methods that learn from feedback."""
    num_labels: RecipeInt = None
    """Completions that are judged, at most, for methods that learn from feedback: a pair holds two,
    a triple three, a ranking all of its prompt's."""
    label_temperature: TypedFloat = None
    """Bradley–Terry temperature of the simulated annotator, in units of reward. 0: the completion
    with the higher reward always wins; above 0: it wins with Bradley–Terry probability.
    [bandit 1, else 0]"""
    label_noise: float = 0.0
    """Share of the labels that are wrong."""
    init_from: TypedPath = None
    """Folder of a run, or of a GPT-2 of characters that transformers saved, whose policy to start
    from. [default: a warm start by SFT]"""
    warm_start_accuracy: float = 0.4
    """The warm start is SFT, stopped when this share of the problems it trains on is solved."""
    data: TypedPath = None
    """Your own examples, one JSON object a line, in place of a task; or names_sft and the like, a
    file that tinyalign brings."""
    context: int = 32
    """Longest prompt and completion together, in characters, with --data."""

    eval_every: int = 25
    """Steps between evaluations, which are also checkpoints."""
    eval_size: int = 500
    """Held-out problems to evaluate on."""


INFINITY = float("inf")
# The numbers that make sense, both ends included.
RANGES = {
    "seed": (0, 2**32 - 1),
    "digits": (1, 3),
    "width": (1, 4096),
    "layers": (1, 48),
    "heads": (1, 64),
    "steps": (1, 10**7),
    "learning_rate": (1e-12, 10.0),
    "warmup_ratio": (0.0, 1.0),
    "warmup_steps": (0, 10**7),
    "max_grad_norm": (1e-12, INFINITY),
    "batch_size": (1, 10**5),
    "beta": (0.0, 1e6),
    "num_generations": (1, 10**4),
    "num_iterations": (1, 100),
    "num_minibatches": (1, 100),
    "temperature": (1e-3, 1e3),
    "epsilon": (1e-9, 10.0),
    "entropy_coef": (0.0, 1e3),
    "gamma": (0.0, 1.0),
    "lam": (0.0, 1.0),
    "num_pairs": (1, 10**7),
    "num_labels": (1, 10**8),
    "label_temperature": (0.0, 1e6),
    "label_noise": (0.0, 1.0),
    "warm_start_accuracy": (0.0, 1.0),
    "context": (2, 4096),
    "eval_every": (1, 10**7),
    "eval_size": (1, 10**6),
}
