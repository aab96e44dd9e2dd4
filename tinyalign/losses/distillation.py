"""A student learns the next-token distributions of a teacher: three distances, token by token.

Which prefixes they are taken at is the caller's choice. At texts of the teacher the student learns
what to say after the teacher's words; at texts of its own, what to say after its own mistakes.
"""

import math

import autograd.numpy as np

from tinyalign.losses.divergence import exact_kl
from tinyalign.losses.numerics import log_softmax, require_in, where_counted


def forward_kl(logits, teacher_logits, *, mask=None):
    """Forward KL, teacher to student: Σ_v q_v·(log q_v − log p_v), p the student, q the teacher.

    logits, teacher_logits  (..., V) unnormalised log-probabilities of student and teacher at the
                            same prefixes; −∞ where a token is impossible
    mask                    (...) 1 for a completion token, 0 elsewhere, where the logits may be
                            anything, NaN included; None: every token counts
    returns                 (...) nats, ≥ 0; 0 where the mask is 0; ∞ where the student forbids a
                            token of the teacher
    raises                  ValueError if the shapes differ or the mask is not 0/1

    Differentiable in both arguments; a teacher that is a plain array gets no gradient.
    Optimum: the teacher. A student that cannot be the teacher covers everything the teacher says.
    Source: Hinton et al. 2015, arXiv:1503.02531; Agarwal et al. 2023, arXiv:2306.13649.
    Differs: the temperature is the caller's: divide both logits by it.
    """
    student, teacher = where_counted(mask, logits, teacher_logits)
    return exact_kl(teacher, student)


def reverse_kl(logits, teacher_logits, *, mask=None):
    """Reverse KL, student to teacher: Σ_v p_v·(log p_v − log q_v), p the student, q the teacher.

    logits, teacher_logits  (..., V) unnormalised log-probabilities of student and teacher at the
                            same prefixes; −∞ where a token is impossible
    mask                    (...) 1 for a completion token, 0 elsewhere, where the logits may be
                            anything, NaN included; None: every token counts
    returns                 (...) nats, ≥ 0; 0 where the mask is 0; ∞ where the teacher forbids a
                            token of the student
    raises                  ValueError if the shapes differ or the mask is not 0/1

    Differentiable in both arguments; a teacher that is a plain array gets no gradient. At samples
    of the student its sum over tokens estimates KL(student ‖ teacher) of whole texts, but as a loss
    it leaves out that a token decides which tokens come later.
    Optimum: the teacher. A student that cannot be the teacher avoids what the teacher never says.
    Source: Gu et al. 2023, arXiv:2306.08543; Agarwal et al. 2023, arXiv:2306.13649.
    Differs: Gu et al. have the KL to come in the gradient; here it is the caller's part.
    """
    student, teacher = where_counted(mask, logits, teacher_logits)
    return exact_kl(student, teacher)


def generalized_js(logits, teacher_logits, *, beta=0.5, mask=None):
    """Generalised Jensen–Shannon: β·KL(q ‖ m) + (1−β)·KL(p ‖ m), m = β·q + (1−β)·p.

    logits, teacher_logits  (..., V) unnormalised log-probabilities of student p and teacher q at
                            the same prefixes; −∞ where a token is impossible
    beta                    number in (0, 1), weight of the teacher; ½ treats both alike
    mask                    (...) 1 for a completion token, 0 elsewhere, where the logits may be
                            anything, NaN included; None: every token counts
    returns                 (...) nats, in [0, log 2]; 0 where the mask is 0
    raises                  ValueError if the shapes differ, beta is out of range or the mask is
                            not 0/1

    Divided by β it tends to the forward KL as β → 0, and divided by 1−β to the reverse KL as β → 1:
    itself it vanishes at both ends.
    Differentiable in both arguments; a teacher that is a plain array gets no gradient.
    Optimum: the teacher.
    Source: Agarwal et al. 2023, arXiv:2306.13649.
    Differs: TRL's GKD takes β = 0 as the forward and β = 1 as the reverse KL; here these two are
    functions of their own.
    """
    require_in("(0, 1)", beta=beta)
    student, teacher = map(log_softmax, where_counted(mask, logits, teacher_logits))
    possible = np.isfinite(student) | np.isfinite(teacher)  # log 0 has no slope
    weighted = (math.log1p(-beta) + student, math.log(beta) + teacher)
    both = np.logaddexp(*(np.where(possible, part, 0.0) for part in weighted))
    mixture = np.where(possible, both, -np.inf)
    return beta * exact_kl(teacher, mixture) + (1 - beta) * exact_kl(student, mixture)
