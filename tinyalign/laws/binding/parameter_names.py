"""What a parameter's name gives away: whether it is an array, a setting or a mask."""

import inspect
import re

# what our arrays hold, for the sentence that asks for one
HOLDS = {
    "chosen_logp": "log-probability of the chosen answer",
    "rejected_logp": "log-probability of the rejected answer",
    "ref_chosen_logp": "chosen answer's log-probability under the reference",
    "ref_rejected_logp": "rejected answer's log-probability under the reference",
    "chosen_avg_logp": "chosen answer's log-probability per token",
    "rejected_avg_logp": "rejected answer's log-probability per token",
    "chosen_nll": "negative log-likelihood of the chosen answer",
    "sft_nll": "negative log-likelihood of a demonstration",
    "gold_nll": "negative log-likelihood of the gold answer",
    "best_nll": "negative log-likelihood of the best answer",
    "logp": "log-probability under the policy",
    "ref_logp": "log-probability under the reference",
    "old_logp": "log-probability under the policy that sampled",
    "desirable": "thumb up (True) or down of each answer",
    "z0": "reference point, one number for the batch",
    "advantage": "advantage of each token",
    "reward": "reward of each answer or token",
    "mask": "mask, 1 where a token counts",
    "value": "critic's value of each token",
    "old_value": "critic's value when the tokens were sampled",
    "returns": "return from each token on",
}
SETTING = re.compile(
    "beta|lam|lambda|lmbda|alpha|gamma|eps|epsilon|tau|temperature|clip|cliprange|coeff?|smoothing"
    "|ddof|reduction|discounts?"
)
# matched against each part of a name: chosen_logps is chosen and logps
ARRAY = re.compile(
    "log(p|prob|it)s?|lps?|adv(antage)?s?|masks?|rewards?|ref|reference|chosen|rejected|policy|old"
    "|ids|tokens|labels|nll|returns|values?|z|ratios?|scores?|probs|desirable|win|lose"
)
WEIGHTS = ("weight", "coef", "coeff", "coefficient", "alpha")
# what trainers call the mask over completion tokens
MASKS = ("mask", "completion_mask", "response_mask", "loss_mask", "action_mask", "attention_mask")


def parts(name):
    return re.split(r"[_\d]+", name.lower())


def names_setting(name):
    """Whether a parameter of this name is a number in everybody's code."""
    return any(SETTING.fullmatch(part) for part in parts(name))


def weighs_kl(name):
    """Whether it is the number that a KL term is multiplied by: beta, kl_coef, kl_weight."""
    words = set(parts(name))
    return words == {"beta"} or ("kl" in words and bool({"beta", *WEIGHTS} & words))


def names_array(name):
    """Whether a parameter of this name is an array, and can be no setting."""
    words = parts(name)
    # logp_weight is a number although it has logp in it
    number = names_setting(name) or "weight" in words
    return any(ARRAY.fullmatch(word) for word in words) and not number


def is_setting(parameter, arrays):
    """Whether a parameter must not be given an array: by its default or by its name."""
    if parameter.name in arrays:
        return False
    # a default that is a number or a word settles it
    if isinstance(parameter.default, bool | int | float | str):
        return True
    ours_too = any(names_setting(a) for a in arrays)  # the array of `adaptive_beta` is beta
    return names_setting(parameter.name) and not ours_too


def is_mask(parameter, arrays):
    """Whether it is a mask that none of our arrays is: one that must be given, or may be."""
    name, optional = parameter.name, parameter.default is None
    if not names_mask(name) or name in arrays:
        return False
    # one over the whole text does not fit the answers' tokens
    return parameter.default is inspect.Parameter.empty or (optional and name != "attention_mask")


def names_mask(name):
    """Whether it is 1 where a token counts; of padding a mask mostly says the contrary."""
    words = set(parts(name))
    return bool(words & {"mask", "masks"}) and not words & {"pad", "padding"}


def describe(name):
    """An array's name with what it holds."""
    return f"{name}, the {HOLDS[name]}" if name in HOLDS else name
