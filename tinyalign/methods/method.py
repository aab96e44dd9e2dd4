"""What a row of the table of methods says, and what every stage of training is made of."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinyalign.losses import divergence
from tinyalign.methods.loss_inputs import argument_names
from tinyalign.methods.steps import StepSize, TrainState


class Method(NamedTuple):
    """One method: everything that other rooms ask about it.

    The fields from `advantages` on belong to methods that sample while they learn. Most of these
    are a product: advantage × surrogate × reduce × KL.
    """

    name: str  # as typed
    title: str  # in full
    paper: str  # authors, year, arXiv id
    learns_from: str  # demonstrations, pairs, triples, thumbs, rankings or rewards
    stage: Callable  # StageInputs -> Stage: a function of train_offline, train_online, train_ppo
    steps: tuple  # the functions of methods.steps that the stage takes in turn
    loss: Callable  # its loss; the names of its parameters say what it reads
    recipe: str  # the key of runs.recipes.RECIPES whose settings it takes
    family: str  # the group in whose colour it is drawn
    defaults: dict = {}  # values of config fields that differ from the recipe  # noqa: RUF012
    beta_sets: str | None = "beta"  # the keyword of the loss that --beta sets
    loss_kwargs: dict = {}  # keywords of the loss that are not its defaults  # noqa: RUF012
    roles: tuple = ("chosen", "rejected")  # the completions that one label judges; (): the group
    label: Callable | None = None  # (reward, rng, config) -> the feedback that it learns from
    optimum: Callable | None = None  # (ref_probs, reward, config) -> (P, K) where it has a formula
    trains: str = "policy"  # the network that it is run for: policy, reward_model, or "" for none
    compares: bool = True  # it needs two completions or more of each prompt
    caveat: str = ""  # of a method that does not raise accuracy on addition: what it does instead
    samples_while_learning: bool = False
    advantages: dict = {}  # choices of --advantage, the first is the default  # noqa: RUF012
    surrogate: Callable | None = None  # (logp, old_logp, advantage, mask, clip) -> (N, T)
    clips: bool = True  # whether its surrogate reads the clip, which --epsilon sets
    reduce: Callable | None = None  # (x, mask, longest length allowed) -> scalar
    kl_placement: str | None = None  # where --beta puts the KL: loss, reward, tokens or nowhere
    kl_estimators: dict = {  # choices of --kl  # noqa: RUF012
        "k3": divergence.k3,
        "k2": divergence.k2,
        "k1": divergence.k1,
    }
    sample_batch: Callable | None = None  # samples with rewards, where not rollouts.sample_batch
    extra_samples: int = 0  # completions drawn for each prompt besides its group
    minibatches: bool = False  # a rollout is read in num_iterations · num_minibatches updates
    critic: bool = False  # it trains a value network beside the policy

    @property
    def reads_reference(self):
        """Whether its loss reads a frozen reference, or a KL to one is taken off its rewards."""
        return self.reads_reference_with(beta=1.0)

    def reads_reference_with(self, beta):
        """The same at this --beta: a KL of weight 0 is neither computed nor needed."""
        names = argument_names(self.loss)
        in_loss = "log_ratio" in names or any(
            name.startswith("ref_") and "logp" in name for name in names
        )
        return in_loss or (self.kl_placement is not None and beta > 0)

    @property
    def trains_reward_model(self):
        """Whether it trains a judge of completions and not a policy."""
        return self.trains == "reward_model"

    @property
    def imitates(self):
        """Whether it copies given completions: it draws none, and can serve as a warm start."""
        return self.learns_from == "demonstrations"

    def networks(self, learned_reward=False, beta=1.0):
        """Every network in memory while it trains: {name: whether it is trained}.

        learned_reward  whether rewards come from a reward model
        beta            --beta; at 0 a KL in loss or reward needs no reference
        """
        if self.trains_reward_model:
            return {"reward_model": True}
        networks = {"policy": self.trains == "policy"}
        if self.critic:
            networks["critic"] = True
        if learned_reward and self.learns_from == "rewards":
            networks["reward_model"] = False
        if self.reads_reference_with(beta):
            networks["reference"] = False
        return networks

    def updates_per_rollout(self, config):
        """Gradient steps of the policy for one step of the training loop."""
        if not self.minibatches:
            return 1
        # A minibatch has at least one prompt.
        return config.num_iterations * min(config.num_minibatches, config.batch_size)

    def completions_per_label(self, config):
        """Completions that one label judges: one with a thumb, two of a pair, a whole ranking."""
        return len(self.roles) or config.num_generations

    def loss_numbers(self):
        """{number of the loss that only --set sets: its value if nothing is typed}."""
        # The numbers of a surrogate are set by options of their own, such as --epsilon.
        if self.surrogate or self.trains_reward_model:
            return {}
        parameters = inspect.signature(self.loss).parameters.values()
        numbers = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        numbers.pop(self.beta_sets, None)
        return numbers | self.loss_kwargs

    def typed_numbers(self, config):
        """Those of loss_numbers that were typed with --set: {name: number}."""
        typed = [part.partition("=") for part in (config.set or "").split(",")]
        return {name: float(value) for name, _, value in typed if name in self.loss_numbers()}

    def bind_loss(self, config):
        """The loss with the keyword arguments that the row and the command line set."""
        beta = {self.beta_sets: config.beta} if self.beta_sets else {}
        own = self.loss_kwargs | self.typed_numbers(config)
        return functools.partial(self.loss, **own, **beta)


class StageInputs(NamedTuple):
    """Everything that a stage is prepared from."""

    task: Any  # toy_envs.task.Task, or None with data of your own
    vocabulary: Any  # alphabet and ends: the Task, or a tokenizer.Vocabulary
    model: Any  # a module of tinyalign.models
    config: Any  # runs.config.Config with no recipe field left at None
    method: Method
    initial_policy: Any  # the policy's parameters before this stage; the reference, if one is held
    reward_model: Any  # parameters of a learned reward, or None: the task's own reward
    data: Any  # runs.dataset.Data from a file, or None
    held_out_data: Any  # the lines of the file that are not trained on
    rng: np.random.Generator


class Stage(NamedTuple):
    """A prepared stage.

    Everything random before the first step comes from StageInputs.rng, everything after it from
    the generator given to train_step. A stage prepared again from the same inputs therefore goes
    on exactly where a checkpoint left it.
    """

    networks: dict[str, TrainState]  # what is trained: "policy", "critic", "reward_model"
    train_step: Callable  # (networks, rng, step) -> (networks, metrics)
    steps: int
    frozen: dict[str, Any]  # parameters that are held besides: "reference", "reward_model"
    samples: int = 0  # completions drawn before the first step
    labels: int = 0  # completions that were judged before the first step
    evaluate: Callable | None = None  # (networks, rng) -> metrics, where not the usual ones


def passed_on(params):
    """Of a stage's networks, those that later stages go on from: a critic belongs to its stage."""
    return {name: tree for name, tree in params.items() if name != "critic"}


def frozen_networks(inputs):
    """Parameters of the networks that the method holds but does not train, by name."""
    params = {"reference": inputs.initial_policy, "reward_model": inputs.reward_model}
    learned = inputs.reward_model is not None
    beta = inputs.config.beta if inputs.method.kl_placement else 1.0
    networks = inputs.method.networks(learned_reward=learned, beta=beta)
    return {
        name: params[name] for name, trained in networks.items() if name in params and not trained
    }


def step_size(config, step):
    """Linear warm-up to the peak learning rate, then linear decay to 0 after the last step."""
    warm_up = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    decay = (config.steps - step) / max(config.steps - config.warmup_steps, 1)
    return StepSize(config.learning_rate * min(warm_up, decay), config.max_grad_norm)
