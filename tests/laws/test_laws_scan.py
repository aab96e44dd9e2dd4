"""`tinyalign scan`: finds the losses of a folder, cuts each out, and judges it."""

import ast
import contextlib
import io
import json
import os
from pathlib import Path

import pytest

from tinyalign.laws.scan.command import cut_out, guessed, scan
from tinyalign.laws.source.stand_ins import NotHere, system
from tinyalign.laws.source.strip import stripped

TRAINER = """
import deepspeed_that_is_not_there
import torch_that_is_not_there.distributed as dist
import numpy as np
from lib.registry import register
from .maths import soft, average as mean
raise SystemExit("nothing of this file may be run")

BETA = 0.1

def shift(x):
    return mean(x) * 0

@register("dpo")
def dpo_loss(policy_chosen: "np.ndarray", policy_rejected: Tensor, ref_chosen, ref_rejected,
             beta: float = BETA) -> Wrong[1]:
    losses = soft(-beta * (policy_chosen - policy_rejected - ref_chosen + ref_rejected))
    if dist.get_world_size() > 1:
        losses = dist.all_reduce(losses)
    return losses, shift(losses)

def kl_penalty(logp, ref_logp, kind):
    if kind == "k1":
        return logp - ref_logp
    elif kind == "k2":
        return (logp - ref_logp) ** 2
    elif kind == "k3":
        return np.expm1(logp - ref_logp) - (logp - ref_logp)
    raise NotImplementedError

class Pairs(Base):
    def orpo_loss(self, chosen_logps, rejected_logps):
        return deepspeed_that_is_not_there.odds(chosen_logps, rejected_logps)

    def compute_loss(self, model, inputs):
        return model(inputs)

"""
ONLINE = """
import numpy as np

class Trainer(Base):
    def __init__(self, model, clip_eps=0.2):
        self.clip_eps = clip_eps
        self.model = model

    def ratio(self, logp, old):
        return np.exp(logp - old)

    def policy_loss(self, logp, old_logp, advantage, response_mask=None):
        ratio = self.ratio(logp, old_logp)
        cut = np.clip(ratio, 1 - self.clip_eps, 1 + self.clip_eps)
        loss = -np.minimum(ratio * advantage, cut * advantage) * response_mask
        return loss.sum() / response_mask.sum()


def grpo_advantages(rewards, num_generations):
    groups = rewards.reshape(-1, num_generations)
    spread = groups.std(axis=1, ddof=1, keepdims=True)
    return ((groups - groups.mean(axis=1, keepdims=True)) / (spread + 1e-4)).reshape(-1)
"""
MATHS = """
import numpy as np
from .trainer import BETA

def soft(x):
    return np.logaddexp(0, x)

average = np.mean
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project") / "lib"
    folder.mkdir()
    (folder / "trainer.py").write_text(TRAINER)
    (folder / "maths.py").write_text(MATHS)
    (folder / "online.py").write_text(ONLINE)
    (folder / "broken.py").write_text("def no python")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_loss.py").write_text("def dpo_loss(a, b): pass\n")
    return folder


def rows_of(path):
    """(exit status, {(function, words): row}) of a scan."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = scan(str(path), as_json=True)
    data = json.loads(out.getvalue())
    assert data["exit_code"] == status
    return status, {(row["function"], row["said"]): row for row in data["functions"]}


@pytest.fixture(scope="module")
def found(package):
    return rows_of(package / "trainer.py")


@pytest.mark.parametrize(
    ("function", "words", "method", "verdict"),
    [
        ("dpo_loss", "", "dpo", "lawful"),
        ("kl_penalty", "kind='k1'", "k1", "lawful"),
        ("kl_penalty", "kind='k2'", "k2", "broken"),
        ("kl_penalty", "kind='k3'", "k3", "broken"),  # upside down: a turned sign is no reading
        ("Pairs.orpo_loss", "", "orpo or odds_ratio", "not judged"),
    ],
)
def test_verdicts(found, function, words, method, verdict):
    row = found[1][function, words]
    assert (row["method"], row["verdict"]) == (method, verdict), row["sentence"]
    assert row["seconds"] < 5


def test_what_is_missing_is_no_accusation(found):
    reason = found[1]["Pairs.orpo_loss", ""]["sentence"]
    assert "deepspeed_that_is_not_there.odds, which is not in these files" in reason


def test_only_what_looks_like_a_loss_is_found(package):
    """No helper, no test, and nothing that takes a model."""
    names = {found.name for found, _ in guessed(package)}
    assert names == {
        "dpo_loss", "kl_penalty", "Pairs.orpo_loss", "Trainer.policy_loss", "grpo_advantages"
    }  # fmt: skip


@pytest.mark.slow
def test_a_method_of_a_class_and_rewards_in_one_row(package):
    status, rows = rows_of(package)
    assert status == 1 and len(rows) == 7
    policy, group = rows["Trainer.policy_loss", ""], rows["grpo_advantages", ""]
    assert (policy["method"], policy["verdict"]) == ("clipped_surrogate", "lawful")
    assert (group["method"], group["verdict"]) == ("group_standardize", "lawful")
    line = 1 + ONLINE[: ONLINE.index("def policy_loss")].count("\n")
    assert policy["where"].endswith(f"online.py:{line}")
    assert any(n.startswith("response_mask is filled with ones: ") for n in policy["notes"])


def test_a_cut_holds_what_is_called_and_nothing_else(package):
    (found, guess) = guessed(package, "dpo_loss")[0]
    files = cut_out(found, guess).files()
    text = "".join(files.values())
    assert len(files) == 2 and "kl_penalty" not in text and "deepspeed" not in text
    assert "@register" not in text and "Tensor" not in text and "BETA = 0.1" in text


def test_exit_statuses(tmp_path, capsys):
    (tmp_path / "none.py").write_text("def helper(x): return x\n")
    assert scan(str(tmp_path)) == 2
    assert "No loss" in capsys.readouterr().out
    assert scan(str(tmp_path / "nowhere")) == 2
    good = "import numpy as np\ndef entropy_from_logits(logits):\n"
    good += "    p = np.exp(logits - logits.max(-1, keepdims=True))\n"
    good += "    p = p / p.sum(-1, keepdims=True)\n    return -(p * np.log(p + (p == 0))).sum(-1)\n"
    (tmp_path / "good.py").write_text(good)
    assert scan(str(tmp_path)) == 0
    assert "1 judgement: 1 lawful" in capsys.readouterr().out


@pytest.mark.slow
def test_one_function_with_its_whole_report(package, capsys):
    assert scan(f"{package / 'trainer.py'}:kl_penalty") == 1
    shown = capsys.readouterr().out
    assert "kl_penalty as k2" in shown and "Breaks" in shown


def test_a_function_that_ends_its_process_or_hangs_is_not_judged(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tinyalign.laws.scan.workers.SECONDS", 3.0)
    source = "import sys\ndef k3(logp, ref_logp):\n    sys.modules['os']._exit(0)\n"
    (Path(tmp_path) / "ends.py").write_text(source)
    assert scan(str(tmp_path)) == 2
    assert "It ends its process" in capsys.readouterr().out


def test_every_branch_and_encoding_is_read_and_what_cannot_be_is_named(tmp_path, capsys):
    loss = "    def dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):\n"
    loss += "        return {}\n"
    source = "try:\n    import torch\nexcept ImportError:\n" + loss.format(1)
    source += "if torch:\n    pass\nelse:\n" + loss.format(2)
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbf" + source.encode())
    assert len({found.line for found, _ in guessed(tmp_path)}) == 2
    (tmp_path / "marked.py").unlink()
    (tmp_path / "broken.py").write_text("def no python")
    (tmp_path / "deep.py").write_text("x = " + "-" * 100_000 + "1\n")
    assert scan(str(tmp_path)) == 2
    assert "2 files could not be read as Python" in capsys.readouterr().out


def test_what_cannot_be_cut_out_is_not_judged(tmp_path, capsys, monkeypatch):
    def fail(*_):
        raise KeyError("unforeseen")

    monkeypatch.setattr("tinyalign.laws.scan.command.cut_out", fail)
    (tmp_path / "loss.py").write_text("def k3(logp, ref_logp):\n    return logp\n")
    assert scan(str(tmp_path), as_json=True) == 2
    (row,) = json.loads(capsys.readouterr().out)["functions"]
    assert "cannot be cut out: KeyError: 'unforeseen'" in row["sentence"]


def test_a_refusal_in_json_is_json(tmp_path, capsys):
    assert scan(str(tmp_path / "nowhere"), as_json=True) == 2
    assert "There is no" in json.loads(capsys.readouterr().out)["reason"]


def test_programs_and_files_are_left_behind(tmp_path):
    source = "import os, subprocess\nfrom shutil import rmtree\ndef k3(logp, ref_logp):\n"
    source += "    if os.environ.get('RANK'):\n        os.remove('x')\n"
    source += "    rmtree('x')\n    subprocess.run(['false'])\n    return logp\n"
    (tmp_path / "harm.py").write_text(source)
    (found, guess) = guessed(tmp_path)[0]
    text = "".join(cut_out(found, guess).files().values())
    assert "Missing('subprocess')" in text and "Missing('shutil.rmtree')" in text
    assert "os = system" in text and "import os" not in text
    with pytest.raises(NotHere, match=r"os\.remove"):
        system.remove("x")
    assert system.environ["PATH"] == os.environ["PATH"]


def test_code_that_is_nested_too_deeply_is_not_judged(tmp_path, capsys):
    deep = " + ".join(["logp"] * 900)
    source = f"def kl(logp, ref_logp, kind):\n    if {deep} == 'k1':\n        return 0\n"
    (tmp_path / "deep.py").write_text(source)
    assert scan(str(tmp_path), as_json=True) == 2
    (row,) = json.loads(capsys.readouterr().out)["functions"]
    assert "nested too deeply" in row["sentence"]


def test_a_decorator_that_cuts_the_gradient_is_kept():
    tree = ast.parse("@torch.no_grad()\n@torch.jit.script\ndef f(x):\n    return x\n").body[0]
    assert ast.unparse(stripped(tree)).startswith("@torch.no_grad()\ndef f(x)")
