"""On which examples a function is wrong: on one side of a border, or only several together."""

from itertools import permutations

import numpy as np

from tinyalign.laws.catalogue.general import BATCH, PURE
from tinyalign.laws.diagnosis.their_name import their_name
from tinyalign.laws.outcomes import Broken, NotApplicable
from tinyalign.laws.reading.probes import fitted_probes, right_value, value_at
from tinyalign.laws.reading.reduction import is_pile_of_examples

CLOSE = {"rtol": 1e-4, "atol": 1e-6}


def nan_sentences(subject):
    """What is said of a NaN for a row without tokens, where nobody says whether such rows come."""
    if subject.conventions.get("empty_rows") != "none":
        return []
    (values, mask), p = fitted_probes(subject)[0]
    try:
        with np.errstate(all="ignore"):
            subject(values, np.concatenate([0 * mask[:1], mask[1:]]), **p)
    except (Broken, NotApplicable) as reason:
        if str(reason) == "gives nan":
            return [
                "A row without tokens gives NaN (huggingface/trl #3398): no bug if none comes; "
                "--convention empty_rows=some judges that too."
            ]
    return []


def writes_to_inputs(subject, broken):
    """Right, and the arrays that went in are others afterwards."""
    if [v.law.name for v in broken] != [PURE.name] or "writes" not in broken[0].message:
        return ""
    return "It writes to its inputs: sort, add or assign in a copy."


def wrong_axis(subject, broken):
    """(T,) from arrays (N, T), where (N,) is wanted."""
    shapes = [(np.shape(x[0]), _own_shape(subject, x, p)) for x, p in fitted_probes(subject)]
    telling = [(s, own) for s, own in shapes if len(s) == 2 and s[0] != s[1]]
    wanted = {subject.spec.shape(np.zeros((2, 3)))} if telling else set()
    if len(telling) < 3 or wanted != {(2,)} or any(own != s[1:] for s, own in telling):
        return ""
    return "It works along the wrong axis: arrays (N, T) give (T,), want (N,)."


def _own_shape(subject, x, p):
    """Of what the function itself gives."""
    try:
        return np.shape(subject.framework.receive(subject.caller.answer(x, p, subject.dtype)))
    except (Broken, NotApplicable):
        return None


def right_alone(subject, broken):
    """Right for every example by itself, and for several together not."""
    found = _examples(subject)
    # a sum where a mean was declared is said already
    together = any(v.law.name == BATCH.name for v in broken) and not is_pile_of_examples(subject)
    if not together or len(found) < 6 or any(bad for *_, bad in found):
        return ""
    return (
        "Each example by itself is right, and several together are not: look for a (B, 1) array "
        "beside a (B,) one, for an example that is left out, and for a mean, a sum or a softmax "
        "over the examples before the loss of each is formed."
    )


def where_wrong(subject, broken):
    """On one side of a border right, on the other wrong, at the same numbers."""
    found = _at_mixed_numbers(_examples(subject))
    wrong = np.array([bad for _, bad in found], dtype=bool)
    if np.sum(wrong) < 3 or np.sum(~wrong) < 3:
        return ""
    for words, holds in _borders(subject):
        side = np.array([holds(x) for x, _ in found], dtype=bool)
        # so near 0 that it does not show, it may be right there too; right elsewhere it has to be
        if np.all(side[wrong]) and np.mean(wrong[side]) > 0.8 and np.sum(~side) >= 3:
            return f"It is right elsewhere and wrong wherever {words}: look at what it does there."
    return ""


def _examples(subject):
    """(arrays of one example, its numbers, whether it is wrong there), over all probes."""
    if subject.spec.cells is None:
        return []
    pairs = []
    for x, p in fitted_probes(subject):
        for cell in subject.spec.cells(x):
            got, want = value_at(subject, cell, p), right_value(subject, cell, p)
            # nothing for nothing is right by accident
            telling = np.all(np.isfinite(want)) and np.any(np.abs(want) > 1e-6)
            if got is not None and telling:
                pairs.append((cell, repr(p), not np.allclose(got, want, **CLOSE)))
    return pairs


def _at_mixed_numbers(examples):
    """(arrays, whether it is wrong) for the numbers at which some are right and some are wrong.

    Where a number decides, such as a beta of 1 or a margin of 0, no array does.
    """
    verdicts = {}
    for _, numbers, bad in examples:
        verdicts.setdefault(numbers, set()).add(bad)
    return [(x, bad) for x, numbers, bad in examples if len(verdicts[numbers]) == 2]


def _borders(subject):
    """(in words, a test of an example) for the sign of each array, and for each two compared."""
    names = [their_name(subject, a) for a in subject.spec.arrays]
    for i, name in enumerate(names):
        yield f"{name} < 0", lambda x, i=i: np.all(x[i] < 0)
        yield f"{name} > 0", lambda x, i=i: np.all(x[i] > 0)
    shapes = [np.shape(a) for a in fitted_probes(subject)[0][0]]
    for i, j in permutations(range(len(names)), 2):
        if shapes[i] == shapes[j]:
            yield f"{names[i]} > {names[j]}", lambda x, i=i, j=j: np.all(x[i] > x[j])
