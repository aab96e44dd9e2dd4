"""How sure a figure is: 95 % intervals over seeds, over held-out problems, and of differences.

All random numbers come from a fixed seed, so the same results have the same intervals.
"""

import functools
import math
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
DRAWS = 10_000  # resamples of the seeds
ENOUGH = 5  # seeds before methods are ranked: five equal signs come by chance in 1 of 16


def bootstrap(values, level=LEVEL):
    """Percentile bootstrap interval of a mean, widened to Student's: (low, high).

    values  one number per seed; NaN is left out
    level   share of such intervals that contain the true mean
    returns the value twice for one seed, NaN twice for none

    The plain interval is too narrow for few seeds, 83 % in place of 95 % for five: resamples have
    (n − 1)/n of the data's variance, and normal tails where the mean of so few has Student's. So
    either side is stretched by t/z·√(n/(n − 1)), which keeps its skewness.
    Source: Hesterberg 2015, The American Statistician 69(4), on narrowness bias. Differs: his
    expanded interval takes further quantiles, which for five seeds end where the data end (91 %).
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    n = len(values)
    if n < 2:
        return (values[0], values[0]) if n else (np.nan, np.nan)
    # Draw n seeds with replacement, DRAWS times, and take the mean of each draw: (DRAWS,)
    picks = np.random.default_rng(0).integers(n, size=(DRAWS, n))
    means = values[picks].mean(axis=1)
    quantiles = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    # Widen: Student's tails instead of normal ones, and the variance that resampling loses.
    z = NormalDist().inv_cdf((1 + level) / 2)
    stretch = student_quantile(level, n - 1) / z
    centre = values.mean()
    low, high = centre + stretch * math.sqrt(n / (n - 1)) * (quantiles - centre)
    return float(low), float(high)


@functools.cache  # hundreds of tests have the same degrees of freedom
def student_quantile(level, freedom):
    """The t with P(|T| < t) = level for a Student variable T: 2.776 for 0.95 and 4 degrees.

    Computed by the trapezoidal rule; the standard library has no t distribution.
    """
    # With t = √freedom·tan(angle), T's density becomes proportional to cos(angle)^(freedom − 1).
    angle = np.linspace(0, np.pi / 2, 20_001)
    density = np.cos(angle) ** (freedom - 1)
    area = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    # P(|T| < t) is area / area[-1]; read it backwards, from the probability to the angle.
    return math.sqrt(freedom) * math.tan(np.interp(level, area / area[-1], angle))


def student_tail(t, freedom):
    """P(|T| > |t|), the two-sided p value: 0.05 for 2.776 and 4 degrees.

    t        any shape (…,); ±∞ gives 0
    freedom  degrees of freedom, 1 or more
    returns  (…,), 0 … 1
    """
    # The density of student_quantile: cos(angle)^(freedom − 1), from the angle of t outwards.
    # The outer part is integrated by itself, so that a p value of 1e-9 keeps its digits.
    first = np.arctan(np.abs(t) / math.sqrt(freedom))
    outer, whole = (np.linspace(angle, np.pi / 2, 4001) for angle in (first, 0 * first))
    area, total = (np.trapezoid(np.cos(x) ** (freedom - 1), x, axis=0) for x in (outer, whole))
    return area / total


def paired_test(first, second):
    """Student's paired t test of two methods on the same seeds.

    first, second  {seed: value}; seeds that only one of them finished are left out
    returns        (mean difference, its standard error, degrees of freedom, two-sided p value), or
                   None where fewer than ENOUGH seeds are shared
    Source: Student 1908, Biometrika 6(1). Differs: nothing.
    """
    paired = np.array([first[s] - second[s] for s in sorted(set(first) & set(second))], dtype=float)
    paired = paired[np.isfinite(paired)]
    n = len(paired)
    if n < ENOUGH:
        return None
    mean, error = paired.mean(), paired.std(ddof=1) / math.sqrt(n)
    # Without any spread the difference is certain, or there is none.
    t = mean / error if error else math.copysign(math.inf, mean) if mean else 0.0
    return float(mean), float(error), n - 1, float(student_tail(t, n - 1))


def holm(p_values):
    """P values of one family of tests, so adjusted that 5 % of families hold a false find.

    p_values  (M,), each 0 … 1
    returns   (M,): the k-th smallest is multiplied by M − k + 1, and none is below a smaller one's
    Source: Holm 1979, Scandinavian Journal of Statistics 6(2). Differs: nothing.
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return adjusted


def wilson(rate, count, level=LEVEL):
    """Interval of a success rate from `count` independent problems: (low, high).

    Source: Wilson 1927, JASA 22; Brown et al. 2001, Statistical Science 16(2). Differs: nothing.
    """
    if not (np.isfinite(rate) and count > 0):
        return np.nan, np.nan
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = rate + z * z / (2 * count)
    reach = z * math.sqrt(rate * (1 - rate) / count + (z / (2 * count)) ** 2)
    scale = 1 + z * z / count
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def difference(first, second, level=LEVEL):
    """The interval of the mean difference of two methods on the same seeds.

    first, second  {seed: value}; seeds that only one of them finished are left out
    returns        (low, high), or NaN twice where fewer than ENOUGH seeds are shared
    """
    # Paired: the luck of a seed, such as its start, is in both values and cancels.
    differences = [first[s] - second[s] for s in sorted(set(first) & set(second))]
    differences = [value for value in differences if np.isfinite(value)]
    return bootstrap(differences, level) if len(differences) >= ENOUGH else (np.nan, np.nan)
