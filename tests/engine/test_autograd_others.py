"""Importing tinyalign leaves autograd right for everybody else in the process."""

import os
import subprocess
import sys

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, jacobian
from autograd.differential_operators import make_jvp
from autograd.test_util import check_grads

SUITE = "AUTOGRAD_TESTS"  # a folder of autograd's own tests, of the version that is installed
X = np.array([[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: anp.sum(x[0] * x[1, ::-1]),
        lambda x: anp.sum(anp.sin(x[:, [0, 0, 2]])),
        lambda x: anp.sum(anp.vstack([x[0], x[1] ** 2])),
        lambda x: anp.max(x) * anp.min(x),
        lambda x: anp.sum(anp.where(x > 0, x**2, x) / anp.mean(x**2)),
    ],
    ids=["slices", "lists", "stack", "max and min", "where and mean"],
)
def test_both_modes_and_second_derivatives_work(function):
    """Forward over reverse too, which tinyalign itself never asks for."""
    check_grads(function, order=2)(X)


def test_forward_mode_goes_through_the_gradient_of_an_index():
    value, slope = make_jvp(grad(lambda x: anp.sum(x[1] ** 3)))(X)(np.ones_like(X))
    np.testing.assert_allclose(value[1], 3 * X[1] ** 2)
    np.testing.assert_allclose(slope, [[0, 0, 0], 6 * X[1]])
    assert jacobian(grad(lambda x: anp.sum(x[0] ** 3)))(X).shape == (2, 3, 2, 3)


@pytest.mark.parametrize("reduce", [anp.max, anp.min])
def test_a_plain_number_has_a_largest_entry(reduce):
    """It has no dtype."""
    assert grad(reduce)(2.5) == 1.0


@pytest.mark.peers
@pytest.mark.skipif(SUITE not in os.environ, reason=f"{SUITE} names no folder")
def test_autograds_own_tests_pass_after_our_import(tmp_path):
    """Run from its folder, with tinyalign imported first."""
    code = "import sys, tinyalign, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", os.environ[SUITE]]
    done = subprocess.run([sys.executable, "-c", code, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
