"""What others hand over in place of our arrays: a ratio, one batch of pairs, targets, a teacher."""

import json

import numpy as np
import pytest

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.check.case import understand
from tinyalign.laws.check.command import check_here
from tinyalign.laws.check.loading import load
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.reading.probes import is_right

SOFT = "np.logaddexp(0, -beta * ({}))"
PPO = "-np.minimum(ratio * adv, np.clip(ratio, 1 - eps, 1 + eps) * adv)"
PAIRS = """
    logp, ref = (lp * mask).sum(1), (ref_lp * mask).sum(1)
    half = len(logp) // 2
    gap = logp[:half] - logp[half:] - ref[:half] + ref[half:]
"""
SOFTMAX = "def log_softmax(x):\n    return x - np.logaddexp.reduce(x, -1, keepdims=True)\n"
LAWFUL = {
    "ratio": ("clipped_surrogate", f"def loss(ratio, adv, eps):\n    return {PPO}\n"),
    "log_ratio": (
        "clipped_surrogate",
        f"def loss(log_ratio, adv, eps):\n    ratio = np.exp(log_ratio)\n    return {PPO}\n",
    ),
    "halves": (
        "dpo",
        f"def loss(ref_lp, lp, mask, beta):{PAIRS}    return {SOFT.format('gap')}.mean()\n",
    ),
    "targets": (
        "simpo",
        "def loss(chosen, rejected, target, beta, gamma):\n"
        f"    return ({SOFT.format('chosen - rejected - gamma / beta')}).sum()"
        " / (target.shape[0] // 2)\n",
    ),
    "self_play": (
        "dpo",
        "def loss(policy_generated, policy_real, opponent_generated, opponent_real, beta):\n"
        "    gap = policy_real - policy_generated - opponent_real + opponent_generated\n"
        f"    return {SOFT.format('gap')}\n",
    ),
    "by_keyword": (
        "hinge",
        "def loss(*, rejected_logps, chosen_logps, ref_rejected_logps, ref_chosen_logps, beta):\n"
        "    gap = chosen_logps - rejected_logps - ref_chosen_logps + ref_rejected_logps\n"
        "    return np.maximum(0, 1 - beta * gap)\n",
    ),
    "without_likelihood": (
        "cpo",
        "def loss(chosen_logps, rejected_logps, beta):\n"
        f"    return {SOFT.format('chosen_logps - rejected_logps')}.mean()\n",
    ),
    "three_axes": (
        "entropy",
        f"{SOFTMAX}def loss(logits):\n    rows, tokens, words = logits.shape\n"
        "    logp = log_softmax(logits)\n    return -(np.exp(logp) * logp).sum(-1)\n",
    ),
    "mean_of_entropies": (
        "entropy",
        f"{SOFTMAX}def loss(logits):\n    logp = log_softmax(logits)\n"
        "    return -(np.exp(logp) * logp).sum(-1).mean()\n",
    ),
    "list_of_answers": (
        "group_center",
        "def loss(rewards, group_size):\n    out = []\n"
        "    for i in range(0, len(rewards), group_size):\n"
        "        group = list(rewards[i : i + group_size])\n"
        "        out.extend(r - sum(group) / len(group) for r in group)\n    return out\n",
    ),
}


def judged(tmp_path, capsys, source, method):
    path = tmp_path / "mine.py"
    path.write_text("import numpy as np\n" + source)
    capsys.readouterr()
    status = check_here(f"{path}:loss", method, as_json=True, examples=4)
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWFUL)
def test_it_is_given_what_it_takes(tmp_path, capsys, name):
    method, source = LAWFUL[name]
    status, report = judged(tmp_path, capsys, source, method)
    assert status == 0, report


def is_right_as(source, method, **conventions):
    scope = {"np": np}
    exec(source, scope)
    return is_right(Subject(scope["loss"], find_spec(method), conventions))


@pytest.mark.parametrize("name", ["ratio", "log_ratio", "self_play", "by_keyword"])
def test_its_values_are_right(name):
    method, source = LAWFUL[name]
    assert is_right_as(source, method)


@pytest.mark.parametrize("name", ["halves", "targets", "mean_of_entropies"])
def test_the_mean_of_its_values_is_right(tmp_path, name):
    """The source of a function in a file can be read: shapes are."""
    method, source = LAWFUL[name]
    (tmp_path / "mine.py").write_text("import numpy as np\n" + source)
    fn, _, _ = load(f"{tmp_path / 'mine.py'}:loss")
    assert is_right(Subject(fn, find_spec(method), {"reduction": "mean"}))


def test_logits_of_three_axes():
    method, source = LAWFUL["three_axes"]
    assert is_right_as(source, method, logits_per="token")


def test_a_mistake_in_it_is_found():
    method, source = LAWFUL["ratio"]
    assert not is_right_as(source.replace("np.minimum", "np.maximum"), method)


def test_p_beside_q_says_nothing():
    """k3(p, q) is right with p for the reference: which is which only a name can tell."""

    def k3(log_p, log_q):
        return np.expm1(log_p - log_q) - (log_p - log_q)

    with pytest.raises(CannotCall, match="the names log_q, log_p say nothing"):
        understand(k3, find_spec("k3"), {}, {"framework": "numpy"})


def test_a_reward_at_the_last_of_the_tokens_in_front():
    def shaped(score, logp, ref_logp, mask, beta):
        rewards = -beta * (logp - ref_logp) * mask
        rewards[np.arange(len(score)), mask.sum(1).astype(int) - 1] += score
        return rewards

    assert not is_right(Subject(shaped, find_spec("kl_shaped_reward"), {}))
    assert is_right(Subject(shaped, find_spec("kl_shaped_reward"), {"tokens": "front"}))


def test_the_first_of_p_and_q_is_the_first_where_that_is_right():
    def k1(p_logprobs, q_logprobs):
        return p_logprobs - q_logprobs

    assert is_right(Subject(k1, find_spec("k1"), {}))


def test_a_mean_of_log_probs_is_told_and_no_sum():
    def mean_logp(logits, ids, prompt_length, length):
        logp = logits - np.logaddexp.reduce(logits, -1, keepdims=True)
        place = np.arange(1, ids.shape[1])
        taken = np.take_along_axis(logp[:, :-1], ids[:, 1:, None], 2)[..., 0]
        inside = (place >= prompt_length[:, None]) & (place < length[:, None])
        return (taken * inside).sum(1) / np.maximum(inside.sum(1), 1)

    assert not is_right(Subject(mean_logp, find_spec("sequence_logp"), {}))
    assert is_right(Subject(mean_logp, find_spec("sequence_logp"), {"logp_per": "token"}))


def test_a_masked_sum_over_everything_is_a_sum_of_sums_of_rows():
    def total(x, mask):
        return (x * mask).sum()

    assert is_right(Subject(total, find_spec("masked_sum"), {"reduction": "sum"}))


def test_a_discount_a_step_is_no_mask_and_no_number():
    def gae(r_t, discount_t, lambda_, values):
        return r_t * discount_t + lambda_ * values

    with pytest.raises(CannotCall, match="also needs discount_t"):
        Subject(gae, find_spec("gae"), {})
