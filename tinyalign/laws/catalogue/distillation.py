"""Distances of a student to its teacher at one prefix: forward KL, reverse KL, Jensen–Shannon.

x is (logits, teacher_logits), one row of logits a prefix.
"""

import numpy as np

from tinyalign.laws.catalogue.divergence import POSITIVE, ZERO, kl, logit_shift_cancels
from tinyalign.laws.catalogue.domain import floats, log_softmax
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import (
    assert_at_most,
    assert_close,
    assert_slope_close,
    law,
    rounding,
)


def both_logp(x):
    """Log-probabilities of student and teacher."""
    return log_softmax(x[0]), log_softmax(x[1])


def slope_is_student_minus_teacher(loss, x, p):
    """its slope in the student's logits is student minus teacher"""
    student, teacher = both_logp(x)
    assert_slope_close(loss.grad(x, 0, **p), np.exp(student) - np.exp(teacher))


def slope_weighs_by_the_student(loss, x, p):
    """its slope in the student's logits is student · (log-ratio - its mean)"""
    student, teacher = both_logp(x)
    ratio = student - teacher
    wanted = np.exp(student) * (ratio - kl(student, teacher)[..., None])
    assert_slope_close(loss.grad(x, 0, **p), wanted)


def forward_kl_formula(loss, x, p):
    """Σ teacher · (log teacher - log student) over the last axis"""
    student, teacher = both_logp(x)
    assert_close(loss(*x, **p), kl(teacher, student))


def reverse_kl_formula(loss, x, p):
    """Σ student · (log student - log teacher) over the last axis"""
    student, teacher = both_logp(x)
    assert_close(loss(*x, **p), kl(student, teacher))


def never_above_log_two(loss, x, p):
    """at most log 2, however far apart the two are"""
    apart = (x[0] + 50.0 * np.cos(np.arange(x[0].shape[-1])), x[1])
    for at in (x, apart):
        assert_at_most(loss(*at, **p), np.log(2.0))


def exchange_mirrors_beta(loss, x, p):
    """student and teacher exchanged are 1 - beta in place of beta"""
    assert_close(loss(x[1], x[0], **(p | {"beta": 1 - p["beta"]})), loss(*x, **p))


def small_beta_is_the_forward_kl(loss, x, p):
    """for a small beta it is beta times the forward KL"""
    # moderate logits: the next term is of order beta times their ratio
    near = (0.2 * x[0], 0.2 * x[1])
    student, teacher = both_logp(near)
    # in float32 a beta of 1e-6 leaves no digits of the KL
    beta = rounding(1e-6, 1e-3)
    got = loss(*near, **(p | {"beta": beta})) / beta
    assert_close(got, kl(teacher, student), tolerance=rounding(1e-4, 5e-2))


def jensen_shannon_formula(loss, x, p):
    """beta · KL(teacher ‖ mixture) + (1 - beta) · KL(student ‖ mixture)"""
    student, teacher = both_logp(x)
    beta = p["beta"]
    mixture = np.log(beta * np.exp(teacher) + (1 - beta) * np.exp(student))
    wanted = beta * kl(teacher, mixture) + (1 - beta) * kl(student, mixture)
    assert_close(loss(*x, **p), wanted)


SHIFT = law(logit_shift_cancels, "P1", c=floats(-50.0, 50.0))
FORWARD = example_laws(
    ZERO,
    POSITIVE,
    SHIFT,
    law(forward_kl_formula, "KD1"),
    law(slope_is_student_minus_teacher, "KD2"),
)
REVERSE = example_laws(
    ZERO,
    POSITIVE,
    SHIFT,
    law(reverse_kl_formula, "KD3"),
    law(slope_weighs_by_the_student, "KD4"),
)
JENSEN_SHANNON = example_laws(
    ZERO,
    POSITIVE,
    SHIFT,
    law(never_above_log_two, "KD5"),
    law(exchange_mirrors_beta, "KD6"),
    law(small_beta_is_the_forward_kl, "KD7"),
    law(jensen_shannon_formula, "KD8"),
)
