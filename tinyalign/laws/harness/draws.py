"""The inputs that laws are tried on: drawn once for all laws of a method.

Hypothesis takes longer to draw a small table than a loss takes to answer it, and what it draws for
one law of a method is as good for the next.
"""

import contextlib
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

QUIET = list(HealthCheck)
SHARED = 120  # so many are drawn wherever half as many are asked for: the probes are among them
STRIDE = 7919  # a prime, so that all of them have their turn
_kept = {}  # (id of a source, how many) -> (the source, what was drawn)


def repeatable_settings(max_examples=100, shrink=True):
    """Settings for a verdict that is the same tomorrow: no database, no clock, no chance."""
    # no reuse: there is no database to reuse from
    phases = [Phase.explicit, Phase.generate] + ([Phase.shrink] if shrink else [])
    return settings(
        max_examples=max_examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=QUIET,
        report_multiple_bugs=False,
        print_blob=False,
    )


def inputs_of(spec, count):
    """(arrays, numbers) for a method, the same every time; methods of one kind share the arrays."""
    wanted = max(count, SHARED) if count > SHARED // 2 else count
    arrays = drawn(spec.draw, lambda draw: draw, wanted)[:count]
    numbers = drawn(spec.numbers, st.fixed_dictionaries, wanted)
    return [(x, _another(numbers, i)) for i, x in enumerate(arrays)]


def _another(drawn_values, i):
    """One of them for the i-th input: the simplest come first in both, and not always together."""
    return drawn_values[(STRIDE * i + 3) % len(drawn_values)]


def extras_of(statement, count):
    """What else a law wants, by name."""
    return drawn(statement.extras, st.fixed_dictionaries, count)


def drawn(source, strategy_of, count):
    """What Hypothesis draws from the strategy of a source: so many, or all that there are."""
    if (id(source), count) not in _kept:
        found = []

        # Hypothesis seeds its draws by the source of this function: a change there changes them
        @repeatable_settings(count, shrink=False)
        @given(strategy_of(source))
        def collect(values):
            found.append(values)

        with no_constants_of_code():
            collect()
        _kept[id(source), count] = source, found[:count]
    return _kept[id(source), count][1]


@contextlib.contextmanager
def no_constants_of_code():
    """Without the numbers that Hypothesis reads from the code of whatever modules are loaded.

    They are local ones, of this package or of the user: a verdict would depend on what else was
    imported before, and on how the package was installed.
    """
    cache = getattr(providers, "CONSTANTS_CACHE", None)
    if cache is None or not hasattr(providers, "_get_local_constants"):
        yield  # neither name is public: a version without them draws as it does
        return
    empty = {"_get_local_constants": providers.Constants, "CONSTANTS_CACHE": type(cache)(1024)}
    with mock.patch.multiple(providers, **empty):
        yield


def examples_of(law, count):
    """What the law is tried on: arrays and numbers, and its extras beside them."""
    inputs, extras = inputs_of(law.spec, count), extras_of(law.statement, count)
    for i, (x, p) in enumerate(inputs):
        yield x, p, _another(extras, i)
