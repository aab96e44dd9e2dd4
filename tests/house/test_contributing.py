"""CONTRIBUTING: its example is a loss as the house writes them, and its commands exist."""

import inspect
import re
import runpy
import textwrap
from pathlib import Path

import numpy as np

from tinyalign.losses import preference

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")


def test_the_example_is_a_loss():
    """−log σ(β·D − δ): DPO at offset 0, log(1 + e^δ) at the reference; 15 code lines at most."""
    (block,) = re.findall(r"```py example\n(.*?)\n   ```", PAGE, re.DOTALL)
    scope = dict(vars(preference))
    exec(compile(textwrap.dedent(block), "CONTRIBUTING", "exec"), scope)
    loss, x = scope["offset_dpo"], np.array([-3.0, -1.0])
    y, ref = x[::-1], np.zeros(2)
    np.testing.assert_allclose(
        loss(x, y, ref, ref, offset=0.0), preference.dpo(x, y, ref, ref), rtol=1e-12
    )
    np.testing.assert_allclose(loss(x, x, ref, ref, offset=1.0), np.log1p(np.e), rtol=1e-12)
    parts = inspect.getdoc(loss)
    assert all(word in parts for word in ("Optimum", "Source: ", "Differs: ", "raises", "returns"))
    assert len(textwrap.dedent(block).split('"""')[2].strip().splitlines()) <= 15


def test_one_command_writes_what_is_derived():
    """Every program that docs/build.py calls is there, and CONTRIBUTING names its parts."""
    build = runpy.run_path(str(ROOT / "docs" / "build.py"))
    for program, *_ in build["DERIVED"]:
        assert program == "-m" or (ROOT / program).is_file()
    for flag in ("--everything", "--derived", "--museum", "--all"):
        assert f"docs/build.py {flag}" in PAGE and flag in build["__doc__"]
