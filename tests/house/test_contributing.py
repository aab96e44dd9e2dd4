"""CONTRIBUTING: its example is a loss as the house writes them, and its commands exist."""

import inspect
import re
import runpy
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from tinyalign.laws.catalogue import formulas, pair_dpo, table
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, judge, laws_for
from tinyalign.laws.harness.subject import Subject
from tinyalign.losses import preference
from tinyalign.methods import offline

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")


def example(kind, module):
    """What a block of the page defines, below the names of the module that it goes into."""
    (block,) = re.findall(rf"```py {kind}\n(.*?)\n   ```", PAGE, re.DOTALL)
    scope = dict(vars(module))
    exec(compile(textwrap.dedent("   " + block.lstrip()), "CONTRIBUTING", "exec"), scope)
    return scope


def test_the_pieces_of_the_example_fit_together():
    """Its laws hold for its loss; each of its own finds a wrong loss that no simpler one finds."""
    loss = example("example", preference)["offset_dpo"]
    laws = example("laws", pair_dpo)["OFFSET"]
    formula, *row = lines("lines")
    row = eval(f"[{' '.join(row)}]", vars(table) | {"pair_dpo": SimpleNamespace(OFFSET=laws)})
    (spec,) = table.per_example(row)
    x = np.array([[-3.0, -1.0], [-1.0, -3.0], [-2.0, -2.0], [-2.0, -2.0]])
    of_formula = eval(f"{{{formula}}}", dict(vars(formulas)))["offset_dpo"](
        *x, beta=0.1, offset=1.0
    )
    np.testing.assert_allclose(of_formula, loss(*x, beta=0.1, offset=1.0), rtol=1e-12)
    assert broken(loss, spec) == []
    museum = example("museum", pair_dpo)
    assert broken(museum["offset_dpo_ignores_the_offset"], spec)[0] == "closed_form_slopes"
    assert broken(museum["offset_dpo_offset_at_least_1"], spec)[0] == "without_offset_is_dpo"


def test_the_row_of_the_example_is_one():
    loss = example("example", preference)["offset_dpo"]
    scope = vars(offline) | {"preference": SimpleNamespace(offset_dpo=loss)}
    row = eval(" ".join(lines("row")).removesuffix(","), scope)
    assert (row.name, row.loss) == ("offset_dpo", loss)


def lines(kind):
    """The lines of a block."""
    (block,) = re.findall(rf"```text {kind}\n(.*?)\n   ```", PAGE, re.DOTALL)
    return [line.strip() for line in block.splitlines()]


def broken(fn, spec):
    """The laws that it breaks, simplest first."""
    subject, setting = Subject(fn, spec), repeatable_settings(8, shrink=False)
    return [law.name for law in laws_for(spec) if judge(law, subject, setting).status == BROKEN]


def test_the_example_is_a_loss():
    """−log σ(β·D − δ): DPO at offset 0, log(1 + e^δ) at the reference; 15 code lines at most."""
    (block,) = re.findall(r"```py example\n(.*?)\n   ```", PAGE, re.DOTALL)
    loss, x = example("example", preference)["offset_dpo"], np.array([-3.0, -1.0])
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
