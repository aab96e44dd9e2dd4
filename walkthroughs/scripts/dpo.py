"""Direct Preference Optimization (DPO): a policy learns two-digit addition from pairs.

Learns      to answer "12+34=" with "046" and an end-of-sequence token (EOS) more often than it did
From        pairs of its own completions of one problem, one right (chosen), one wrong (rejected)
Loss        on log π(completion | prompt), summed over tokens, relative to the frozen reference,
            which is the policy before DPO; mean over pairs:
                h(y) = log π(y | x) − log π_ref(y | x)
                L = −log σ(β·(h(chosen) − h(rejected)))
Known as    Rafailov et al. 2023, arXiv:2305.18290

The pairs are drawn once: DPO never sees what the policy in training would say now. The policy
improves on its start, and stays behind those of grpo.py and ppo.py, which sample at each step.

Run it:     python walkthroughs/scripts/dpo.py [SEED]
"""

import sys

import numpy as np

import tinyalign as ta
from tinyalign import policy
from tinyalign.engine.optim import adam, adam_init, clip_by_global_norm
from tinyalign.engine.tree import value_and_grad
from tinyalign.models import transformer
from tinyalign.models.tokenizer import batch, completions, encode
from toy_envs import arithmetic, feedback

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 0
SFT_STEPS, SFT_RATE, SFT_WARMUP, SFT_BATCH = 400, 6e-3, 100, 64
SFT_ACCURACY = 0.4  # of training problems: the warm start stops there
STEPS, RATE, WARMUP, BATCH = 300, 1e-3, 30, 128  # BATCH pairs a gradient step
PROBLEMS, GENERATIONS = 8192, 4  # completions are drawn for these, so many for each
PAIRS = 4096  # at most so many are judged
BETA = 3.0  # per nat: a larger β keeps the policy closer to the reference
MAX_GRAD_NORM = 1.0

# The task has strings; the model has token ids. Each character is a token, and EOS is one more.
task = arithmetic.make()
EOS = len(task.alphabet)
held_out = task.held_out[::2]  # every other problem that is never trained on: 500

# Generators are numbered as those of `tinyalign run`, so that both come to the same result:
# [1, seed] for the parameters; [2, seed, stage] for a stage's data, [3, seed, stage] for its steps.


def generate(params, problems, rng, generations=1, temperature=1.0):
    """G completions of each of P problems: Rollout of P·G rows, reward (P, G)."""
    rollout = policy.sample(
        transformer, params, encode(task, problems), rng,
        max_new_tokens=task.max_new_tokens, eos=EOS,
        temperature=temperature, num_generations=generations,
    )  # fmt: skip
    texts = completions(task, rollout.tokens, rollout.mask)
    reward = task.reward(np.repeat(problems, generations), *texts)  # 1 right, 0 wrong
    return rollout, reward.astype(np.float32).reshape(len(problems), generations)


def accuracy(params, problems):
    """Share of the problems whose greedy completion is right; temperature 0 uses no randomness."""
    return generate(params, problems, np.random.default_rng(0), temperature=0.0)[1].mean()


def schedule(step, peak, warmup, steps):
    """The learning rate: linear rise to the peak, then linear decay to 0."""
    return peak * min((step + 1) / warmup, (steps - step) / (steps - warmup), 1.0)


def update(params, state, rate, loss, *arrays):
    """One Adam step down loss(params, *arrays): (params, state, loss, metrics)."""
    value, metrics, gradients = value_and_grad(loss)(params, *arrays)
    gradients, _ = clip_by_global_norm(gradients, MAX_GRAD_NORM)
    params, state = adam(params, gradients, state, learning_rate=rate)
    return params, state, value, metrics


def sft_loss(params, tokens, mask):
    """Cross-entropy of the answers, as in sft.py."""
    return ta.cross_entropy(policy.token_logp(transformer, params, tokens), mask), {}


# Warm start: SFT as in sft.py, stopped early. The samples of a policy that is never right all have
# the same reward, and there is nothing to learn from them.
answers = encode(task, [task.solution(problem) for problem in task.train], end=True)
tokens, mask = batch(encode(task, task.train), answers)  # (N, S), (N, S−1)
rng = np.random.default_rng([1, SEED])
params = transformer.init(rng, vocab=EOS + 1, width=64, layers=2, heads=4)
state = adam_init(params)
rng = np.random.default_rng([3, SEED, 0])
checked = np.linspace(0, len(task.train) - 1, 500).round().astype(int)  # problems, evenly spread
checked = [task.train[i] for i in checked]
for step in range(SFT_STEPS):
    rows = rng.integers(len(tokens), size=SFT_BATCH)
    rate = schedule(step, SFT_RATE, SFT_WARMUP, SFT_STEPS)
    params, state, *_ = update(params, state, rate, sft_loss, tokens[rows], mask[rows])
    if (step + 1) % 5 == 0 and accuracy(params, checked) >= SFT_ACCURACY:
        break
reference, start = params, accuracy(params, held_out)
print(f"warm start: {step + 1} steps of SFT, accuracy {start:.3f}")

# Pairs: sample from the reference, and for each problem that got right and wrong completions take
# one of each. `feedback` names a completion by its problem and its place among the G.
rng = np.random.default_rng([2, SEED, 1])
problems = rng.choice(task.train, size=PROBLEMS)
rollout, reward = generate(reference, problems, rng, GENERATIONS)
pairs = feedback.pairs(reward, rng)
rows = pairs.prompt * GENERATIONS + np.stack([pairs.chosen, pairs.rejected])  # (2, N) of P·G
rows = rows[:, :PAIRS]
tokens, mask = rollout.tokens[rows], rollout.mask[rows]  # (2, N, S), (2, N, S−1)
print(f"{rows.shape[1]:,} pairs out of {reward.size:,} completions")

# The reference does not change, so each completion is scored once, outside of the loop.
ref_logp = [policy.sequence_logp(transformer, reference, tokens[i], mask[i]) for i in (0, 1)]
ref_logp = np.stack(ref_logp)  # (2, N)


def dpo_loss(params, tokens, mask, ref_logp):
    """DPO of B pairs, tokens (2, B, S); one pass of the model scores chosen and rejected."""
    flat_tokens, flat_mask = tokens.reshape(-1, tokens.shape[2]), mask.reshape(-1, mask.shape[2])
    logp = policy.sequence_logp(transformer, params, flat_tokens, flat_mask)  # (2·B,)
    chosen, rejected = logp.reshape(ref_logp.shape)  # (B,) each
    ref_chosen, ref_rejected = ref_logp
    margin = (chosen - ref_chosen) - (rejected - ref_rejected)
    metrics = {"margin": BETA * margin.mean(), "chosen_logp": chosen.mean()}
    return ta.dpo(chosen, rejected, ref_chosen, ref_rejected, beta=BETA).mean(), metrics


state = adam_init(params)
rng = np.random.default_rng([3, SEED, 1])
for step in range(STEPS):
    rows = rng.integers(tokens.shape[1], size=BATCH)
    rate = schedule(step, RATE, WARMUP, STEPS)
    examples = tokens[:, rows], mask[:, rows], ref_logp[:, rows]
    params, state, value, metrics = update(params, state, rate, dpo_loss, *examples)
    if (step + 1) % 50 == 0:
        solved = accuracy(params, held_out)
        print(
            f"step {step + 1:4}  loss {value:.4f}  margin {metrics['margin']:.2f}  "
            f"chosen logp {metrics['chosen_logp']:.2f}  accuracy {solved:.3f}"
        )

print(f"held-out accuracy {solved:.3f} on {len(held_out)} problems")
assert solved >= start + 0.15, "the policy should have improved on its warm start"
