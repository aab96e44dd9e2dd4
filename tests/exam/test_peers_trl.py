"""Exported models and data in transformers and TRL, unmodified, and what they trained read here."""

import os
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
pytest.importorskip("trl")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from model_folders import SHAPES, model, read, reward_in, written  # noqa: E402

from tinyalign import policy  # noqa: E402
from tinyalign.engine.tree import tree_map  # noqa: E402
from tinyalign.exam.trainer_data import export_data  # noqa: E402
from tinyalign.models import transformer  # noqa: E402
from tinyalign.models.tokenizer import Vocabulary, batch, completions, encode  # noqa: E402
from tinyalign.runs import dataset, lookup, plan  # noqa: E402
from tinyalign.runs.config import Config  # noqa: E402


def load(folder):
    """The model and the tokenizer, and what was said while the model was loaded."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    return loaded, AutoTokenizer.from_pretrained(folder), info


def logits(loaded, tokens):
    with torch.no_grad():
        return loaded(torch.tensor(tokens), attention_mask=torch.ones(tokens.shape)).logits.numpy()


def differences(params, loaded, vocab, context):
    """Of all logits: the largest relative to the largest logit in float32, absolute in float64."""
    tokens = np.random.default_rng(1).integers(vocab, size=(64, context))
    theirs, ours = logits(loaded.float(), tokens), policy.logits(transformer, params, tokens)
    relative = abs(theirs - ours).max() / abs(theirs).max()
    wide = tree_map(lambda leaf: leaf.astype(np.float64), params)
    absolute = abs(logits(loaded.double(), tokens) - policy.logits(transformer, wide, tokens)).max()
    return relative, absolute


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_exported_model_has_our_logits(shape, tmp_path):
    params, vocabulary = model(shape)
    loaded, _, info = load(written(tmp_path, params, vocabulary))
    assert not any(info.values())  # no key was missing, unexpected or of another shape
    relative, absolute = differences(params, loaded, shape[0], shape[4])
    assert relative < 3e-6 and absolute < 1e-12


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_imported_model_has_its_logits(shape, tmp_path):
    """A GPT-2 of transformers with noise on every parameter; its weights go back bit for bit."""
    from transformers import GPT2Config, GPT2LMHeadModel

    vocab, width, layers, heads, context = shape
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab, n_embd=width, n_layer=layers, n_head=heads, n_positions=context
        )
    ).eval()
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    written(tmp_path / "a", *model(shape))
    (tmp_path / "a" / "model.safetensors").unlink()
    theirs.save_pretrained(tmp_path / "a")
    params, vocabulary = read(tmp_path / "a")
    relative, absolute = differences(params, theirs, vocab, context)
    assert relative < 3e-6 and absolute < 1e-12
    again, _, _ = load(written(tmp_path / "b", params, vocabulary))
    for name, weight in theirs.float().state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])


def test_the_tokenizer_gives_our_ids(tmp_path):
    _, vocabulary = model((40, 32, 2, 4, 24))
    _, tokenizer, _ = load(written(tmp_path, *model((40, 32, 2, 4, 24))))
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, vocabulary.eos)
    texts = ["", "abc", "a b\nc", 'Ä"\\\u2028', "  ", "\n"]
    for text in texts:
        (ours,) = encode(vocabulary, ["\n" + text])
        assert tokenizer(text).input_ids == ours
        assert tokenizer(text + tokenizer.eos_token).input_ids == [*ours, vocabulary.eos]
        assert tokenizer.decode(ours[1:]) == text
        # START is a special token, so a newline within a completion is lost where these are.
        assert tokenizer.decode(ours, skip_special_tokens=True) == text.replace("\n", "")
    with pytest.raises(Exception, match="UNK"):
        tokenizer("é")
    assert tokenizer("a", add_special_tokens=False).input_ids == encode(vocabulary, ["a"])[0]


def test_greedy_generation_is_equal(tmp_path):
    """Prompts of different lengths, padded on the left there."""
    params, vocabulary = model((13, 16, 2, 4, 20), seed=3)
    loaded, tokenizer, _ = load(written(tmp_path, params, vocabulary))
    tokenizer.padding_side = "left"
    prompts = ["", "ab", "cabba", "j", " h i"]
    batch = tokenizer(prompts, return_tensors="pt", padding=True)
    generated = loaded.generate(**batch, max_new_tokens=12, do_sample=False)
    theirs = tokenizer.batch_decode(
        generated[:, batch.input_ids.shape[1] :], skip_special_tokens=True
    )
    rollout = policy.sample(
        transformer, params, encode(vocabulary, ["\n" + prompt for prompt in prompts]),
        np.random.default_rng(0), max_new_tokens=12, eos=vocabulary.eos, temperature=0.0,
    )  # fmt: skip
    ours, _ = completions(vocabulary, rollout.tokens, rollout.mask)
    assert theirs == ours and len(set(ours)) > 1


TRAINERS = {  # what a trainer's config needs besides the settings of all
    "sft": {},
    "dpo": {"beta": 0.5},
    "kto": {"beta": 0.5},
    "grpo": {"beta": 0.1, "num_generations": 4, "max_completion_length": 5},
    "rloo": {"beta": 0.1, "num_generations": 4, "max_completion_length": 5},
}
COMMON = dict(
    report_to="none", use_cpu=True, bf16=False, gradient_checkpointing=False, save_strategy="no",
    max_steps=4, learning_rate=1e-2, logging_steps=1,
    disable_tqdm=True,
)  # fmt: skip


def trained(name, data, exported, folder, batch=16):
    """A trainer of TRL after a few steps on data.jsonl and reward.py, its model in `folder`."""
    import trl
    from datasets import load_dataset
    from transformers import AutoTokenizer

    lines = load_dataset(
        "json", data_files=str(data / "data.jsonl"), split="train", cache_dir=str(data / "cache")
    )
    rewards = {"reward_funcs": reward_in(data)} if "num_generations" in TRAINERS[name] else {}
    config = getattr(trl, f"{name.upper()}Config")
    trainer = getattr(trl, f"{name.upper()}Trainer")(
        model=str(exported), train_dataset=lines,
        args=config(
            output_dir=str(folder / "out"), per_device_train_batch_size=batch, **COMMON,
            **TRAINERS[name],
        ),
        processing_class=AutoTokenizer.from_pretrained(exported), **rewards,
    )  # fmt: skip
    trainer.train()
    trainer.save_model(str(folder))
    return trainer


@pytest.mark.parametrize("name", TRAINERS)
def test_trl_trains_what_was_exported_and_it_is_read_back(name, tmp_path):
    """Nothing but the two commands and TRL: model, data and reward as they were written."""
    job = plan.plan_run(["sft"], Config(env="hackable", width=16))
    characters = Vocabulary(job.task.alphabet, True)
    exported = written(tmp_path / "model", job.initial_params["policy"], characters)
    export_data(Config(env="hackable", num_generations=4), name, 64, tmp_path / "data")
    trainer = trained(name, tmp_path / "data", exported, tmp_path / "trained")
    first, *_ = log = [row for row in trainer.state.log_history if "loss" in row]
    assert np.isfinite([row["loss"] for row in log]).all() and len(log) == 4
    if name == "dpo":
        assert first["loss"] == pytest.approx(np.log(2), abs=1e-6)
        assert log[-1]["rewards/margins"] > 0
    if name in ("grpo", "rloo"):
        assert first["reward_std"] > 0
    params, vocabulary = read(tmp_path / "trained")
    assert vocabulary == characters
    moved = abs(params["tok"] - job.initial_params["policy"]["tok"]).max()
    assert moved > 1e-3
    relative, absolute = differences(params, trainer.model.eval(), vocabulary.size, 12)
    assert relative < 3e-6 and absolute < 1e-12
    starts = lookup.load_initial_params(Config(init_from=tmp_path / "trained"))
    assert starts[1]["alphabet"] == job.task.alphabet


def test_trl_reads_a_file_of_pairs_as_we_do(tmp_path):
    """START, EOS and the mask: DPO's first log-probabilities are ours of the same lines."""
    from tinyalign import examples

    path = Path(examples.__file__).parent / "names_pairs.jsonl"
    lines = path.read_text(encoding="utf8").splitlines()[:64]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.jsonl").write_text("\n".join(lines), encoding="utf8")
    pairs = dataset.load(tmp_path / "data" / "data.jsonl", "pairs")
    size = {"vocab": pairs.vocabulary.size, "width": 16, "layers": 2, "heads": 2, "context": 40}
    params = transformer.init(np.random.default_rng(0), **size)
    exported = written(tmp_path / "model", params, pairs.vocabulary)
    trainer = trained("dpo", tmp_path / "data", exported, tmp_path / "out", batch=len(lines))
    asked = encode(pairs.vocabulary, pairs.prompts)
    for role, name in enumerate(("chosen", "rejected")):
        said = encode(pairs.vocabulary, [row[role] for row in pairs.completions], end=True)
        tokens, mask = batch(asked, said)
        ours = policy.sequence_logp(transformer, params, tokens, mask).mean()
        assert trainer.state.log_history[0][f"logps/{name}"] == pytest.approx(ours, rel=1e-5)
