"""Group Relative Policy Optimization (GRPO): a policy learns addition from rewards alone.

Learns      to answer "12+34=" with "046" and an end-of-sequence token (EOS)
From        its own completions, G of each problem, reward r = 1 where right and 0 where wrong
Loss        an advantage A_i compares a completion with the others of its problem; ρ is the ratio
            of the policy to the one that drew the token, π_ref the policy before GRPO:
                A_i = (r_i − mean r)/(std r + ε)
                L = mean_i mean_t [−min(ρ·A_i, clip(ρ, 0.8, 1.2)·A_i) + β·k3]
                ρ = π(token)/π_old(token),  q = π_ref(token)/π(token),  k3 = q − 1 − log q ≥ 0
Known as    Shao et al. 2024, arXiv:2402.03300

Run it:     python walkthroughs/scripts/grpo.py [SEED]
"""

import sys

import numpy as np

import tinyalign as ta
from tinyalign import policy
from tinyalign.engine.optim import adam, adam_init, clip_by_global_norm
from tinyalign.engine.tree import value_and_grad
from tinyalign.models import transformer
from tinyalign.models.tokenizer import batch, completions, encode
from toy_envs import arithmetic

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 0
SFT_STEPS, SFT_RATE, SFT_WARMUP, SFT_BATCH = 400, 6e-3, 100, 64
SFT_ACCURACY = 0.4  # of training problems: the warm start stops there
STEPS, RATE, WARMUP = 80, 1.5e-3, 10  # a step is one batch of rollouts
PROBLEMS, GENERATIONS = 256, 4  # P and G of a batch of rollouts
EPOCHS, MINIBATCHES = 2, 2  # passes over a batch, and gradient steps per pass
CLIP, BETA = 0.2, 0.01  # of the ratio; weight of the KL to the reference, per nat
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


def grpo_loss(params, tokens, mask, old_logp, ref_logp, advantage):
    """Clipped surrogate plus β times the KL to the reference; (N, T) arrays, advantage (N, 1)."""
    logp = policy.token_logp(transformer, params, tokens)
    surrogate = ta.clipped_surrogate(logp, old_logp, advantage, clip_low=CLIP, clip_high=CLIP)
    kl = ta.k3(logp, ref_logp)
    # A mean over the tokens of each completion, then over completions: GRPO's own way.
    return ta.sequence_mean(surrogate, mask) + BETA * ta.sequence_mean(kl, mask), {}


state = adam_init(params)
rng = np.random.default_rng([3, SEED, 1])
for step in range(STEPS):
    # Rollout: sample, score, compare. All of this is constant to the gradient.
    problems = rng.choice(task.train, size=PROBLEMS)
    (tokens, mask, old_logp), reward = generate(params, problems, rng, GENERATIONS)  # N = P·G rows
    ref_logp = policy.token_logp(transformer, reference, tokens)  # (N, S−1)
    advantage = ta.group_standardize(reward).reshape(-1, 1)  # (P, G) -> (N, 1), one a completion
    experience = tokens, mask, old_logp, ref_logp, advantage

    # Learn: several gradient steps on one batch. The clip is for those after the first, when the
    # policy is no longer the one that drew the samples.
    rate = schedule(step, RATE, WARMUP, STEPS)
    for _ in range(EPOCHS):
        for chosen in np.array_split(rng.permutation(PROBLEMS), MINIBATCHES):
            rows = (chosen[:, None] * GENERATIONS + np.arange(GENERATIONS)).reshape(-1)
            part = [array[rows] for array in experience]
            params, state, value, _ = update(params, state, rate, grpo_loss, *part)

    if (step + 1) % 20 == 0:
        kl = (ta.k3(old_logp, ref_logp) * mask).sum(axis=1).mean()  # nats a completion
        solved = accuracy(params, held_out)
        print(
            f"step {step + 1:4}  loss {value:7.4f}  reward {reward.mean():.3f}  KL {kl:.3f}  "
            f"accuracy {solved:.3f}"
        )

print(f"held-out accuracy {solved:.3f} on {len(held_out)} problems")
assert solved >= 0.90, "the policy should have learned to add"
