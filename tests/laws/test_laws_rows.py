"""Rows in other forms: KTO's two sides, its own z0, two log-probs for a ratio, tokens and masks."""

import autograd.numpy as anp
import numpy as np
import pytest

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.case import excuses, understand
from tinyalign.laws.check.report import examine
from tinyalign.laws.check.sentences import array_assumptions
from tinyalign.laws.diagnosis.examples import where_wrong
from tinyalign.laws.diagnosis.mixed_rows import how_rows_mix
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.reading.probes import fitted_probes, is_right


def understood(fn, name):
    how = {"framework": "numpy", "dtype": "float64", "label": fn.__name__}
    return understand(fn, BY_NAME[name], {}, how)


def examined(fn, name):
    return examine(fn, BY_NAME[name], {}, setting=repeatable_settings(4, shrink=False))


def sigmoid(x):
    return 0.5 + 0.5 * anp.tanh(x / 2)


def softplus(x):
    return anp.logaddexp(0, x)


def sides(
    policy_chosen_logps, policy_rejected_logps, policy_KL_logps,
    reference_chosen_logps, reference_rejected_logps, reference_KL_logps, beta=0.1,
):  # fmt: skip
    kl = np.maximum(np.mean(policy_KL_logps - reference_KL_logps), 0)
    up = sigmoid(-beta * (policy_chosen_logps - reference_chosen_logps - kl))
    down = sigmoid(beta * (policy_rejected_logps - reference_rejected_logps - kl))
    return anp.concatenate([up, down])


def mean_of_sides(chosen_logps, rejected_logps, ref_chosen_logps, ref_rejected_logps, kl, beta=0.1):
    up = sigmoid(-beta * (chosen_logps - ref_chosen_logps - kl))
    down = sigmoid(beta * (rejected_logps - ref_rejected_logps - kl))
    return anp.mean(anp.concatenate([up, down])), {"up": up}


def numbers_for_labels(logp, ref_logp, labels, kl, beta=0.1):
    z = beta * (logp - ref_logp - kl)
    return labels * sigmoid(-z) + (1 - labels) * sigmoid(z) + 0 * np.sqrt(labels)


def signs_for_labels(logps, ref_logps, sign, kl, beta=0.1):
    return sigmoid(-sign * beta * (logps - ref_logps - kl))


def kl_before_labels(kl, logps, ref_logps, labels, beta=0.1):
    z = beta * (logps - ref_logps - kl)
    return anp.where(labels, sigmoid(-z), sigmoid(z))


def list_of_two(policy_logps, ref_logps, scores, beta=0.01, alpha=1.0):
    logits = beta * (policy_logps - ref_logps)
    target = np.exp(scores / alpha - np.max(scores / alpha, -1, keepdims=True))
    target = target / np.sum(target, -1, keepdims=True)
    top = anp.max(logits, -1, keepdims=True)
    normal = top + anp.log(anp.sum(anp.exp(logits - top), -1, keepdims=True))
    return -anp.mean(anp.sum(target * (logits - normal), -1))


def tokens(logps_w, logps_l, ref_logps_w, ref_logps_l, mask_w, mask_l, beta=0.1):
    chosen = anp.sum((logps_w - ref_logps_w) * mask_w, -1)
    return softplus(-beta * (chosen - anp.sum((logps_l - ref_logps_l) * mask_l, -1)))


def tokens_by_truth_values(
    chosen_logps, rejected_logps, ref_chosen_logps, ref_rejected_logps,
    chosen_mask, rejected_mask, beta=0.1,
):  # fmt: skip
    chosen = anp.where(~chosen_mask, 0.0, chosen_logps - ref_chosen_logps)
    rejected = anp.where(~rejected_mask, 0.0, rejected_logps - ref_rejected_logps)
    return softplus(-beta * (anp.sum(chosen, -1) - anp.sum(rejected, -1)))


def tokens_on_average(chosen_logps, rejected_logps, chosen_mask, rejected_mask, beta=2.5):
    chosen = anp.sum(chosen_logps * chosen_mask, -1) / np.sum(chosen_mask, -1)
    rejected = anp.sum(rejected_logps * rejected_mask, -1) / np.sum(rejected_mask, -1)
    return softplus(1.375 - beta * (chosen - rejected))


@pytest.mark.parametrize(
    ("fn", "name", "said"),
    [
        (sides, "kto", "z0 is given as policy_KL_logps and reference_KL_logps"),
        (mean_of_sides, "kto", "chosen_logps is given the answers with a thumb up"),
        (numbers_for_labels, "kto", "labels as desirable, kl as z0"),
        pytest.param(signs_for_labels, "kto", "labels of ±1", marks=pytest.mark.slow),
        pytest.param(
            kl_before_labels, "kto", "labels as desirable, kl as z0", marks=pytest.mark.slow
        ),
        (list_of_two, "infonca", "log_ratio is given as policy_logps - ref_logps"),
        (tokens, "dpo", "where mask_w and mask_l are 1, their sum"),
        pytest.param(
            tokens_by_truth_values,
            "dpo",
            "where chosen_mask and rejected_mask are 1",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            tokens_on_average,
            "simpo",
            "their mean is the answer's",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_right_function_in_another_form_is_right(fn, name, said):
    case = understood(fn, name)
    assert is_right(case.subject(), 1e-12)
    assert said in " ".join([*array_assumptions(case.subject()), *case.notes])


@pytest.mark.slow
@pytest.mark.parametrize(("fn", "name"), [(sides, "kto"), (list_of_two, "infonca")])
def test_its_laws_hold(fn, name):
    report = examined(fn, name)
    assert report.exit_code == 0, [(v.law.name, v.message) for v in report.broken]


def without_reference(policy_logps, ref_logps, scores, beta=0.01, alpha=1.0):
    return list_of_two(policy_logps, 0 * ref_logps, scores, beta, alpha)


def padding_counts(logps_w, logps_l, ref_logps_w, ref_logps_l, mask_w, mask_l, beta=0.1):
    ones = np.ones_like(mask_w)
    return tokens(logps_w, logps_l, ref_logps_w, ref_logps_l, ones, mask_l, beta)


def sides_swapped(chosen_logps, rejected_logps, ref_chosen_logps, ref_rejected_logps, kl, beta=0.1):
    return mean_of_sides(rejected_logps, chosen_logps, ref_rejected_logps, ref_chosen_logps, kl)[0]


@pytest.mark.parametrize(
    ("fn", "name"),
    [(without_reference, "infonca"), (padding_counts, "dpo"), (sides_swapped, "kto")],
)
def test_a_wrong_function_in_another_form_is_wrong(fn, name):
    assert not is_right(understood(fn, name).subject())


def bco_of_its_batch(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta=0.1):
    chosen, rejected = beta * (policy_chosen - ref_chosen), beta * (policy_rejected - ref_rejected)
    delta = (anp.mean(chosen) + anp.mean(rejected)) / 2
    return anp.mean(softplus(delta - chosen) + softplus(rejected - delta))


def test_a_delta_worked_out_from_the_batch_is_told():
    with pytest.raises(CannotCall, match=r"works δ out from its batch.*flows through δ"):
        understood(bco_of_its_batch, "bco")


def cdpo_added(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=0.1, flip=0.0):
    z = beta * (chosen_logp - rejected_logp - ref_chosen_logp + ref_rejected_logp)
    return softplus(-z) + flip * softplus(z)


def test_it_is_no_other_method_that_lacks_a_number_of_its_own():
    assert excuses(understood(cdpo_added, "robust_dpo")) is None


def ipo_at_tau(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, tau=0.1):
    return (chosen_logp - rejected_logp - ref_chosen_logp + ref_rejected_logp - tau) ** 2


def test_a_target_of_tau_itself_is_no_ipo_unless_that_is_declared():
    assert not is_right(understood(ipo_at_tau, "ipo").subject())
    assert excuses(understood(ipo_at_tau, "ipo")).changed == {"tau_means": "target"}


def with_a_column(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=0.1):
    reference = (ref_chosen_logp - ref_rejected_logp)[:, None]
    return np.mean(softplus(-beta * (chosen_logp - rejected_logp - reference)))


def of_the_mean(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=0.1):
    return softplus(
        -beta * np.mean(chosen_logp - rejected_logp - ref_chosen_logp + ref_rejected_logp)
    )


def of_one_row(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, beta=0.1):
    for each in zip(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, strict=True):
        loss = softplus(-beta * (each[0] - each[1] - each[2] + each[3]))
    return loss


def of_each_label(logp, ref_logp, desirable, z0, beta=0.1):
    loss = kl_before_labels(z0, logp, ref_logp, desirable, beta)
    return sum(np.mean(loss[side]) for side in (desirable, ~desirable) if np.any(side))


@pytest.mark.parametrize(
    ("fn", "name", "said"),
    [
        (with_a_column, "dpo", "ref_chosen_logp and ref_rejected_logp with every row of the other"),
        (of_the_mean, "dpo", "mean over the batch first"),
        (of_one_row, "dpo", "last row alone"),
        (of_each_label, "kto", "adds the means of the two labels"),
    ],
)
def test_one_number_that_is_no_mean_is_explained(fn, name, said):
    case = understood(fn, name)
    assert said in how_rows_mix(case.subject())
    assert "declared;" not in case.reduced.sentence


def subtracts_in_place(policy_logps, ref_logps, scores, beta=0.01, alpha=1.0):
    policy_logps -= ref_logps
    return list_of_two(policy_logps, 0 * ref_logps, scores, beta, alpha)


def labels_in_place(logits, labels):
    counts = labels[:, 1:] != -100
    labels[labels == -100] = 0
    top = logits - np.logaddexp.reduce(logits, -1, keepdims=True)
    taken = np.take_along_axis(top[:, :-1], labels[:, 1:, None], -1)[..., 0]
    return np.sum(taken * counts, -1)


def batch_in_place(batch, beta=0.1):
    batch["chosen_logp"] -= batch["ref_chosen_logp"]
    margin = batch["chosen_logp"] - batch["rejected_logp"] + batch["ref_rejected_logp"]
    return softplus(-beta * margin)


@pytest.mark.parametrize(
    ("fn", "name", "writes"),
    [
        (subtracts_in_place, "infonca", True),
        pytest.param(labels_in_place, "sequence_logp", True, marks=pytest.mark.slow),
        (batch_in_place, "dpo", True),
        (list_of_two, "infonca", False),
        (tokens, "dpo", False),
    ],
)
def test_what_overwrites_its_inputs_in_another_form_is_seen(fn, name, writes):
    subject = understood(fn, name).subject()
    x, p = fitted_probes(subject)[0]
    assert subject.mutates_inputs(*x, **p) == writes


def one_side_after_the_other(chosen, rejected, ref_chosen, ref_rejected, delta, beta=0.1):
    up, down = beta * (chosen - ref_chosen), beta * (rejected - ref_rejected)
    return anp.concatenate([softplus(delta - up), softplus(down - delta)]), up


def test_losses_of_both_sides_in_one_row_are_added():
    subject = understood(one_side_after_the_other, "bco").subject()
    assert is_right(subject)
    assert "one after the other, are added" in " ".join(array_assumptions(subject))


def bco_with_a_sign(chosen, rejected, ref_chosen, ref_rejected, beta=0.1, delta=0.0):
    up, down = beta * (chosen - ref_chosen), beta * (rejected - ref_rejected)
    return softplus(delta - up) + softplus(down + delta)


def test_what_a_number_decides_is_said_of_no_array():
    assert where_wrong(understood(bco_with_a_sign, "bco").subject(), []) == ""


def ipo_on_average(logps_w, logps_l, ref_logps_w, ref_logps_l, mask_w, mask_l, tau=0.1):
    sides = ((logps_w - ref_logps_w, mask_w), (logps_l - ref_logps_l, mask_l))
    chosen, rejected = [anp.sum(h * mask, -1) / np.sum(mask, -1) for h, mask in sides]
    return (chosen - rejected - 1 / (2 * tau)) ** 2


def test_ipo_may_average_over_tokens():
    case = understood(ipo_on_average, "ipo")
    assert is_right(case.subject())
    assert "the mean over tokens, as TRL and HALOs do (over_tokens=mean)" in " ".join(case.notes)


def test_the_mean_likelihood_of_a_batch_is_read_and_said():
    def cpo_loss(chosen, rejected, nll_loss, beta=0.1, alpha=1.0):
        return np.logaddexp(0, -beta * (chosen - rejected)).mean() + alpha * nll_loss

    setting = repeatable_settings(5, shrink=False)
    report = examine(cpo_loss, BY_NAME["cpo"], {}, setting=setting)
    assert report.exit_code == 0
    assert any("nll_per=batch" in note for note in report.notes)
