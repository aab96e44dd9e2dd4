"""Opt-in (`-m peers`): the laws on torch and JAX code, on TRL and torchtune, if installed."""

import importlib
import importlib.util
from pathlib import Path

import pytest

from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, judge_all

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


def broken(fn, name, conventions=None, **how):
    verdicts = judge_all(
        fn, BY_NAME[name], conventions or {}, setting=repeatable_settings(50), **how
    )
    return [v.law.name for v in verdicts if v.status == BROKEN]


@pytest.mark.parametrize(
    "name",
    ["dpo", "cdpo", "ipo", "hinge", "sppo", "apo_zero", "apo_down", "bco", "simpo", "odds_ratio",
     "kto", "kto_z0", "bradley_terry", "infonca", "k1", "k2", "k3", "group_standardize",
     "clipped_surrogate", "truncated_importance", "value_loss", "entropy", "sequence_logp"],
)  # fmt: skip
def test_torch_rewritings_hold_every_law(name):
    pytest.importorskip("torch")
    from tests.independent import in_torch

    assert broken(getattr(in_torch, name), name, framework="torch") == []


@pytest.mark.parametrize("name", ["dpo", "ipo", "simpo", "odds_ratio", "k3", "clipped_surrogate"])
def test_jax_rewritings_hold_every_law(name):
    pytest.importorskip("jax")
    from tests.independent import in_jax

    assert broken(getattr(in_jax, name), name, framework="jax") == []


def test_a_torch_gradient_that_leaks_is_seen():
    """z0 with a gradient has the right value; only autodiff tells."""
    torch = pytest.importorskip("torch")

    def leaking(logp, ref):
        return (logp - ref).mean().clamp(min=0)

    assert broken(leaking, "kto_z0", framework="torch") == ["no_gradient_through_z0"]
    assert torch.__version__


def test_a_torch_item_that_cuts_the_gradient_is_seen():
    torch = pytest.importorskip("torch")

    def item(logp, advantage):
        return torch.tensor((-advantage * logp).tolist(), dtype=logp.dtype)

    assert "slope_is_minus_advantage" in broken(item, "reinforce", framework="torch")


PAGE = Path(__file__).parents[2] / "docs" / "peers.md"


@pytest.fixture(scope="module", params=["trl", "torchtune"])
def library(request):
    """The adapters of one library, if it is installed; torchtune's lean on TRL's."""
    for name in ("trl", request.param):
        if importlib.util.find_spec(name) is None:  # import would fail on torchtune's own needs
            pytest.skip(f"{name} is not installed")
    return importlib.import_module(f"tests.independent.in_{request.param}")


def test_verdicts_on_libraries_are_as_recorded(library):
    """Every law on every adapter: what is broken has its reason, and docs/peers.md says it all."""
    from tests.independent.in_trl import row, verdicts

    recorded, wrong = PAGE.read_text(encoding="utf8"), []
    for peer in library.PEERS:
        found = verdicts(peer)
        broken = {name for name, v in found.items() if v.status == BROKEN}
        if broken != set(peer.broken) or row(peer, found) not in recorded:
            wrong.append(row(peer, found))
    assert wrong == []


def test_defects_in_libraries_are_still_there(library, capsys):
    """The minimal cases of docs/peers.md print what is recorded: a fix upstream fails here."""
    from tests.independent.in_trl import case

    for defect in library.DEFECTS:
        exec(defect.code, {})
        assert capsys.readouterr().out == defect.prints, defect.title
        assert case(defect) in PAGE.read_text(encoding="utf8")
