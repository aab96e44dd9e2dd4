# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Supervised fine-tuning
#
# Show the model the answer and raise its probability. Nothing in alignment is plainer, and a mask
# decides what is learned: whether the prompt is part of it, and whether the end of the answer is.
#
# ## What the notes say
#
# {notes 001 16-18}
# {notes 003 9-9}
# {notes 003 58-63}
#
# Supervised fine-tuning is the first stage of every recipe in the notes. One note counts it as a
# stage of DPO; another [does not count it](errata.html#row-12). What it produces is the
# *reference*: the frozen policy that PPO, DPO and GRPO measure drift from.
#
# ## The loss, live
#
# {source tinyalign.losses.supervised.cross_entropy}
# {source tinyalign.methods.steps.sft_step}

# %%
import numpy as np

from tinyalign import policy
from tinyalign.laws import assert_lawful
from tinyalign.losses import cross_entropy
from tinyalign.methods import steps
from tinyalign.models import tokenizer, transformer
from tinyalign.notes.lesson import check_exercise, picture, table
from toy_envs import arithmetic

TASK = arithmetic.make(digits=2)
VOCABULARY = tokenizer.Vocabulary(TASK.alphabet, TASK.ends)
prompts = tokenizer.encode(VOCABULARY, TASK.train)
answers = tokenizer.encode(VOCABULARY, [TASK.solution(p) for p in TASK.train], end=True)
tokens, answer_mask = tokenizer.batch(prompts, answers)
print("a problem and its answer:", TASK.train[1207] + TASK.solution(TASK.train[1207]))
print("mask of its targets:     ", answer_mask[1207].astype(int).tolist(), "(the last 1 is EOS)")

# %% [markdown]
# ## Before the run: three floors
#
# The loss of a perfect model is the entropy of what it is asked to predict, in nats per token.
#
# * Learn the **answer**: it follows from the prompt, so its entropy is 0.
# * Learn **prompt and answer**: the digits of the problem are random. No model can do better than
#   their entropy, and this page can compute it: given its first digit, a training problem is one of
#   so many equally likely ones.
# * Learn the answer **without its EOS**: the floor is 0 too, and the model never learns to stop.
#   Its answers do not end, and an answer that does not end is wrong.
#
# And every run starts near $\log V$, the loss of a uniform guess over $V$ tokens.
#
# **The dial:** `STEPS`. At half as many the loss already looks good and the answers are still
# wrong.

# %%
STEPS, BATCH, PEAK = 600, 64, 8e-3

first_digit = np.array([prompt[0] for prompt in prompts])
share = np.bincount(first_digit) / len(prompts)
prompt_entropy = float(share @ np.log(np.bincount(first_digit)))  # nats per problem
everything = np.ones_like(answer_mask)
no_end = answer_mask * (tokens[:, 1:] != VOCABULARY.eos)
masks = {"answer": answer_mask, "prompt and answer": everything, "answer, no EOS": no_end}
floors = {"answer": 0.0, "prompt and answer": prompt_entropy / everything[0].sum(),
          "answer, no EOS": 0.0}  # fmt: skip
uniform = np.log(VOCABULARY.size)
table(["learns", "start, predicted", "floor, predicted"],
      [[name, uniform, floor] for name, floor in floors.items()])  # fmt: skip

# %% [markdown]
# ## The run
#
# The same model, the same batches, three masks. Measured on held-out problems: exact match of the
# likeliest answer, ended by itself, and the probability of EOS where the answer is complete.


# %%
def examine(params):
    """Exact match on held-out problems, and the probability of EOS after the right answer."""
    some = TASK.held_out[:: max(1, len(TASK.held_out) // 200)]
    known = tokenizer.encode(VOCABULARY, some)
    rollout = policy.sample(
        transformer,
        params,
        known,
        np.random.default_rng(0),
        max_new_tokens=TASK.max_new_tokens,
        eos=VOCABULARY.eos,
        temperature=0.0,
    )
    written = tokenizer.completions(VOCABULARY, rollout.tokens, rollout.mask)
    solutions = tokenizer.encode(VOCABULARY, [TASK.solution(p) for p in some], end=True)
    complete, _ = tokenizer.batch(known, solutions)
    end = policy.token_logp(transformer, params, complete)[:, -1]
    return float(np.mean(TASK.success(some, *written))), float(np.mean(np.exp(end)))


def fine_tune(mask):
    """Losses of all steps, and (step, exact match, P(EOS)) now and then."""
    params = transformer.init(
        np.random.default_rng(0), vocab=VOCABULARY.size, width=32, layers=2, context=10
    )
    network, rng, loss, seen = steps.init_train_state(params), np.random.default_rng(1), [], []
    for step in range(STEPS):
        rows = rng.integers(len(tokens), size=BATCH)
        pace = PEAK * min((step + 1) / 30, (STEPS - step) / (STEPS - 30))
        network, metrics = steps.sft_step(
            network, tokens[rows], mask[rows], model=transformer, step_size=steps.StepSize(pace)
        )
        loss.append(float(metrics["loss"]))
        if step % 50 == 49:
            seen.append((step + 1, *examine(network.params)))
    return loss, seen


runs = {name: fine_tune(mask) for name, mask in masks.items()}
table(
    ["learns", "loss at the start", "at the end", "floor", "exact match", "P(EOS)"],
    [[name, loss[0], np.mean(loss[-20:]), floors[name], *seen[-1][1:]]
     for name, (loss, seen) in runs.items()],
)  # fmt: skip

# %% [markdown]
# The loss of the second run is the highest and says nothing about how well it adds: most of it is
# the entropy of problems that nobody can foresee. Compare losses only under one mask. Learning the
# prompt as well did no harm to the answers here (look at the exact match); on a task with long
# prompts and few answers it spends most of the gradient on them. Leaving out EOS is fatal.

# %%
figure, (left, right) = picture(2, width=8.2)
for (name, (_, seen)), dash in zip(runs.items(), ("o-", "s:", "o-"), strict=True):
    at, exact, end = zip(*seen, strict=True)
    left.plot(at, exact, dash, label=name)
    right.plot(at, end, dash, label=name)
left.set(xlabel="step", title="Exact match, held out", ylim=(-0.03, 1.03))
right.set(xlabel="step", title="P(EOS) after the answer", ylim=(-0.03, 1.03))
left.legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ## Weird numbers
#
# **“My SFT loss does not go below 0.8.”** Look at the mask. If the prompt is in it, the floor is
# the prompt's entropy, not 0 (open-r1 #517 trained the labels of the whole input).
#
# **“The model answers and then goes on and on.”** EOS was masked, or there was none in the data
# (huggingface/trl #1623, #3091, #2059; open-r1 #494).
#
# **“With gradient accumulation I get another loss.”** A token mean must be divided by the tokens of
# the whole batch (trl #2615). The next cell shows the difference on one batch.

# %%
rng = np.random.default_rng(2)
logp = -rng.random((4, 6))
lengths = (np.arange(6) < np.array([[6], [5], [1], [2]])).astype(float)
whole = float(cross_entropy(logp, lengths))
halves = [float(cross_entropy(logp[i : i + 2], lengths[i : i + 2])) for i in (0, 2)]
weights = [lengths[i : i + 2].sum() for i in (0, 2)]
combined = float(np.dot(halves, weights) / np.sum(weights))
print(
    f"whole batch {whole:.4f}, mean of two halves {np.mean(halves):.4f}, by tokens {combined:.4f}"
)

# %% [markdown]
# ## A relative: DFT
#
# {source tinyalign.losses.self_weighted.dft}
#
# Cross-entropy pulls every target alike, however unlikely it was. DFT weights each target by its
# own probability, as a constant: what the policy finds impossible hardly counts.

# %%
from autograd import grad

from tinyalign.losses import dft

likely = np.array([[0.9, 0.5, 0.01]])
alone = np.ones_like(likely)
pulls = {f.__name__: -3 * grad(f)(np.log(likely), alone)[0] for f in (cross_entropy, dft)}
table(["loss", *(f"pull at p = {p}" for p in likely[0])], [[n, *g] for n, g in pulls.items()])

# %% [markdown]
# ## Exercises
#
# **1.** The loss: log-probabilities of targets and a mask, to one number.
#
# **2.** The mask: from prompt lengths and total lengths, which targets are learned? Column $t$ of a
# mask speaks of the token in column $t + 1$.


# %%
def my_cross_entropy(logp, mask):
    raise NotImplementedError


def check_my_cross_entropy(solution):
    assert_lawful(solution, "cross_entropy")


def my_mask(prompt_length, length, width):
    raise NotImplementedError  # (N,), (N,), number of tokens in a row -> (N, width - 1)


def check_my_mask(solution):
    draw = np.random.default_rng(4)
    for _ in range(20):
        rows = [(draw.integers(1, 5), draw.integers(1, 5)) for _ in range(3)]
        ids = [[list(draw.integers(3, size=n)) for n in row] for row in rows]
        full, wanted = tokenizer.batch([row[0] for row in ids], [row[1] for row in ids])
        before, after = np.transpose(rows)
        result = np.asarray(solution(before, before + after, full.shape[1]), float)
        np.testing.assert_array_equal(result, wanted)


check_exercise(check_my_cross_entropy, my_cross_entropy)
check_exercise(check_my_mask, my_mask)

# %% [markdown]
# ## The same line in TRL
#
# `SFTConfig(completion_only_loss=True)`; the tokenizer has to have a PAD that is not its EOS.
#
# ## What this page showed

# %%
final = {name: (np.mean(loss[-20:]), *seen[-1][1:]) for name, (loss, seen) in runs.items()}
assert all(abs(loss[0] - uniform) < 0.5 for loss, _ in runs.values()), "starts near log V"
assert all(final[name][0] > floors[name] - 0.02 for name in runs), "nobody beats the floor"
assert final["prompt and answer"][0] < floors["prompt and answer"] + 0.3, "and it gets near"
assert final["answer"][1] > 0.8 and final["answer"][2] > 0.9, "the answer is learned, and its end"
assert final["answer, no EOS"][1] == 0 and final["answer, no EOS"][2] < 0.05, "without EOS: never"
assert abs(combined - whole) < 1e-12 < abs(np.mean(halves) - whole), "weigh halves by tokens"
assert np.allclose(pulls["cross_entropy"], 1) and np.allclose(pulls["dft"], likely), "DFT: p"
print("all claims of this page hold")
