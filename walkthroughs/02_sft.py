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
# ## The question
#
# A fresh language model writes nonsense. Before any reward can teach it, it must answer at all. How
# is a model taught to answer by showing it answers, and which part of each example should it learn?
#
# ## The idea
#
# Supervised fine-tuning, short SFT, shows the model a prompt together with a good answer and raises
# the probability of that answer. The model reads the prompt and the correct answer up to some
# token, and predicts the next token. The loss is small if the model gave that token a high
# probability. Nothing in this course is simpler, and every recipe begins with it. What SFT produces
# is also the *reference*: the frozen model from which later methods measure their distance.
#
# All the care goes into a *mask*, a row of zeros and ones. It marks the tokens that are to be
# learned. Should the model also learn to write the prompt? Should it learn the end mark, called
# EOS, that says "the answer is complete"? This page trains the same model with three masks on the
# same batches. One of the three never learns to stop.
#
# ```
#  text      1  7  +  2  5  =  0  4  2  .
#  target       7  +  2  5  =  0  4  2  .
#  answer       0  0  0  0  0  1  1  1  1
#  no EOS       0  0  0  0  0  1  1  1  0
#  all          1  1  1  1  1  1  1  1  1
# ```
#
# The point stands for EOS.
#
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $y_t$ | token $t$ of the text, prompt included |
# | $\log\pi(y_t \mid y_{<t})$ | its log-probability, given all tokens before it |
# | $m_t$ | the mask: 1 if the token is to be learned, otherwise 0 |
# | $V$ | number of different tokens |
#
# The loss is the mean over the learned tokens, in nats per token:
#
# $$L = -\frac{\sum_t m_t \log\pi(y_t \mid y_{<t})}{\sum_t m_t}$$
#
# {source tinyalign.losses.supervised.cross_entropy}
# {source tinyalign.methods.steps.sft_step}
#
# The lowest loss that a model can reach is the *entropy* of what it is asked to predict: the part
# that even a perfect model cannot foresee.

# %%
import numpy as np

from tinyalign import policy
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
# ## Predict
#
# The task is the addition of two numbers with two digits. The three runs differ in their mask.
#
# **Question 1.** A model gives each of the $V$ tokens the same probability. What is its loss?
#
# * a) $1/V$.
# * b) $\log V$.
# * c) $V$.
#
# **Question 2.** Which run ends with the highest loss, and does this run add worst?
#
# * a) Prompt and answer; yes.
# * b) Prompt and answer; no.
# * c) The run without EOS; yes.
#
# **Question 3.** How many answers of the run without EOS are right, if an answer must also end?
#
# * a) Nearly all.
# * b) About half.
# * c) None.
#
# <details><summary>The answers</summary>
#
# **1 b.** The log-probability of each token is $-\log V$. All three runs start near this loss.
#
# **2 b.** The digits of a problem are random, and no model can foresee them. The next cell computes
# the floor of each run: 0 for the answer, which follows from the prompt, and the entropy of the
# digits for the prompt. A high loss says nothing here about how well the model adds.
#
# **3 c.** Nothing ever asked this model to write EOS. It has learned the digits and not the end.
#
# </details>
#
# **The dial:** `STEPS`. With half as many steps the loss already looks good, and many answers are
# still wrong.
#
# ## Run
#
# ### Floors, computed beforehand
#
# The next cell computes the loss of a uniform guess and the floor of each mask. Given its first
# digit, a problem is one of so many equally likely ones, so the entropy of the digits can be
# computed.

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
# ### Three runs
#
# The page measures on problems that were held out from the training. *Exact match* is the share of
# problems whose likeliest answer is right and ends by itself. The probability of EOS is read at the
# place where the right answer is complete.

# %%
PROBLEMS = TASK.held_out[200::300][:3]


def answers_to(params, problems):
    """The likeliest answers: texts, and whether each ended by itself."""
    rollout = policy.sample(
        transformer,
        params,
        tokenizer.encode(VOCABULARY, problems),
        np.random.default_rng(0),
        max_new_tokens=TASK.max_new_tokens,
        eos=VOCABULARY.eos,
        temperature=0.0,
    )
    return tokenizer.completions(VOCABULARY, rollout.tokens, rollout.mask)


def examine(params):
    """Exact match on held-out problems, and the probability of EOS after the right answer."""
    some = TASK.held_out[:: max(1, len(TASK.held_out) // 200)]
    written = answers_to(params, some)
    solutions = tokenizer.encode(VOCABULARY, [TASK.solution(p) for p in some], end=True)
    complete, _ = tokenizer.batch(tokenizer.encode(VOCABULARY, some), solutions)
    end = policy.token_logp(transformer, params, complete)[:, -1]
    return float(np.mean(TASK.success(some, *written))), float(np.mean(np.exp(end)))


def show(params):
    """Answers to three problems; the point is EOS, three points mean that the text was cut off."""
    texts, ended = answers_to(params, PROBLEMS)
    return [text + ("." if done else "…") for text, done in zip(texts, ended, strict=True)]


def fine_tune(mask):
    """Losses of all steps; (step, exact match, P(EOS)) now and then; answers at some steps."""
    params = transformer.init(
        np.random.default_rng(0), vocab=VOCABULARY.size, width=32, layers=2, context=10
    )
    network, rng, loss, seen = steps.init_train_state(params), np.random.default_rng(1), [], []
    texts = [(0, *show(params))]
    for step in range(STEPS):
        rows = rng.integers(len(tokens), size=BATCH)
        pace = PEAK * min((step + 1) / 30, (STEPS - step) / (STEPS - 30))
        network, metrics = steps.sft_step(
            network, tokens[rows], mask[rows], model=transformer, step_size=steps.StepSize(pace)
        )
        loss.append(float(metrics["loss"]))
        if step % 50 == 49:
            seen.append((step + 1, *examine(network.params)))
        if step + 1 in (50, STEPS // 3, STEPS):
            texts.append((step + 1, *show(network.params)))
    return loss, seen, texts


runs = {name: fine_tune(mask) for name, mask in masks.items()}
table(
    ["learns", "loss at the start", "at the end", "floor", "exact match", "P(EOS)"],
    [[name, loss[0], np.mean(loss[-20:]), floors[name], *seen[-1][1:]]
     for name, (loss, seen, _) in runs.items()],
)  # fmt: skip

# %% [markdown]
# ### What the model writes: before, during and after
#
# The point at the end is EOS. Three points mean that the model did not stop and its text was cut
# off.

# %%
table(
    ["learns", "after step", *PROBLEMS],
    [[name, *row] for name, (_, _, texts) in runs.items() for row in texts],
)
print("\nright answers:", [TASK.solution(problem) + "." for problem in PROBLEMS])

# %%
figure, (left, right) = picture(2, width=8.2)
for (name, (_, seen, _)), dash in zip(runs.items(), ("o-", "s:", "o-"), strict=True):
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
# ## What it shows
#
# **SFT teaches the form first and the content later.** Before training the model repeats letters.
# After 50 steps each answer has three digits and an end, as an answer should, but the sums are
# wrong. Later the sums become right.
#
# **Compare losses only under one mask.** The run that also learns the prompt has by far the highest
# loss, and it adds as well as the first run. Nobody can predict which problem a prompt asks, and
# most of the loss of this run is that uncertainty. On a task with long prompts and short answers
# the prompts would take most of the gradient.
#
# **Without EOS nothing ends.** The third run writes the right digits and then goes on. An answer
# that does not end is wrong, so its exact match is 0.
#
# ### A relative: DFT
#
# {source tinyalign.losses.self_weighted.dft}
#
# The cross-entropy pulls on every target with the same strength, however unlikely the target was.
# Dynamic fine-tuning (DFT) weighs each target by its own probability, held constant. A target that
# the model finds nearly impossible hardly counts then.

# %%
from autograd import grad

from tinyalign.losses import dft

likely = np.array([[0.9, 0.5, 0.01]])
alone = np.ones_like(likely)
pulls = {f.__name__: -3 * grad(f)(np.log(likely), alone)[0] for f in (cross_entropy, dft)}
table(["loss", *(f"pull at p = {p}" for p in likely[0])], [[n, *g] for n, g in pulls.items()])

# %% [markdown]
# ## What goes wrong in practice
#
# **"My SFT loss does not go below 0.8."** Look at the mask. If the prompt is in the mask, the floor
# is the entropy of the prompt and not 0. In open-r1 #517 the labels covered the whole input.
#
# **"The model answers, and then it goes on and on."** EOS was masked out, or the data had no EOS
# (huggingface/trl #1623, #3091, #2059; open-r1 #494). The third run above is this fault.
#
# **"With gradient accumulation I get a different loss."** A mean per token must be divided by the
# number of tokens in the *whole* batch (huggingface/trl #2615). The mean of two means is something
# else if the halves have different lengths. The next cell shows both on one batch.

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
# ### The same line in TRL
#
# `SFTConfig(completion_only_loss=True)` learns the answer only. The tokenizer needs a padding token
# that is not its EOS.

# %% [markdown]
# ## Turn the dial
#
# Fine-tuning ends where the policy gives each token its frequency in the data. Samples can be
# drawn at another temperature. Before you move the slider: at which temperature is the loss on
# the data smallest?

# %%
from tinyalign.notes.dials import dial, temperature

dial(
    temperature.frame,
    {"temperature": (0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)},
    start=(1.0,),
    try_it=temperature.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# At 1: that is what was trained. A lower temperature makes the likeliest token likelier and the
# rare ones rarer, so the samples look better and the loss on the data rises. A higher temperature
# draws `z` more often than the data do.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 02.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** The loss: log-probabilities of targets and a mask, to one number.
#
# <details><summary>Hint 1</summary>
#
# Every token that counts has the same weight, whichever row it stands in.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Divide one sum by another: minus the sum of log-probabilities, by the sum of the mask. A
# log-probability outside the mask may be anything.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_cross_entropy(logp, mask):
#     return -np.sum(np.where(mask > 0, logp, 0.0)) / np.sum(mask)
# ```
#
# </details>
#
# **2.** The mask: from prompt lengths and total lengths, which targets are learned? Column $t$ of
# a mask speaks of the token in column $t + 1$.
#
# <details><summary>Hint 1</summary>
#
# Write down the places of the tokens that the columns speak of: 1, 2, …, width − 1.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A target is learned if its place is at least `prompt_length` and less than `length`.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_mask(prompt_length, length, width):
#     place = np.arange(1, width)  # column t of the mask speaks of token t + 1
#     return (place >= prompt_length[:, None]) & (place < length[:, None])
# ```
#
# </details>
#
# **3. On paper.** Two rows have 1 and 3 target tokens with losses 4 and 1, 1, 1. What is the mean
# over tokens, and what is the mean of the rows' means? Which one is the gradient that you want if
# rows are cut out of one long text?
#
# <details><summary>The answer</summary>
#
# $7/4 = 1.75$ and $(4 + 1)/2 = 2.5$. For pieces of one text every token should count alike: the
# mean over tokens.
#
# </details>
#
# **4. Open ended.** Take the end token out of the loss, or let the prompt count. What changes in
# the curves, and what changes in the samples? Which of the two would you notice first?
#
# <details><summary>What to look for</summary>
#
# Without the end token the loss looks better and samples never stop: only samples show it. With
# the prompt the loss is higher because prompts are hard to guess, and the samples hardly change.
#
# </details>

# %%
from tinyalign.notes.exercises.supervised import check_my_cross_entropy, check_my_mask


def my_cross_entropy(logp, mask):
    raise NotImplementedError  # (N, T), (N, T) -> one number


def my_mask(prompt_length, length, width):
    raise NotImplementedError  # (N,), (N,), number of tokens in a row -> (N, width - 1)


check_exercise(check_my_cross_entropy, my_cross_entropy)
check_exercise(check_my_mask, my_mask)

# %% [markdown]
# ## What you may have read
#
# {notes 001 16-18}
# {notes 003 9-9}
# {notes 003 58-63}
#
# <details><summary>Two sentences of the notes, and what is true</summary>
#
# * *"Three-stage process: Supervised Fine-Tuning → Reward Model Training → …"*. **True.** SFT is
#   the first stage.
# * *"Single-stage process"*, about DPO; another note writes *"2 (SFT, DPO)"*. **A convention.** DPO
#   trains the policy in one stage, after SFT. [The count depends on whether SFT is
#   counted](errata.html#row-12).
#
# </details>
#
# ## Further reading
#
# * Ouyang et al. 2022, arXiv:2203.02155: SFT as the first of three stages.
# * Zhou et al. 2023, arXiv:2305.11206: a thousand good examples can be enough.
# * Shi et al. 2024, arXiv:2405.14394: when learning the prompt helps.
# * Wu et al. 2025, arXiv:2508.05629: DFT.
#
# ### The claims of this page, tested

# %%
final = {name: (np.mean(loss[-20:]), *seen[-1][1:]) for name, (loss, seen, _) in runs.items()}
assert all(abs(loss[0] - uniform) < 0.5 for loss, _, _ in runs.values()), "starts near log V"
assert all(final[name][0] > floors[name] - 0.02 for name in runs), "nobody beats the floor"
assert final["prompt and answer"][0] < floors["prompt and answer"] + 0.3, "and it gets near"
assert final["answer"][1] > 0.8 and final["answer"][2] > 0.9, "the answer is learned, and its end"
assert final["answer, no EOS"][1] == 0 and final["answer, no EOS"][2] < 0.05, "without EOS: never"
assert abs(combined - whole) < 1e-12 < abs(np.mean(halves) - whole), "weigh halves by tokens"
assert np.allclose(pulls["cross_entropy"], 1) and np.allclose(pulls["dft"], likely), "DFT: p"
right = [TASK.solution(problem) + "." for problem in PROBLEMS]
before, early, _, after = (list(texts) for _, *texts in runs["answer"][2])
assert not any(text.endswith(".") for text in before), "no answer ends before training"
assert all(text.endswith(".") and len(text) == 4 for text in early) and early != right, "form"
assert after == right, "and then the sums"
assert all(text.endswith("…") for text in runs["answer, no EOS"][2][-1][1:]), "never an end"
print("all claims of this page hold")
