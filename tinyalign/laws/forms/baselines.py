"""Advantages that a loss works out itself: a reward less a baseline, a controller's own beta."""

import ast
import inspect
from inspect import Parameter

from tinyalign.laws.binding.holders import class_of
from tinyalign.laws.binding.roles import roles
from tinyalign.laws.binding.source_tree import tree_of
from tinyalign.laws.forms.wrapper import Wrapper, readable_parameters

BASELINES = (
    "baseline", "baselines", "baseline_rewards", "baseline_reward", "rewards_baseline",
    "reward_baseline", "reward_baselines", "greedy_rewards", "greedy_reward", "greedy_scores",
    "rewards_greedy", "greedy_score", "baseline_scores",
)  # fmt: skip
LEVEL = 0.7  # of every baseline: what is added to both changes no advantage


def with_advantage(fn, spec):
    """fn with an advantage in place of a reward and its baseline; fn itself where it has none."""
    parameters = readable_parameters(fn) or {}
    baseline = next((n for n in BASELINES if n in parameters), None)
    rewards = [n for n in parameters if "reward" in roles(n) and n != baseline]
    if "advantage" in spec.arrays and baseline and len(rewards) == 1:
        return LessBaseline(fn, rewards[0], baseline, parameters)
    if spec.name == "adaptive_beta" and "self" in parameters and class_of(fn):
        state = _assigned_to_self(fn)
        return Controller(fn, state, parameters) if state else fn
    return fn


class LessBaseline(Wrapper):
    """Its reward is our advantage with a constant added, which is its baseline."""

    def __init__(self, fn, reward, baseline, parameters):
        self.reward, self.baseline = reward, baseline
        kept = [q for n, q in parameters.items() if n != baseline]
        super().__init__(fn, [q.replace(name=self._ours(q.name)) for q in kept])
        self.sentence = f"The advantage is given as {reward} less {baseline}."

    def _ours(self, name):
        return "advantage" if name == self.reward else name

    def __call__(self, /, *given, **named):
        return self.fn(**self._arguments(self.bind(given, named)))

    def _arguments(self, arguments):
        advantage = arguments["advantage"]
        others = {n: a for n, a in arguments.items() if n != "advantage"}
        return others | {self.reward: advantage + LEVEL, self.baseline: advantage * 0 + LEVEL}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        return self.written_with(self._arguments(self.bind(given, named)), literal)


class Controller(Wrapper):
    """Its beta is an attribute of its own, which it changes."""

    def __init__(self, fn, state, parameters):
        self.state = state
        beta = Parameter("beta", Parameter.POSITIONAL_OR_KEYWORD)
        super().__init__(fn, [beta, *parameters.values()])
        self.sentence = f"self.{state} is the beta that it changes."

    def __call__(self, /, *given, **named):
        arguments = self.bind(given, named)
        beta, holder = arguments.pop("beta"), arguments["self"]
        # another one, which it may change in place: the number is its own
        object.__setattr__(holder, self.state, beta * 1)
        answer = self.fn(**arguments)
        return getattr(holder, self.state) if answer is None else answer

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        arguments = self.bind(given, named)
        return [f"{n}={literal(a)}" for n, a in arguments.items() if n != "beta"]


def _assigned_to_self(fn):
    """The one attribute of self that it sets; None where there is none, or more."""
    targets = set()
    for node in ast.walk(tree_of(inspect.unwrap(fn))):
        if isinstance(node, ast.Assign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                    targets.add(target.attr)
    return targets.pop() if len(targets) == 1 else None
