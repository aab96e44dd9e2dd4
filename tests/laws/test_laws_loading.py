"""A file is taken as it is: its imports, its outputs, its config, without an adapter."""

import json
import os
import subprocess
import sys

import pytest

from tinyalign.laws.binding.holders import attributes_read
from tinyalign.laws.binding.holders_as_code import config_as_code
from tinyalign.laws.check.command import check_here

LOSS = "np.logaddexp(0, -beta * (w - rw - r + rr))"


def judged(tmp_path, capsys, source, name="loss", method="dpo", file="mine.py", **how):
    """(exit status, the report as data) for a function of a file with this source."""
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("import numpy as np\n" + source)
    capsys.readouterr()
    status = check_here(f"{path}:{name}", method, as_json=True, examples=4, **how)
    return status, json.loads(capsys.readouterr().out)


def test_a_dataclass_under_future_annotations(tmp_path, capsys):
    path = tmp_path / "trainer.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "import numpy as np\n@dataclass\nclass Config:\n    beta: float = 0.1\n"
        f"def loss(w, r, rw, rr, beta):\n    return {LOSS}\n"
    )
    assert check_here(f"{path}:loss", "dpo", examples=4) == 0


def test_a_module_of_a_package_without_its_init(tmp_path, capsys):
    """Its own neighbour is imported, and not what the package would import besides."""
    package = tmp_path / "trainer_pkg" / "losses"
    package.mkdir(parents=True)
    (tmp_path / "trainer_pkg" / "__init__.py").write_text("import deepspeed_that_is_not_there\n")
    (package / "__init__.py").write_text("from .everything_else import nothing\n")
    (package / "maths.py").write_text(
        "import numpy as np\ndef soft(x): return np.logaddexp(0, x)\n"
    )
    source = (
        "from .maths import soft\nfrom ..settings import SCALE\n"
        "def loss(w, r, rw, rr, beta):\n    return SCALE * soft(-beta * (w - rw - r + rr))\n"
    )
    (tmp_path / "trainer_pkg" / "settings.py").write_text("SCALE = 1.0\n")
    status, _ = judged(tmp_path, capsys, source, file="trainer_pkg/losses/pair.py")
    assert status == 0
    assert "trainer_pkg" not in sys.modules


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (f"{LOSS}, beta * (w - rw), beta * (r - rr)", "a tuple of 3: number 0 is judged"),
        (f"{{'metrics': 1, 'loss': {LOSS}}}", "a dict of 2: 'loss' is judged"),
        (f"SimpleNamespace(loss={LOSS}, logits=None)", "an object: .loss is judged"),
    ],
)
def test_the_loss_is_taken_out_of_what_is_returned(tmp_path, capsys, returned, said):
    source = (
        f"from types import SimpleNamespace\ndef loss(w, r, rw, rr, beta):\n    return {returned}\n"
    )
    status, data = judged(tmp_path, capsys, source)
    assert status == 0 and any(said in note for note in data["notes"])


def test_the_output_and_an_array_can_be_declared(tmp_path, capsys):
    source = f"def loss(w, r, rw, rr, beta):\n    return beta * (w - rw), {LOSS}\n"
    assert judged(tmp_path, capsys, source)[0] == 1
    assert judged(tmp_path, capsys, source, convention=["output=1"])[0] == 0
    source = f"def loss(r, w, rr, rw, beta):\n    return {LOSS}\n"
    names = ["chosen_logp=w", "rejected_logp=r", "ref_chosen_logp=rw", "ref_rejected_logp=rr"]
    assert judged(tmp_path, capsys, source, convention=names)[0] == 0
    status, data = judged(tmp_path, capsys, source, convention=["chosen_logp=x"])
    assert status == 2 and "there is no parameter x" in data["reason"]


HELD = [
    ("def loss(config, w, r, rw, rr):\n    beta = config.beta\n", "loss", "config.beta"),
    ("def loss(w, r, rw, rr, cfg):\n    beta = cfg['beta']\n", "loss", "cfg.beta"),
    ("def loss(w, r, rw, rr, args):\n    beta = args.get('beta', 9.0)\n", "loss", "args.beta"),
    ("class T:\n  def loss(self, w, r, rw, rr):\n    beta = self.beta\n", "T.loss", "self.beta"),
    (
        "class T:\n  def loss(self, w, r, rw, rr):\n    beta = self.args.beta\n",
        "T.loss",
        "self.beta",
    ),
    ("def loss(w, r, rw, rr, hp):\n    beta = hp['train']['beta']\n", "loss", "hp.beta"),
    (
        "class T:\n  def __init__(self, model, args):\n    self.rate, self.model = 1.0, model\n"
        "    self.beta = args.dpo.beta\n"
        "  def loss(self, w, r, rw, rr):\n    beta = self.rate * self.beta\n",
        "T.loss",
        "self.beta",
    ),
    (
        "def reduced(x, **how):\n    return x\n\n"
        "def loss(w, r, rw, rr, config):\n    beta = reduced(config.beta, **config.batch_info)\n"
        "    if config.humanline:\n        raise ValueError\n",
        "loss",
        "config.beta",
    ),
]


@pytest.mark.parametrize(("head", "name", "read"), HELD)
def test_numbers_are_read_from_a_config_or_from_self(tmp_path, capsys, head, name, read):
    status, data = judged(tmp_path, capsys, f"{head}    return {LOSS}\n", name)
    assert status == 0, data
    assert f"{read} as beta" in " ".join(data["notes"])


@pytest.mark.parametrize(
    "end", ["return w - r, {}, loss.mean()", "return dict(a=w, objective=loss)"]
)
def test_the_loss_is_found_by_what_it_is_called(tmp_path, capsys, end):
    source = f"def f(w, r, rw, rr, beta=0.1):\n    loss = {LOSS}\n    {end}\n"
    status, data = judged(tmp_path, capsys, source, "f")
    assert status == 0 and "judged (declare with --convention output=…)" in " ".join(data["notes"])


def test_a_missing_return_is_broken(tmp_path, capsys):
    source = f"def f(w, r, rw, rr, beta=0.1):\n    loss = {LOSS}\n"
    status, data = judged(tmp_path, capsys, source, "f")
    assert status == 1 and data["diagnosis"].startswith("It returns None, as no return statement")


def test_what_any_positional_arguments_are_called_is_nothing(tmp_path, capsys):
    source = f"def f(*args, beta=0.1):\n    w, r, rw, rr = args\n    return {LOSS}\n"
    assert judged(tmp_path, capsys, source, "f")[0] == 0


def test_a_counterexample_has_all_that_is_read_from_a_config():
    def loss(logp, settings):
        return logp * settings["beta"] * (1 - settings["ppo"]["label_smoothing"])

    read = attributes_read(loss, "settings")
    given = eval(f"dict({config_as_code(loss, 'settings', read, {'beta': 2.0})})")
    assert loss(3.0, **given) == 6.0


def test_a_method_calls_the_methods_beside_it(tmp_path, capsys):
    source = (
        "class Trainer:\n    def __init__(self, model):\n        self.model = model\n"
        "    def soft(self, x):\n        return np.logaddexp(0, x)\n"
        "    def loss(self, w, r, rw, rr):\n"
        "        smooth = self.label_smoothing\n"
        "        z = self.beta * (w - rw - r + rr)\n"
        "        return (1 - smooth) * self.soft(-z) + smooth * self.soft(z)\n"
    )
    status, data = judged(tmp_path, capsys, source, "Trainer.loss")
    assert status == 0, data
    assert any(n.startswith("self.label_smoothing is taken as 0 (") for n in data["notes"])
    status, data = judged(tmp_path, capsys, source, "Trainer.loss", "cdpo")
    assert status == 0 and any("self.label_smoothing as flip" in n for n in data["notes"])


def test_a_counterexample_with_a_config_can_be_pasted(tmp_path, capsys):
    source = "def loss(config, w, r, rw, rr):\n    return config.beta * (w - r - rw + rr)\n"
    status, data = judged(tmp_path, capsys, source)
    assert status == 1
    code = next(law["counterexample"] for law in data["laws"] if law["counterexample"])
    assert "config=SimpleNamespace(beta=" in code
    scope = {}
    exec(source, scope)
    exec(code.replace("from mine import loss\n", ""), scope)


def test_arrays_are_read_from_a_batch(tmp_path, capsys):
    source = (
        "def loss(batch, beta=0.1):\n"
        "    w, r = batch['chosen_logps'], batch['rejected_logps']\n"
        "    rw, rr = batch['ref_chosen_logps'], batch['ref_rejected_logps']\n"
        f"    return {LOSS}"
    )
    assert judged(tmp_path, capsys, source + "\n")[0] == 0
    status, data = judged(tmp_path, capsys, source + " + w\n")
    code = next(law["counterexample"] for law in data["laws"] if law["counterexample"])
    assert status == 1 and "loss(batch=dict(chosen_logps=array(" in code


def test_a_prediction_beside_values_is_the_value_of_now(tmp_path, capsys):
    source = (
        "def loss(vpreds, returns, values, cliprange_value=0.2):\n"
        "    held = values + np.clip(vpreds - values, -cliprange_value, cliprange_value)\n"
        "    return 0.5 * np.maximum((vpreds - returns) ** 2, (held - returns) ** 2), 0.0\n"
    )
    assert judged(tmp_path, capsys, source, method="value_loss")[0] == 0


def test_rewards_in_one_row_with_an_index_of_prompts(tmp_path, capsys):
    body = (
        "    score = token_level_rewards.sum(-1)\n    out = score.copy()\n"
        "    for prompt in set(index.tolist()):\n        own = index == prompt\n"
        "        out[own] = (score[own] - score[own].mean()) / (score[own].std(ddof=1) + epsilon)\n"
        "    return out[:, None] * response_mask, 0\n"
    )
    head = "def loss(token_level_rewards, response_mask, index, epsilon=1e-6):\n"
    status, data = judged(tmp_path, capsys, head + body, method="group_standardize")
    assert status == 0, data
    assert any("in one row, with index for the prompt" in note for note in data["notes"])
    wrong = body.replace("score[own].mean()", "score.mean()")
    status, data = judged(tmp_path, capsys, head + wrong, method="group_standardize")
    code = next(law["counterexample"] for law in data["laws"] if law["counterexample"])
    assert status == 1 and "index=array([" in code and "response_mask=array([" in code


def test_nothing_is_left_where_the_user_stands(tmp_path):
    (tmp_path / "mine.py").write_text("def loss(logp, ref_logp):\n    return logp - ref_logp\n")
    argv = [sys.executable, "-m", "tinyalign.laws", "check", "mine.py:loss", "--as", "k1"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HYPOTHESIS")}
    environment = clean | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


NEEDS = "import deepspeed_that_is_not_there as ds\n"


def test_a_file_whose_imports_are_missing_is_cut_out(tmp_path, capsys):
    source = f"{NEEDS}def soft(x): return np.logaddexp(0, x)\n@ds.timed\n"
    source += "def loss(w, r, rw, rr, beta):\n    return soft(-beta * (w - rw - r + rr))\n"
    status, report = judged(tmp_path, capsys, source)
    assert status == 0
    assert "No module named 'deepspeed_that_is_not_there'. loss was cut out" in report["notes"][0]


def test_what_needs_the_missing_import_is_not_judged(tmp_path, capsys):
    """What was left behind is no bug of theirs."""
    source = (
        f"{NEEDS}def loss(w, r, rw, rr, beta):\n    return ds.soft(-beta * (w - rw - r + rr))\n"
    )
    status, report = judged(tmp_path, capsys, source)
    assert status == 2
    assert "it uses deepspeed_that_is_not_there.soft, which is not in these" in report["reason"]


def test_an_import_inside_a_function_that_is_cut_out(tmp_path, capsys):
    inside = "    from deepspeed_that_is_not_there import comm as dist\n"
    source = f"{NEEDS}def loss(w, r, rw, rr, beta):\n{inside}"
    source += f"    if dist.is_initialized(): raise ValueError\n    return {LOSS}\n"
    assert judged(tmp_path, capsys, source)[0] == 0
