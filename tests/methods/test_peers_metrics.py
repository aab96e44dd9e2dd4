"""Opt-in (`-m peers`): what a step of ours logs is what TRL's trainer logs for the same batch.

Written against TRL 1.16, whose DPOTrainer and KTOTrainer are run whole: the trainer tokenizes a
data set, makes its batch, takes one step (`train`, so `_compute_loss`) and logs (`log`, which the
trainer's state keeps). Its model is GPT-2 with our weights, and its reference is another GPT-2.
Our step gets the batch that the trainer's data loader makes. The optimizers differ, but both log
what they compute before they change a weight. Nothing is downloaded.
"""

import functools
from pathlib import Path

import numpy as np
import pytest
from tiny import VOCAB, parameters

from tinyalign import losses, policy
from tinyalign.methods import metrics, steps
from tinyalign.models import transformer

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

WIDTH, CONTEXT, ROWS, BETA = 8, 16, 8, 0.3
# Both sides compute in float32. The log-probability of a completion is some 8 to 16 nats, where
# a rounding is 5e-7 at most, and every other metric is made from differences of such numbers. So
# 5e-6 allows ten roundings, in whatever order the two sides add.
CLOSE = {"rel": 0.0, "abs": 5e-6}


@pytest.fixture
def toy_gpt2(monkeypatch):
    """The module of the benchmarks with a tiny GPT-2, if TRL is installed."""
    pytest.importorskip("trl")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import toy_gpt2

    return toy_gpt2


def weights(seed):
    """A transformer of GPT-2's shape in float32; two seeds are far from each other."""
    sizes = {"width": WIDTH, "layers": 2, "heads": 4, "context": CONTEXT}
    return parameters(transformer, seed, np.float32, **sizes)


def words(rng, count):
    """`count` words, none of which is padding or the end."""
    return " ".join(f"w{i}" for i in rng.integers(VOCAB - 2, size=count))


def rows(columns, rng):
    """ROWS examples: a prompt and one completion for each column, all of different lengths."""
    return [
        {"prompt": words(rng, rng.integers(2, 5))}
        | {column: " " + words(rng, rng.integers(1, 9)) for column in columns}
        for _ in range(ROWS)
    ]


def trained(toy_gpt2, trainer, config, examples, folder):
    """One step of a trainer of TRL on all examples: (its batch as NumPy arrays, what it logs)."""
    from datasets import Dataset

    networks = [toy_gpt2.gpt2(VOCAB, WIDTH, CONTEXT) for _ in range(2)]
    for seed, network in enumerate(networks):
        toy_gpt2.copy_in(weights(seed), network)
    args = config(
        output_dir=str(folder), beta=BETA, max_steps=1, per_device_train_batch_size=ROWS,
        logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, bf16=False,
        disable_tqdm=True, max_length=CONTEXT,
    )  # fmt: skip
    made = trainer(
        model=networks[0],
        ref_model=networks[1],
        args=args,
        train_dataset=Dataset.from_list(examples),
        processing_class=toy_gpt2.tokenizer(VOCAB),
    )
    batch = next(iter(made.get_train_dataloader()))
    made.train()
    return {name: tensor.numpy() for name, tensor in batch.items()}, made.state.log_history[0]


def texts(batch, prefix=""):
    """(tokens (N, S), mask (N, S−1)) of a batch of TRL's."""
    mask = batch[f"{prefix}completion_mask"][:, 1:].astype(np.float32)
    return batch[f"{prefix}input_ids"], mask


def assert_logged(ours, theirs):
    """Every metric of ours is in TRL's log under the key that METRICS gives."""
    keys = {metric.key: metric.trl.partition(" (")[0] for metric in metrics.METRICS}
    assert {name: float(value) for name, value in ours.items()} == {
        name: pytest.approx(theirs[keys[name]], **CLOSE) for name in ours
    }


def test_a_dpo_step_logs_what_trl_logs(toy_gpt2, tmp_path):
    """loss, grad_norm, rewards/* and logps/* of DPOTrainer on eight pairs."""
    import trl

    examples = rows(("chosen", "rejected"), np.random.default_rng(0))
    batch, theirs = trained(toy_gpt2, trl.DPOTrainer, trl.DPOConfig, examples, tmp_path)
    tokens, mask = texts(batch)
    _, ours = steps.preference_step(
        steps.init_train_state(weights(0)), tokens, mask,
        policy.token_logp(transformer, weights(1), tokens), roles=("chosen", "rejected"),
        loss=functools.partial(losses.dpo, beta=BETA), beta=BETA, model=transformer,
        step_size=steps.StepSize(1e-4),
    )  # fmt: skip
    assert {name for name in theirs if name.startswith("rewards/")} <= set(ours)
    assert {"loss", "grad_norm", "logps/chosen", "logps/rejected"} <= set(ours)
    assert_logged(ours, theirs)
    assert 0 < theirs["rewards/accuracies"] < 1


def test_a_kto_step_logs_what_trl_logs(toy_gpt2, tmp_path):
    """loss, grad_norm, rewards/* and z0 of KTOTrainer on three liked and five disliked texts."""
    import trl

    examples = rows(("completion",), np.random.default_rng(0))
    examples = [row | {"label": i % 3 == 1} for i, row in enumerate(examples)]
    batch, theirs = trained(toy_gpt2, trl.KTOTrainer, trl.KTOConfig, examples, tmp_path)
    (tokens, mask), (other, other_mask) = texts(batch), texts(batch, "KL_")

    def ref_logp(tokens, mask):
        return policy.sequence_logp(transformer, weights(1), tokens, mask)

    liked = batch["label"].astype(np.float32)
    both = steps.UnpairedBatch(
        tokens, mask, ref_logp(tokens, mask), liked, other, other_mask, ref_logp(other, other_mask)
    )
    _, ours = steps.unpaired_step(
        steps.init_train_state(weights(0)), both, loss=functools.partial(losses.kto, beta=BETA),
        beta=BETA, model=transformer, step_size=steps.StepSize(1e-4),
    )  # fmt: skip
    assert {name for name in theirs if name.startswith("rewards/")} <= set(ours)
    assert {"loss", "grad_norm", "z0"} <= set(ours)
    assert_logged(ours, theirs)
    assert theirs["kl"] > 0 and liked.sum() == 3
