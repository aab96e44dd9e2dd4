"""How sure a figure is: 95 % intervals over seeds, over held-out problems, and of differences.

All random numbers come from a fixed seed, so the same results have the same intervals.
"""

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


def verdict(first, second):
    """1 where the first is better, −1 where it is worse, 0 where that cannot be told."""
    low, high = difference(first, second)
    return int(low > 0) - int(high < 0)  # NaN compares false: too few seeds give 0
