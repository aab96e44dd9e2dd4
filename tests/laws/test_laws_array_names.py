"""What the name of an array says: a mask, the new beside the old, the engine that drew."""

import pytest

from tinyalign.laws.binding.parameter_names import names_mask
from tinyalign.laws.binding.roles import match_by_name


@pytest.mark.parametrize("name", ["mask", "eos_mask", "gen_masks", "loss_mask", "mask_tokens"])
def test_a_mask_is_known_by_its_name(name):
    assert names_mask(name)


@pytest.mark.parametrize("name", ["padding_mask", "pad_mask", "advantages", "masked"])
def test_a_mask_of_padding_says_the_contrary(name):
    assert not names_mask(name)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("newlogprob", "mb_logprobs"),
        ("new_log_probs", "log_probs"),
        ("logprobs", "oldlogprobs"),
        ("current_logps", "logps"),
    ],
)
def test_beside_a_new_one_stands_the_old(new, old):
    arrays = ("logp", "old_logp", "advantage")
    assert match_by_name(arrays, [old, new]) == {"logp": new, "old_logp": old}


@pytest.mark.parametrize(
    ("arrays", "names"),
    [
        ("old_logp rollout_logp", "train_logprobs rollout_logprobs"),
        ("old_logp rollout_logp", "logps vllm_logps"),
        ("old_logp rollout_logp", "old_log_prob rollout_log_prob"),
        ("old_logp rollout_logp", "learner_logp behavior_logp"),
        ("logp proximal_logp old_logp", "log_prob old_log_prob rollout_log_prob"),
        ("logp proximal_logp old_logp", "logprobs prox_logprobs behav_logprobs"),
        ("logp proximal_logp old_logp", "logps proximal_logps old_logps"),
    ],
)
def test_what_the_tokens_were_drawn_with_is_told_apart(arrays, names):
    arrays, names = arrays.split(), names.split()
    assert match_by_name(arrays, names[::-1]) == dict(zip(arrays, names, strict=True))
