"""The laws find bugs they were not written for: our own losses, changed mechanically."""

import re
import types

import numpy as np
import pytest
from judged_functions import NOT_A_FUNCTION_OF_OURS, OURS, find

from tests.independent.mutate import compiled, mutants
from tinyalign.laws import METHODS, CannotCall
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, UNJUDGED, judge, laws_for
from tinyalign.laws.harness.subject import Subject
from tinyalign.losses import advantage, log_ratio, ranking, ratio

HELPERS = {  # private function -> the public one through which it is judged
    log_ratio.log_ratios: "apo_zero",
    log_ratio.margin: "dpo",
    ratio.constant_advantage: "reinforce",
    ratio.clipped_loss: "clipped_surrogate",
    ranking._target_and_score: "infonca",
    advantage._rewards_above_first: "group_center",
}
ANY = r".*"
EQUIVALENT = [  # (function, pattern of the mutant, why no result can tell it from the original)
    (ANY, r"(maximum|minimum|logaddexp)\(.* -> arguments swapped", "symmetric in its arguments"),
    (ANY, r"np\.clip\(.* -> arguments swapped", "clip(low, x, high) = clip(x, low, high)"),
    (ANY, r"expectation\(.* -> arguments swapped", "a product commutes"),
    ("k2", r"k1\(.* -> arguments swapped", "squared"),
    (ANY, r": 1 -> constant -1$", "the last axis, or the last of two columns, is number 1"),
    (ANY, r": (-1 -> no minus|1 -> constant -1)$", "the last of two axes is number 1"),
    (ANY, r"_(rewards_above_first|group_rewards)\(reward\) -> no", "a shift: rounding only"),
    (ANY, r"stop_gradient\(reward\) -> no", "a comparison has no slope anyway"),
    ("group_standardize", r"> 0 -> GtE|1\.0 -> constant", "0/anything; differs at eps = 0 only"),
    (
        "group_rank",
        r"np\.sum|: 2 -> constant 3|1\.0 -> constant",
        "a factor cancels, or 0/anything",
    ),
    ("gae", r"mask\[:, t\] > 0 -> GtE", "changes padding only, which the laws leave free"),
    ("kl_shaped_reward", r"mask > 0 -> GtE", "the other condition decides where the mask is 0"),
    ("best_of_n", r"1\.0 -> constant (2|-1)", "0 divided by anything"),
    ("rejection_sample", r"< accept -> LtE", "a draw equal to the threshold has probability 0"),
    ("rejection_sample", r"0\.0 -> constant 1\.0", "exp(…) above 1 accepts for certain either way"),
    ("_rewards_above_first", ANY, "a common shift: changes rounding only"),
    (
        "exact_kl|entropy|generalized_js",
        r"isfinite|0\.0 -> constant|inf -> no minus",
        "differs for forbidden tokens only: the laws draw finite logits",
    ),
    ("bradley_terry", r"19: 0 -> constant 1", "differs at a centring of exactly 1"),
    ("dual_clipped_surrogate", r"2[34]: ", "inside the branch that is thrown away, or 0 at 0"),
    ("sapo|dppo", r"advantage > 0 -> GtE", "an advantage of 0 costs 0 either way"),
    ("dppo", r"moved (>|<) .* -> (Gt|Lt)E", "a probability that moved by exactly delta"),
    ("dppo", r"stop_gradient\(logp\) -> no", "a comparison has no slope anyway"),
    ("masked_rollout_weight", r"ratio .= \w+ -> (Gt|Lt)", "a ratio of exactly the bound"),
    ("gspo_token", r"mask > 0 -> GtE|0\.0 -> constant", "changes padding only, left free"),
    ("standardize_by_prompt", r"std > 0 -> GtE|1\.0 -> constant", "0 divided by anything"),
    ("standardize_by_prompt", r"18: 1 -> constant 0", "0/0 is not above 0 either"),
    ("group_maxrl", r"right only|1\.0 -> constant", "the type of numbers; 0 divided by anything"),
    ("gae_over_turns", r"zeros_like|0\.0 -> constant", "the type of numbers; padding, left free"),
    ("masked_mean", r"1[789]: ", "the words of an error, for rows without tokens"),
    ("rlhf_objective", r"-> always|beta > 0 -> GtE", "0 · KL = 0"),
    ("sapo", r"stop_gradient\(ratio\) -> no", "only its shape and its type are read"),
    (
        "decoupled_surrogate",
        r"stop_gradient\(\w+\) -> no",
        "the weight is part of an advantage, which clipped_surrogate holds constant",
    ),
    ("group_gdpo", r"22: 1 -> constant 2", "reshape(1, -2) is reshape(1, -1)"),
    (
        "gae_over_turns",
        r"stop_gradient\((value|reward)\) -> no",
        "raises where autograd traces it; what cannot be traced is plain NumPy to the laws",
    ),
]


def is_equivalent(name, words):
    return any(re.fullmatch(n, name) and re.search(pattern, words) for n, pattern, _ in EQUIVALENT)


def subjects():
    """(name, function to mutate, its caller) for everything the laws reach."""
    for method in METHODS:
        if method.name not in NOT_A_FUNCTION_OF_OURS:
            fn = find(OURS, method.name)
            yield method.name, fn, None
    for helper, caller in HELPERS.items():
        yield helper.__name__, helper, caller


def with_helper(caller, helper):
    """The public function, calling another helper of the same name."""
    scope = {**caller.__globals__, helper.__name__: helper}
    twin = types.FunctionType(caller.__code__, scope, caller.__name__, caller.__defaults__)
    twin.__kwdefaults__ = caller.__kwdefaults__
    return twin


def survives(fn, method):
    """True if every law holds."""
    try:
        subject = Subject(fn, method, {"detach": "inside"})
    except CannotCall:
        return False
    for examples in (3, 60):
        for law in laws_for(method):
            with np.errstate(all="ignore"):
                verdict = judge(law, subject, repeatable_settings(examples, shrink=False))
            if verdict.status in (BROKEN, UNJUDGED):
                return False
    return True


def survivors(name, function, caller):
    """Descriptions of the mutants that no law kills, and how many mutants there are."""
    method = BY_NAME[caller or name]
    alive, count = [], 0
    for words, tree in mutants(function):
        try:
            mutant = compiled(tree, function)
        except (SyntaxError, TypeError):
            continue
        count += 1
        if caller:
            mutant = with_helper(find(OURS, caller), mutant)
        if survives(mutant, method):
            alive.append(words)
    return alive, count


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "function", "caller"), list(subjects()), ids=lambda v: getattr(v, "__name__", str(v))
)
def test_mutants_die_unless_they_are_equivalent(name, function, caller):
    alive, count = survivors(name, function, caller)
    unexplained = [words for words in alive if not is_equivalent(name, words)]
    assert len(unexplained) <= 0.02 * count, unexplained
