"""Training steps against TRL's trainers: the same size of model, batch and completions.

The model is GPT-2 by shape, the words are numbers, and nothing is downloaded. A step of ours does
what TRL's does: DPO scores the batch with the reference too, GRPO samples, scores with the
reference and takes one gradient step. It reads each prompt once, as every training here does. PPO
is not here: TRL 1.x no longer has a PPO trainer.
"""

import functools
import tempfile
import time

import numpy as np
from measure import clock
from toy_gpt2 import gpt2, tokenizer

from tinyalign import policy
from tinyalign.losses import aggregate, divergence, dpo
from tinyalign.losses.advantage import group_standardize
from tinyalign.methods import online, samples, steps
from tinyalign.models import transformer
from tinyalign.runs import train

VOCAB, WIDTH, PROMPT, NEW, GROUP = 32, 64, 8, 8, 8
BATCH = {"SFT": 64, "DPO": 64, "GRPO": 256}  # examples, pairs, completions
STEPS, WARM = 12, 4


def words(rng, count):
    return " ".join(f"w{i}" for i in rng.integers(VOCAB - 2, size=count))


def ours(name, rng):
    """A function that takes one step of tinyalign."""
    params = transformer.init(rng, vocab=VOCAB, width=WIDTH, context=PROMPT + NEW)
    state = {"policy": steps.init_train_state(params)}
    rows = BATCH[name] * (2 if name == "DPO" else 1)
    tokens = rng.integers(VOCAB, size=(rows, PROMPT + NEW))
    if name == "DPO":  # the chosen completions, then the rejected ones of the same prompts
        tokens[rows // 2 :, :PROMPT] = tokens[: rows // 2, :PROMPT]
    mask = np.zeros((rows, PROMPT + NEW - 1), np.float32)
    mask[:, PROMPT - 1 :] = 1.0
    told = {"model": transformer, "step_size": steps.StepSize(1e-4)}

    def sft():
        layout = samples.prompt_layout(transformer, tokens, mask, 1)
        state["policy"], _ = steps.sft_step(state["policy"], tokens, mask, layout=layout, **told)

    def preference():
        layout = samples.prompt_layout(transformer, tokens, mask, 2, roles_first=True)
        ref_logp = policy.token_logp(transformer, params, tokens, layout=layout)
        state["policy"], _ = steps.preference_step(
            state["policy"], tokens, mask, ref_logp, roles=("chosen", "rejected"), loss=dpo,
            beta=0.1, layout=layout, **told,
        )  # fmt: skip

    def grpo():
        prompts = tokens[: rows // GROUP, :PROMPT]
        drawn = policy.sample(
            transformer, state["policy"].params, prompts, rng,
            max_new_tokens=NEW, eos=VOCAB - 1, num_generations=GROUP,
        )  # fmt: skip
        layout = samples.prompt_layout(transformer, *drawn[:2], GROUP)
        ref_logp = policy.token_logp(transformer, params, drawn.tokens, layout=layout)
        reward = drawn.mask.sum(axis=1).reshape(-1, GROUP) % 7
        advantage = group_standardize(reward).reshape(-1, 1)
        state["policy"], _ = steps.policy_gradient_step(
            state["policy"], steps.Experience(*drawn, ref_logp, advantage),
            surrogate=online.ppo_surrogate, clip=0.2, reduce=aggregate.token_mean, kl=divergence.k3,
            beta=0.04, entropy_coef=0.0, temperature=1.0, layout=layout, **told,
        )  # fmt: skip

    return {"SFT": sft, "DPO": preference, "GRPO": grpo}[name]


def theirs(name, rng, stamp, folder):
    """A trainer of TRL that calls `stamp` after every step."""
    import trl
    from datasets import Dataset
    from transformers import TrainerCallback

    class Stamp(TrainerCallback):
        def on_step_end(self, *args, **kw):
            stamp()

    model, vocabulary = gpt2(VOCAB, WIDTH, PROMPT + NEW + 1), tokenizer(VOCAB)
    model.save_pretrained(folder)  # GRPO reads its reference from where its policy came from
    vocabulary.save_pretrained(folder)
    columns = {"SFT": ["completion"], "DPO": ["chosen", "rejected"], "GRPO": []}[name]
    config = {"SFT": trl.SFTConfig, "DPO": trl.DPOConfig, "GRPO": trl.GRPOConfig}[name](
        output_dir=folder, max_steps=STEPS, per_device_train_batch_size=BATCH[name], report_to=[],
        logging_strategy="no", save_strategy="no", use_cpu=True, bf16=False, disable_tqdm=True,
        gradient_checkpointing=False,
        **({"num_generations": GROUP, "max_completion_length": NEW, "beta": 0.04}
           if name == "GRPO" else {"max_length": PROMPT + NEW}),
    )  # fmt: skip
    rows = [
        {"prompt": words(rng, PROMPT)} | {c: " " + words(rng, NEW - 1) for c in columns}
        for _ in range(BATCH[name] * STEPS)
    ]
    shared = {"args": config, "train_dataset": Dataset.from_list(rows)}
    shared |= {"processing_class": vocabulary, "callbacks": [Stamp()]}
    if name == "GRPO":
        score = functools.partial(lambda completions, **_: [float(len(c) % 7) for c in completions])
        score.__name__ = "length"
        return trl.GRPOTrainer(model=folder, reward_funcs=score, **shared)
    if name == "DPO":
        frozen = gpt2(VOCAB, WIDTH, PROMPT + NEW + 1)
        return trl.DPOTrainer(model=model, ref_model=frozen, **shared)
    return trl.SFTTrainer(model=model, **shared)


def measure(threads):
    """Rows of the table of trainers. A step of ours follows each of theirs: they take turns."""
    import torch

    torch.set_num_threads(threads)
    train.keep_freed_memory()
    rows, left_out, now = [], {"PPO": "TRL 1.x has no PPO trainer"}, clock(threads)
    for name in BATCH:
        rng, taken = np.random.default_rng(0), {"tinyalign": [], "TRL": []}
        step, begun = ours(name, rng), [now()]

        def stamp(step=step, taken=taken, begun=begun):
            middle = now()
            step()
            taken["TRL"].append(1e3 * (middle - begun[0]))
            begun[0] = now()
            taken["tinyalign"].append(1e3 * (begun[0] - middle))

        try:
            with tempfile.TemporaryDirectory() as folder:
                theirs(name, rng, stamp, folder).train()
        except Exception as error:  # a release that changed its arguments: said, not hidden
            left_out[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            continue
        median = {who: float(np.median(times[WARM:])) for who, times in taken.items()}
        rows.append({"step": name, "batch": BATCH[name], "ms": median})
    return {"threads": threads, "rows": rows, "left_out": left_out, "measured": time.ctime()}
