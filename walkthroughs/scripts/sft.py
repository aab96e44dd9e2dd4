"""Supervised fine-tuning (SFT): a transformer learns two-digit addition from worked examples.

Learns      to continue "12+34=" with "046" and an end-of-sequence token (EOS)
From        demonstrations: nine tenths of all 10 000 problems, each with its answer
Loss        cross-entropy of the answer, mean over its tokens; mask m = 1 on answer and EOS, else 0
                L = −Σ_t m_t·log π(y_t | x, y_{<t}) / Σ_t m_t
Known as    Ouyang et al. 2022, arXiv:2203.02155, step 1

Run it:     python walkthroughs/scripts/sft.py [SEED]
"""

import sys

import numpy as np

import tinyalign as ta
from tinyalign import policy
from tinyalign.engine.optim import adam, adam_init, clip_by_global_norm
from tinyalign.engine.tree import size, value_and_grad
from tinyalign.models import transformer
from tinyalign.models.tokenizer import batch, completions, encode
from toy_envs import arithmetic

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 0
STEPS, RATE, WARMUP, BATCH = 400, 6e-3, 100, 64  # RATE is the highest learning rate of Adam
MAX_GRAD_NORM = 1.0

# The task has strings; the model has token ids. Each character is a token, and EOS is one more.
task = arithmetic.make()
EOS = len(task.alphabet)
held_out = task.held_out[::2]  # every other problem that is never trained on: 500

# Every row is prompt, answer, EOS. mask[n, t] = 1 where the target tokens[n, t + 1] belongs to the
# answer, so that the loss asks for answers only and never for the next problem.
prompts = encode(task, task.train)
answers = encode(task, [task.solution(prompt) for prompt in task.train], end=True)
tokens, mask = batch(prompts, answers)  # (N, S) int, (N, S−1) 0 or 1
print(f"{len(tokens):,} demonstrations of {tokens.shape[1]} tokens, e.g. {task.train[-1]!r}")


def accuracy(params, problems):
    """Share of the problems whose greedy completion is right; temperature 0 uses no randomness."""
    rollout = policy.sample(
        transformer, params, encode(task, problems), np.random.default_rng(0),
        max_new_tokens=task.max_new_tokens, eos=EOS, temperature=0.0,
    )  # fmt: skip
    return task.success(problems, *completions(task, rollout.tokens, rollout.mask)).mean()


def loss(params, tokens, mask):
    """Cross-entropy of the tokens that the mask selects; the second result is for metrics."""
    logp = policy.token_logp(transformer, params, tokens)  # (B, S) -> (B, S−1), nats
    return ta.cross_entropy(logp, mask), {}


# Parameters are a nested dict of arrays. The model is a module: functions that read the dict.
# Generators are numbered as those of `tinyalign run`, so that both come to the same result.
rng = np.random.default_rng([1, SEED])
params = transformer.init(rng, vocab=EOS + 1, width=64, layers=2, heads=4)
state = adam_init(params)
print(f"{size(params):,} parameters")

rng = np.random.default_rng([3, SEED, 0])
for step in range(STEPS):
    # The rate rises while Adam's averages are still rough, and falls to 0 so that the noise of
    # small batches dies away.
    rate = RATE * min((step + 1) / WARMUP, (STEPS - step) / (STEPS - WARMUP), 1.0)
    rows = rng.integers(len(tokens), size=BATCH)
    value, _, gradients = value_and_grad(loss)(params, tokens[rows], mask[rows])
    gradients, norm = clip_by_global_norm(gradients, MAX_GRAD_NORM)
    params, state = adam(params, gradients, state, learning_rate=rate)
    if (step + 1) % 50 == 0:
        solved = accuracy(params, held_out)
        print(f"step {step + 1:4}  loss {value:.4f}  gradient {norm:.3f}  accuracy {solved:.3f}")

print(f"held-out accuracy {solved:.3f} on {len(held_out)} problems")
assert solved >= 0.95, "the policy should have learned to add"
