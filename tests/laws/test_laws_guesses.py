"""What `check` guesses of a function is said, and can be overruled: typed, or in pyproject.toml."""

import json
import types

import numpy as np
import pytest

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.check.command import check_here
from tinyalign.laws.check.judgement import judgement
from tinyalign.laws.check.settings import settings_for
from tinyalign.laws.harness.framework_names import framework_of
from tinyalign.laws.source.candidates import candidates

TRAINER = """
import numpy as np
class Loss:
    def __init__(self, beta: float, label_smoothing: float = 0.0, kind="sigmoid"):
        self.beta, self.label_smoothing, self.kind = beta, label_smoothing, kind
    def forward(self, chosen, rejected, ref_chosen, ref_rejected):
        assert self.kind == "sigmoid"
        z = self.beta * (chosen - rejected - ref_chosen + ref_rejected)
        return np.logaddexp(0, -z), z
class Trainer:
    def __init__(self, model):
        raise OSError("no such model")
    def step(self): pass
    def dpo_loss(self, chosen, rejected, ref_chosen, ref_rejected):
        factor = 2.0 if self.use_double else 1.0
        return factor * np.logaddexp(0, -self.b * (chosen - rejected - ref_chosen + ref_rejected))
class Heir(Loss):
    def forward(self, chosen, rejected, ref_chosen, ref_rejected):
        return self.halved(super().forward(chosen, rejected, ref_chosen, ref_rejected)[0])
    def halved(self, loss):
        return self.weight_of_loss * loss
class Many:
    def step(self): pass
    def train(self): pass
def loss(chosen, rejected, ref_chosen, ref_rejected, steepness=0.1, epsilon=0.0):
    return np.logaddexp(0, -steepness * (chosen - rejected - ref_chosen + ref_rejected))
"""


@pytest.fixture
def judged(tmp_path, capsys):
    (tmp_path / "trainer.py").write_text(TRAINER)

    def judge(name, *convention, method="dpo"):
        target = f"{tmp_path}/trainer.py:{name}"
        capsys.readouterr()
        status = check_here(target, method, convention=convention, as_json=True, examples=3)
        data = json.loads(capsys.readouterr().out)
        return status, data.get("reason") or " ".join(data["notes"])

    return judge


def test_a_class_is_judged_by_its_method(judged):
    """With what its __init__ gives where that wants only numbers, and without one where not."""
    status, notes = judged("Loss")
    assert status == 0 and "self.beta as beta" in notes and "is taken as" not in notes
    status, notes = judged("Heir", "self.weight_of_loss=1")  # read in what it calls
    assert status == 0 and "self.beta as beta" in notes
    status, notes = judged("Trainer", "self.b=0.1")
    assert status == 0
    assert (
        "self.use_double is taken as False (declare with --convention self.use_double=…)" in notes
    )
    status, reason = judged("Many")
    assert status == 2 and "say which is its loss, as FILE.py:Many.METHOD" in reason


def test_what_is_guessed_of_self_can_be_overruled(judged):
    assert judged("Trainer", "self.b=0.1", "self.use_double=true")[0] == 1
    assert judged("Trainer", "beta=self.b")[0] == 0


def test_a_number_may_be_said_to_be_a_parameter(judged):
    status, notes = judged("loss")
    assert status == 0 and "no parameter for beta" in notes
    status, notes = judged("loss", "beta=steepness")
    assert status == 0 and "no parameter for beta" not in notes
    status, reason = judged("loss", "beta=slope")
    assert status == 2 and "beta=slope: want a number, or a parameter" in reason


def test_pyproject_says_what_need_not_be_typed(judged, tmp_path):
    target = f"{tmp_path}/trainer.py:Trainer"
    (tmp_path / "pyproject.toml").write_text(
        '[tool.tinyalign]\nas = "dpo"\nseconds = 30\n[tool.tinyalign."trainer.py:Trainer"]\n'
        'convention = {"self.b" = 0.1, "self.use_double" = true}\n'
    )
    assert settings_for(target)["seconds"] == 30
    assert judged("Trainer", method="")[0] == 1
    assert judged("Trainer", "self.use_double=false", method="")[0] == 0  # what is typed wins
    assert judged("Trainer", method="k1")[0] == 2
    (tmp_path / "pyproject.toml").write_text("[tool.tinyalign]\nmethod = 'dpo'\n")
    with pytest.raises(CannotCall, match="has 'method'; there are as, framework"):
        settings_for(target)
    status, reason = judged("Trainer", method="")
    assert status == 2 and "has 'method'" in reason
    for text in ("[tool]\ntinyalign = 3 # [tool.tinyalign\n", "tool = 3 # [tool.tinyalign\n"):
        (tmp_path / "pyproject.toml").write_text(text)
        with pytest.raises(CannotCall, match="is no table"):
            settings_for(target)
    (tmp_path / "pyproject.toml").write_text("# [tool.tinyalign] is not used\n")
    assert settings_for(target) == {"convention": {}}
    (tmp_path / "pyproject.toml").write_text("")
    status, reason = judged("Trainer", method="")
    assert status == 2 and "say what it is meant to be, as in --as dpo" in reason


def test_the_framework_is_that_of_the_names_that_a_function_uses():
    torch = types.ModuleType("torch.nn.functional")
    scope = {"F": torch, "np": np}
    exec(
        "def by_torch(x): return F.softplus(x)\n"
        "def by_helper(x): return by_torch(x)\n"
        "def by_numpy(x): return np.log(x)\n"
        "def by_methods(x): return x.mean()\n",
        scope,
    )
    got = {name: framework_of(fn) for name, fn in scope.items() if name.startswith("by_")}
    assert got.pop("by_numpy") == "numpy" and set(got.values()) == {"torch"}
    assert framework_of(np.log) == "numpy"


GUESSED = """
from numpy import exp, log, logaddexp, minimum, clip

def dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return logaddexp(0, -beta * (chosen - rejected - ref_chosen + ref_rejected))

class DPO:
    def __init__(self, beta=0.1):
        self.beta = beta
    def forward(self, a, b, c, d):
        return dpo_loss(a, b, c, d, self.beta)

def loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)

def other_loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return 3 * chosen + rejected * ref_chosen + ref_rejected * beta

def swapped_dpo(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return logaddexp(0, beta * (chosen - rejected - ref_chosen + ref_rejected))

def something(x, y):
    return x + y
"""


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("dpo_loss", 0, "It is judged as dpo, whose values it has (--as overrules)."),
        ("DPO", 0, "It is judged as dpo, whose values it has (--as overrules)."),
        ("loss", 0, "It is judged as dpo, whose values it has (--as overrules)."),
        ("swapped_dpo", 1, "It is judged as dpo, by its name (--as overrules)."),
        ("other_loss", 2, "by its arguments it may be dpo or ipo or hinge, and its values"),
        ("something", 2, "say what it is meant to be, as in --as dpo: neither its name"),
    ],
)
def test_a_method_is_guessed_and_said_and_never_made_up(tmp_path, name, status, said):
    (tmp_path / "losses.py").write_text(GUESSED)
    target = f"{tmp_path}/losses.py:{name}"
    request = {
        "target": target, "method": "", "candidates": candidates(target), "framework": "",
        "convention": [], "float32": False, "examples": 6, "terminal": None,
    }  # fmt: skip
    answer = judgement(request)
    assert answer["status"] == status
    assert said in str(answer.get("reason") or answer["data"]["notes"])


def test_what_makes_advantages_of_rewards_is_told_so(tmp_path):
    (tmp_path / "mine.py").write_text("def rloo(rewards, k=4):\n    return rewards\n")
    request = {
        "target": f"{tmp_path}/mine.py:rloo", "method": "rloo", "candidates": {}, "framework": "",
        "convention": [], "float32": False, "examples": 6, "terminal": None,
    }  # fmt: skip
    assert "advantages of rewards, say --as leave_one_out." in judgement(request)["reason"]
    missing = judgement(request | {"target": f"{tmp_path}/other.py:rloo"})["reason"]
    assert "There is no file" in missing and "leave_one_out" not in missing
