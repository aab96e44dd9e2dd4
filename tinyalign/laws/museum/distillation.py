"""Wrong distances of a student to its teacher."""

import autograd.numpy as np
from autograd.tracer import getval

from tinyalign.laws.museum.exhibit import Exhibit


def log_softmax(logits):
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def forward_kl_turned_round(logits, teacher_logits):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    return np.sum(np.exp(student) * (student - teacher), axis=-1)


def forward_kl_is_a_cross_entropy(logits, teacher_logits):
    return -np.sum(np.exp(log_softmax(teacher_logits)) * log_softmax(logits), axis=-1)


def forward_kl_mean_over_the_vocabulary(logits, teacher_logits):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    return np.mean(np.exp(teacher) * (teacher - student), axis=-1)


def forward_kl_of_the_likeliest_token(logits, teacher_logits):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    top = teacher == np.max(teacher, axis=-1, keepdims=True)
    return np.sum(np.where(top, np.exp(teacher) * (teacher - student), 0.0), axis=-1)


def reverse_kl_turned_round(logits, teacher_logits):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    return np.sum(np.exp(teacher) * (teacher - student), axis=-1)


def reverse_kl_student_weight_detached(logits, teacher_logits):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    return np.sum(np.exp(getval(student)) * (student - teacher), axis=-1)


def reverse_kl_of_raw_logits(logits, teacher_logits):
    return np.sum(np.exp(log_softmax(logits)) * (logits - teacher_logits), axis=-1)


def js_weights_exchanged(logits, teacher_logits, *, beta):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    mixture = np.log((1 - beta) * np.exp(teacher) + beta * np.exp(student))
    to_teacher = np.sum(np.exp(teacher) * (teacher - mixture), axis=-1)
    to_student = np.sum(np.exp(student) * (student - mixture), axis=-1)
    return (1 - beta) * to_teacher + beta * to_student


def js_mixture_of_log_probabilities(logits, teacher_logits, *, beta):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    mixture = log_softmax(beta * teacher + (1 - beta) * student)
    to_teacher = np.sum(np.exp(teacher) * (teacher - mixture), axis=-1)
    to_student = np.sum(np.exp(student) * (student - mixture), axis=-1)
    return beta * to_teacher + (1 - beta) * to_student


def js_always_half(logits, teacher_logits, *, beta):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    mixture = np.log((np.exp(teacher) + np.exp(student)) / 2)
    to_teacher = np.sum(np.exp(teacher) * (teacher - mixture), axis=-1)
    to_student = np.sum(np.exp(student) * (student - mixture), axis=-1)
    return (to_teacher + to_student) / 2


def js_to_the_mixture_only(logits, teacher_logits, *, beta):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    mixture = np.log(beta * np.exp(teacher) + (1 - beta) * np.exp(student))
    return beta * np.sum(np.exp(teacher) * (teacher - mixture), axis=-1)


def js_mixture_exchanged(logits, teacher_logits, *, beta):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    mixture = np.log((1 - beta) * np.exp(teacher) + beta * np.exp(student))
    to_teacher = np.sum(np.exp(teacher) * (teacher - mixture), axis=-1)
    to_student = np.sum(np.exp(student) * (student - mixture), axis=-1)
    return beta * to_teacher + (1 - beta) * to_student


def js_from_the_mixture(logits, teacher_logits, *, beta):
    student, teacher = log_softmax(logits), log_softmax(teacher_logits)
    mixture = np.log(beta * np.exp(teacher) + (1 - beta) * np.exp(student))
    from_teacher = np.sum(np.exp(mixture) * (mixture - teacher), axis=-1)
    from_student = np.sum(np.exp(mixture) * (mixture - student), axis=-1)
    return beta * from_teacher + (1 - beta) * from_student


E = Exhibit
EXHIBITS = [
    E(forward_kl_turned_round, "forward_kl", "the reverse KL under the name of the forward one",
      "torch.nn.functional.kl_div takes the student first and is KL(target ‖ input)"),
    E(forward_kl_is_a_cross_entropy, "forward_kl", "the teacher's entropy is missing"),
    E(forward_kl_mean_over_the_vocabulary, "forward_kl", "averaged over the vocabulary, not summed",
      "torch.nn.functional.kl_div with its default reduction"),
    E(forward_kl_of_the_likeliest_token, "forward_kl", "only the teacher's likeliest token"),
    E(reverse_kl_turned_round, "reverse_kl", "the forward KL under the name of the reverse one"),
    E(reverse_kl_student_weight_detached, "reverse_kl",
      "the student's weight is a constant: the expected slope of k1 as a loss, which is 0"),
    E(reverse_kl_of_raw_logits, "reverse_kl", "logits where log-probabilities are meant"),
    E(js_weights_exchanged, "generalized_js", "beta weighs the student in place of the teacher"),
    E(js_mixture_of_log_probabilities, "generalized_js", "a mixture of log-probabilities"),
    E(js_always_half, "generalized_js", "½ whatever beta says"),
    E(js_to_the_mixture_only, "generalized_js", "the student's half is missing"),
    E(js_mixture_exchanged, "generalized_js", "beta weighs the student in the mixture alone"),
    E(js_from_the_mixture, "generalized_js",
      "KL(mixture ‖ each) where KL(each ‖ mixture) is meant"),
]  # fmt: skip
