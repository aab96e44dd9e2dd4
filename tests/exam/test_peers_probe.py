"""`tinyalign exam probe` on the trainers of TRL, built as its users build them."""

import importlib
import json
import os

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
trl = pytest.importorskip("trl")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from test_probe import random_params  # noqa: E402

from tinyalign.exam import hooks, in_trl, make, probe  # noqa: E402

COMMON = dict(
    report_to="none", use_cpu=True, bf16=False, gradient_checkpointing=False,
    per_device_train_batch_size=8, learning_rate=1e-3, disable_tqdm=True,
)  # fmt: skip
LINES = {"max_length": None}
DRAWS = {"num_generations": 8, "max_completion_length": 1, "top_p": 1.0, "top_k": 0, "beta": 0.5}
SIMPO = {"loss_type": "simpo", "beta": 2.0, "simpo_gamma": 0.6931471805599453, "cpo_alpha": 0.0}
# A trainer, an exam's method and task, the trainer's settings, and what is found besides "right".
CASES = {
    "SFT": ("sft", "words", LINES | {"completion_only_loss": True}, {}),
    "SFT on the whole text": (
        "sft", "words", LINES | {"completion_only_loss": False}, {"counts the prompt's tokens"},
    ),
    "DPO": ("dpo", "words", LINES | {"beta": 0.5}, {}),
    "DPO with a tenth of beta": ("dpo", "words", LINES | {"beta": 0.05}, {"has beta times 0.1"}),
    "DPO with label smoothing": (
        "cdpo", "words", LINES | {"beta": 0.5, "label_smoothing": 0.1}, {"ignores flip"},
    ),
    "DPO with IPO": (
        "ipo", "words", LINES | {"beta": 0.2, "loss_type": "ipo"}, {"takes the mean"},
    ),
    "KTO": ("kto", "words", LINES | {"beta": 0.5}, {}),
    "CPO with SimPO": ("simpo", "words", LINES | SIMPO, {}),
    "ORPO": ("orpo", "words", LINES | {"beta": 0.5}, {"counts the prompt's tokens", "%"}),
    "GRPO": ("grpo", "bandit", DRAWS, {}),
    "RLOO": ("rloo", "bandit", DRAWS, {}),
    "GRPO with prompts of several lengths": ("grpo", "padding", DRAWS, {"from the row alone"}),
    "RLOO with prompts of several lengths": ("rloo", "padding", DRAWS, {"from the row alone"}),
    "GRPO at temperature 0.7": ("grpo", "bandit", DRAWS | {"temperature": 0.7}, {}),
}  # fmt: skip


def trainer_of(folder, name, settings):
    """A trainer of TRL on an exam's folder, with the hooks."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    library = trl
    if name in ("CPO", "ORPO"):
        library = importlib.import_module(f"trl.experimental.{name.lower()}")
    lines = [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()[:24]]
    more = {"reward_funcs": lambda completions, **columns: [0.0] * len(completions)}
    trainer = getattr(library, f"{name}Trainer")(
        model=AutoModelForCausalLM.from_pretrained(folder / "model"),
        args=getattr(library, f"{name}Config")(output_dir=folder / "out", **COMMON, **settings),
        train_dataset=Dataset.from_list(lines),
        processing_class=AutoTokenizer.from_pretrained(folder / "model"),
        **(more if name in ("GRPO", "RLOO") else {}),
    )
    return in_trl.hooks(trainer)


def asked(case, folder):
    """(answers, questions that were not asked) of a trainer; exam and file are written first."""
    method, task, settings, _ = CASES[case]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "train_reference", random_params)
        make.make(folder / "exam", method, task)
    (folder / "mine.py").write_text("def trainer(): pass\n")
    bench = hooks.load_bench(folder / "exam", f"{folder / 'mine.py'}:trainer")
    name = case.split()[0]
    return probe.ask(bench._replace(make=lambda: trainer_of(folder / "exam", name, settings)))


@pytest.mark.parametrize("case", CASES)
def test_what_the_first_step_of_a_trainer_shows(case, tmp_path):
    """Nothing of a right trainer is wrong, and each known deviation of TRL 1.16 is found."""
    method, _, _, expected = CASES[case]
    answers, left = asked(case, tmp_path)
    wrong = [answer.finding for answer in answers if answer.right is False]
    open_ = [answer.finding for answer in answers if answer.right is None]
    assert bool(wrong) == bool(expected), wrong
    assert all(any(words in finding for finding in wrong) for words in expected), wrong
    assert len(open_) == case.endswith("0.7"), open_  # scores at a temperature: right for a sampler
    assert len(answers) == {"kto": 2, "grpo": 3, "rloo": 3}.get(method, 6), left
