"""Proximal Policy Optimization (PPO): a policy learns addition from rewards, with a critic.

Learns      to answer "12+34=" with "046" and an end-of-sequence token (EOS)
From        its own completions, one of each problem, score 1 where right and 0 where wrong
Loss        each token has a reward: the KL penalty (π_ref is the policy before PPO), and at EOS the
            score too. A critic V predicts the reward still to come; the advantage A is what came
            on top of that, by generalised advantage estimation:
                r_t = −β·log(π_old/π_ref), plus the score at EOS
                δ_t = r_t + γ·V_{t+1} − V_t,   A_t = δ_t + γλ·A_{t+1},   R_t = A_t + V_t
                actor:   L = −min(ρ·A_t, clip(ρ, 0.8, 1.2)·A_t),   ρ = π(token)/π_old(token)
                critic:  L = ½·max((V − R_t)², (V_old + clip(V − V_old, −0.2, 0.2) − R_t)²)
            Both are means over all tokens; A is first whitened to mean 0 and variance 1.
Known as    Schulman et al. 2017, arXiv:1707.06347; for language models Ziegler et al. 2019,
            arXiv:1909.08593

Run it:     python walkthroughs/scripts/ppo.py [SEED]
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
STEPS, RATE, WARMUP = 80, 2e-3, 15  # a step is one batch of rollouts
BATCH = 512  # completions of a batch of rollouts, one a problem
EPOCHS, MINIBATCHES = 2, 2  # passes over a batch, and gradient steps per pass
CLIP, BETA = 0.2, 0.01  # of ratio and value; weight of the KL to the reference, per nat
GAMMA, LAMBDA = 1.0, 0.95  # discount; 0 trusts the critic one step ahead, 1 uses the whole return
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


def actor_loss(params, tokens, mask, old_logp, advantage):
    """Clipped surrogate of B completions, mean over tokens; arrays (B, S−1), tokens (B, S)."""
    logp = policy.token_logp(transformer, params, tokens)
    surrogate = ta.clipped_surrogate(logp, old_logp, advantage, clip_low=CLIP, clip_high=CLIP)
    return ta.token_mean(surrogate, mask), {}


def critic_loss(critic, tokens, mask, old_value, returns):
    """Half the squared error of the values, clipped as the ratio is, mean over tokens."""
    value = policy.scalar(transformer, critic, tokens[:, :-1])  # (B, S−1)
    return ta.token_mean(ta.value_loss(value, old_value, returns, clip=CLIP), mask), {}


# The critic is a second network: the policy's trunk, copied, under a head that starts at 0.
critic = policy.scalar_init(transformer, reference)
state, critic_state = adam_init(params), adam_init(critic)
rng = np.random.default_rng([3, SEED, 1])
for step in range(STEPS):
    # Rollout: sample, score, value. All of this is constant to the gradient.
    problems = rng.choice(task.train, size=BATCH)
    (tokens, mask, old_logp), score = generate(params, problems, rng)  # (N, S), score (N, 1)
    ref_logp = policy.token_logp(transformer, reference, tokens)  # (N, S−1), like all below
    reward = ta.kl_shaped_reward(score[:, 0], old_logp, ref_logp, mask, beta=BETA)
    old_value = policy.scalar(transformer, critic, tokens[:, :-1])
    advantage, returns = ta.gae(reward, old_value, mask, gamma=GAMMA, lam=LAMBDA)
    advantage = ta.whiten(advantage, mask)

    # Learn: several gradient steps on one batch. The clip is for those after the first, when the
    # policy is no longer the one that drew the samples.
    rate = schedule(step, RATE, WARMUP, STEPS)
    for _ in range(EPOCHS):
        for rows in np.array_split(rng.permutation(BATCH), MINIBATCHES):
            part = [array[rows] for array in (tokens, mask, old_logp, advantage)]
            params, state, policy_loss, _ = update(params, state, rate, actor_loss, *part)
            part = [array[rows] for array in (tokens, mask, old_value, returns)]
            critic, critic_state, value_loss, _ = update(
                critic, critic_state, rate, critic_loss, *part
            )

    if (step + 1) % 20 == 0:
        kl = (ta.k3(old_logp, ref_logp) * mask).sum(axis=1).mean()  # nats a completion
        solved = accuracy(params, held_out)
        print(
            f"step {step + 1:4}  policy loss {policy_loss:7.4f}  value loss {value_loss:.4f}  "
            f"reward {score.mean():.3f}  KL {kl:.3f}  accuracy {solved:.3f}"
        )

print(f"held-out accuracy {solved:.3f} on {len(held_out)} problems")
assert solved >= 0.90, "the policy should have learned to add"
