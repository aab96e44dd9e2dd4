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
# # 17 · Appendix: what makes a training step fast
#
# ## The question
#
# The same transformer, the same batch and the same numbers can be computed in a slow and in a fast
# way. Which lines of a NumPy program cost the time?
#
# ## The idea
#
# Automatic differentiation records each operation of the loss, and walks back through the record.
# Each recorded operation has an array of its own on the way forward and at least one on the way
# back. Time is lost in three places: in operations that are slow in themselves, such as `x**3` or a
# float64 that slips in; in many small operations where one larger one would do; and in work whose
# result nobody uses.
#
# This page writes one training step four times. The first version is what somebody would write who
# has NumPy, autograd and the formulas. The last one is the library's. Nothing changes in the
# mathematics, so each version must give the same loss and the same gradients, and the page checks
# this before it looks at a clock. A learner has a reason to care: ten seeds in the time of one tell
# an effect from luck.
#
# ```
# 1 formula, typed    one recorded operation per symbol, float64
# 2 tall matrices     one product per layer, no powers, float32
# 3 own gradients     one recorded operation per layer
# 4 the library       layers joined, memory kept, prompts read once
# ```
#
# ## The formula
#
# Write $T$ for the time of a step. To a first approximation
#
# $$T = \sum_{o} (c + n_o\, b_o)$$
#
# * $o$ runs over the recorded operations, forward and backward.
# * $c$ is what an operation costs before it computes anything.
# * $n_o$ is the number of bytes that it touches, and $b_o$ the time for one byte.
#
# Fewer operations save $c$. Float32 in place of float64 halves $n_o$. A power in place of products
# raises $b_o$.
#
# ## Predict
#
# **1.** The four versions do the same multiplications. How much faster is the last than the first?
#
# * (a) by a tenth
# * (b) about twice or more
# * (c) a hundred times
#
# **2.** A prompt of six tokens has eight completions of four tokens. A plain batch repeats the
# prompt in each row. How many tokens does it save to read the prompt once?
#
# * (a) hardly any
# * (b) more than half
# * (c) seven of eight
#
# <details><summary>The answers</summary>
#
# **1.** (b). The exact figure depends on your machine and is printed below. Most of it is gained
# between the first and the second version.
#
# **2.** (b). A plain batch reads $8 \cdot 9 = 72$ tokens. The shared layout reads the prompt once,
# and 3 tokens of each completion. The table below prints the ratio.
#
# </details>
#
# ## Run
#
# ### Version 1: the formula, typed
#
# Each operation below is one that autograd records. A layer norm alone consists of eight: mean, −,
# var, +, sqrt, /, ·, +.

# %%
import math
import time

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad as autograd_value_and_grad

from tinyalign import policy
from tinyalign.engine import ops
from tinyalign.engine.optim import adam, adam_init
from tinyalign.engine.tree import leaves, value_and_grad
from tinyalign.models import transformer
from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.runs import train

VOCAB, WIDTH, HEADS, LENGTH, BATCH = 24, 64, 4, 16, 64
rng = np.random.default_rng(0)
params = transformer.init(rng, vocab=VOCAB, width=WIDTH, heads=HEADS, context=LENGTH)
tokens = rng.integers(VOCAB, size=(BATCH, LENGTH + 1))


def typed_norm(x, gain, bias):
    mean = anp.mean(x, axis=-1, keepdims=True)
    return (x - mean) / anp.sqrt(anp.var(x, axis=-1, keepdims=True) + 1e-5) * gain + bias


def typed_gelu(x):
    return 0.5 * x * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (x + 0.044715 * x**3)))


def typed_attention(q, k, v):
    """(B, H, T, D) each -> (B, T, C)."""
    scores = anp.matmul(q, anp.swapaxes(k, -1, -2)) / anp.sqrt(WIDTH // HEADS)
    scores = scores + np.triu(np.full((LENGTH, LENGTH), -1e9), 1)
    weights = anp.exp(scores - anp.max(scores, axis=-1, keepdims=True))
    weights = weights / anp.sum(weights, axis=-1, keepdims=True)
    return anp.reshape(anp.swapaxes(anp.matmul(weights, v), 1, 2), (BATCH, LENGTH, WIDTH))


def typed_dense(x, w, b):
    return anp.dot(x, anp.reshape(w, (len(w), -1))) + anp.reshape(b, -1)


def mean_nll(logits):
    """The mean negative log-likelihood of the next token, from logits (B, T, V)."""
    logits = anp.reshape(logits, (-1, VOCAB))
    top = anp.max(logits, axis=-1, keepdims=True)
    logp = logits - top - anp.log(anp.sum(anp.exp(logits - top), axis=-1, keepdims=True))
    return -anp.mean(logp[np.arange(BATCH * LENGTH), tokens[:, 1:].reshape(-1)])


def model(params, dense, norm, gelu, attention):
    """GPT-2's shape, put together from whatever pieces it is given: tokens -> logits."""
    x = params["tok"][tokens[:, :-1]] + params["pos"]
    for block in (params["block0"], params["block1"]):
        packed = dense(norm(x, **block["ln1"]), **block["attn"]["qkv"])
        x = x + dense(attention(packed), **block["attn"]["out"])
        inner = gelu(dense(norm(x, **block["ln2"]), **block["mlp"]["up"]))
        x = x + dense(inner, **block["mlp"]["down"])
    return anp.matmul(norm(x, **params["ln"]), params["tok"].T)


def split_heads(packed):
    parts = anp.reshape(packed, (BATCH, LENGTH, 3, HEADS, WIDTH // HEADS))
    return anp.transpose(parts, (2, 0, 3, 1, 4))


def first(params):
    pieces = (
        typed_dense,
        typed_norm,
        typed_gelu,
        lambda packed: typed_attention(*split_heads(packed)),
    )
    return mean_nll(model(params, *pieces))


# %% [markdown]
# ### Version 2: tall matrices, and no powers
#
# There are three changes of one line each. A product of a (B, T, C) array with a (C, D) matrix is a
# product of a (B·T, C) matrix with it: flattened, it is one product, and so is its gradient. `x**3`
# calls a general power function, where two multiplications are enough. The constants are Python's
# floats: `np.sqrt(2 / np.pi)` is a float64, and one float64 makes everything after it twice as
# wide.

# %%
SLOPE = math.sqrt(2 / math.pi)


def flat_dense(x, w, b):
    tall = anp.reshape(x, (-1, x.shape[-1]))
    return anp.reshape(anp.matmul(tall, anp.reshape(w, (len(w), -1))) + anp.reshape(b, -1),
                       (*x.shape[:-1], -1))  # fmt: skip


def flat_gelu(x):
    return 0.5 * x * (1 + anp.tanh(SLOPE * (x + 0.044715 * x * x * x)))


def flat_norm(x, gain, bias):
    centred = x - anp.sum(x, axis=-1, keepdims=True) * (1 / WIDTH)
    variance = anp.sum(centred * centred, axis=-1, keepdims=True) * (1 / WIDTH)
    return centred / anp.sqrt(variance + 1e-5) * gain + bias


hidden = np.triu(np.full((LENGTH, LENGTH), -1e9, np.float32), 1)


def flat_attention(packed):
    q, k, v = split_heads(packed)
    scores = anp.matmul(q, anp.swapaxes(k, -1, -2)) * math.sqrt(HEADS / WIDTH) + hidden
    weights = anp.exp(scores - anp.max(scores, axis=-1, keepdims=True))
    weights = weights / anp.sum(weights, axis=-1, keepdims=True)
    return anp.reshape(anp.swapaxes(anp.matmul(weights, v), 1, 2), (BATCH, LENGTH, WIDTH))


def second(params):
    return mean_nll(model(params, flat_dense, flat_norm, flat_gelu, flat_attention))


# %% [markdown]
# ### Version 3: each operation brings its gradient
#
# The gradient of a layer norm is a formula of one line. So the whole layer norm can be one recorded
# operation, which returns its value and its *pullback* side by side:
#
# {source tinyalign.engine.ops.layers.normalise}
# {source tinyalign.engine.ops.layers.normalise_backward}
# {source tinyalign.engine.vjps.with_pullback}
#
# The log-probability of a token, together with the product that makes the logits, is one operation
# more.


# %%
def third(params):
    x = ops.add_positions(ops.embed(params["tok"], tokens[:, :-1]), params["pos"], BATCH)
    for block in (params["block0"], params["block1"]):
        packed = ops.linear(ops.layernorm(x, **block["ln1"]), **block["attn"]["qkv"])
        x = x + ops.linear(ops.attention(packed, BATCH, HEADS, True), **block["attn"]["out"])
        inner = ops.gelu(ops.linear(ops.layernorm(x, **block["ln2"]), **block["mlp"]["up"]))
        x = x + ops.linear(inner, **block["mlp"]["down"])
    x = ops.layernorm(x, **params["ln"])
    return -anp.mean(ops.token_logp(x, params["tok"], tokens[:, 1:].reshape(-1)))


# %% [markdown]
# ### Version 4: the library
#
# The layer norm is joined with the product after it, whose matrix takes over its gain. The residual
# stream is added where the product is written. Each parameter is a root of its own, so looking it
# up in a dict is not recorded. Softmax runs down the columns, for all queries at once. Freed memory
# is kept for the next step. If it went back to the system, it would have to be cleared again, page
# by page, for each large array.
#
# {source tinyalign.engine.ops.sequence.scaled_products}
# {source tinyalign.runs.train.keep_freed_memory}


# %%
def fourth(params):
    return -anp.mean(policy.token_logp(transformer, params, tokens))


# %% [markdown]
# ### First the numbers, then the clock


# %%
def by_autograd(loss):
    return autograd_value_and_grad(loss)


def by_leaves(loss):
    return lambda params: value_and_grad(lambda p: (loss(p), {}))(params)[::2]


train.keep_freed_memory()
versions = {
    "1 the formula, typed": by_autograd(first),
    "2 tall matrices, float32": by_autograd(second),
    "3 gradients by hand": by_autograd(third),
    "4 the library": by_leaves(fourth),
}
exact, wanted = versions["1 the formula, typed"](params)
wanted = leaves(wanted)
gaps = {}
for name, version in versions.items():
    loss, slope = version(params)
    worst = max(np.abs(leaf - wanted[path]).max() for path, leaf in leaves(slope).items())
    gaps[name] = (abs(float(loss) - float(exact)), worst)
table(["version", "loss differs by", "gradient differs by"], [[n, *g] for n, g in gaps.items()])


# %% [markdown]
# The four agree to the last digits of float32. Now comes the clock. The versions take turns, so
# that other work on the machine disturbs all of them, and only the processor's time counts. (Of all
# pages this one alone looks at a clock, so it alone is not the same, byte for byte, each time it is
# built.)


# %%
def measured(versions, rounds=7):
    """Milliseconds of each version with an Adam step after it: the least of a few rounds."""
    state, taken = adam_init(params), {name: [] for name in versions}
    for _ in range(rounds):
        for name, version in versions.items():
            begin = time.process_time()
            _, slope = version(params)
            adam(params, slope, state, learning_rate=1e-3)
            taken[name].append(1e3 * (time.process_time() - begin))
    return {name: min(times) for name, times in taken.items()}


spent = measured(versions)
final = spent["4 the library"]
table(["version", "times the last"], [[name, ms / final] for name, ms in spent.items()])

figure, ax = picture(width=6.4, height=2.6)
ax.barh(list(spent), [ms / final for ms in spent.values()])
ax.invert_yaxis()
ax.set(xlabel="processor time of a step, times the library's")
figure


# %% [markdown]
# {figure}
#
# **The dial:** the size of the batch, `size`. What a step costs before it computes is the same for
# each batch size. Sequences that are taken one at a time pay this cost each, and together they pay
# it once.


# %%
def together(few):
    return lambda p: -anp.mean(policy.token_logp(transformer, p, few))


def one_by_one(few):
    return lambda p: sum(together(row[None])(p) for row in few) / len(few)


rows = []
for size in (4, 16, 64):
    pair = {make: by_leaves(make(tokens[:size])) for make in (together, one_by_one)}
    ms = measured(pair, rounds=3)
    rows.append([size, ms[one_by_one] / ms[together]])
table(["sequences", "one at a time, times all at once"], rows)

# %% [markdown]
# ### Read each prompt once
#
# GRPO compares several completions of one prompt, and a plain batch repeats the prompt in each row.
# To score the four tokens of “046” and its end after “12+34=”, a model reads nine tokens, and six
# of them are the prompt. In a causal model, later tokens cannot change what is computed at an
# earlier token. So all completions of a prompt need the same features of the prompt, and one
# reading serves all.
#
# The library puts all completions of a prompt into one row, after the prompt. A layer that works on
# each token by itself does not notice. Attention is the one operation that looks at other tokens: a
# mask hides the completions from each other, and each token keeps the position that it would have
# in a row of its own. In the last block, only those tokens go on after attention that predict a
# token of a completion.
#
# {source tinyalign.models.transformer.layout_trunk}
# {source tinyalign.models.layout.hidden_keys}

# %%
from tinyalign.models.layout import share_prompts

PROMPT, COMPLETION = 6, 4


def completions(prompts, group):
    """Tokens and mask of `group` completions for each prompt, which stand one after another."""
    shared = rng.integers(VOCAB, size=(prompts, PROMPT)).repeat(group, axis=0)
    own = rng.integers(VOCAB, size=(prompts * group, COMPLETION))
    mask = np.zeros((prompts * group, PROMPT + COMPLETION - 1), np.float32)
    mask[:, PROMPT - 1 :] = 1.0
    return np.concatenate([shared, own], axis=1), mask


def of_completions(rows, mask, layout):
    """The mean log-likelihood loss of the completions' tokens, by either way of reading."""

    def loss(params):
        return -anp.mean(policy.token_logp(transformer, params, rows, layout=layout) * mask)

    return by_leaves(loss)


sharing, apart = [], 0.0
for group in (2, 4, 8):
    batch, mask = completions(256 // group, group)
    layout = share_prompts(batch, mask, np.arange(256).reshape(-1, group))
    ways = {
        "plain": of_completions(batch, mask, None),
        "shared": of_completions(batch, mask, layout),
    }
    (_, one), (_, other) = (way(params) for way in ways.values())
    apart = max(apart, *(np.abs(leaves(one)[k] - leaves(other)[k]).max() for k in leaves(one)))
    ms = measured(ways, rounds=5)
    sharing.append([group, batch[:, :-1].size / layout.ids.size, ms["plain"] / ms["shared"]])
table(["completions of a prompt", "tokens read, plain ÷ shared", "time, plain ÷ shared"], sharing)

# %% [markdown]
# ## What it shows
#
# **Most is gained before a single gradient is written by hand.** The second version avoids what is
# slow, above all `x**3` and float64. The library's own gradients add that fewer and larger
# operations are recorded.
#
# **One batch is faster than many single sequences**, because the fixed cost is paid once.
#
# **A shared prompt saves tokens, and not operations.** The gradients are the same to the last
# digits of float32. No product became faster: fewer tokens are read.
#
# Two more savings are of this kind. A group whose completions all have the same reward has
# advantages of 0, so its rows add nothing to the gradient, and `tinyalign run grpo` with its
# default `--beta 0` leaves them out. Without a KL in the loss, no reference has to score anything
# either.
#
# ## What goes wrong in practice
#
# **“Why is `x**3` so slow?”** A power with any exponent goes through logarithms, and costs many
# times `x * x * x`.
#
# **“My network is float32 and the backward pass is float64.”** One NumPy scalar in one rule is
# enough.
#
# Learners also ask how to run autograd on a GPU (HIPS/autograd #46) and with another array library
# (#353, #406). This library does it with `TINYALIGN_BACKEND=gpu`.

# %%
x = rng.standard_normal(100_000).astype(np.float32)
powers = {"x**3": lambda: x**3, "x*x*x": lambda: x * x * x}
least = {}
for name, function in powers.items():
    times = []
    for _ in range(5):
        begin = time.process_time()
        for _ in range(5):
            function()
        times.append(time.process_time() - begin)
    least[name] = min(times)
wide = np.sqrt(2 / np.pi) * x
print("x**3 is slower than x*x*x:", least["x**3"] > least["x*x*x"])
print("np.sqrt(2 / np.pi) * x is", wide.dtype, "and math.sqrt(2 / math.pi) * x", (SLOPE * x).dtype)


# %% [markdown]
# ### The same line in TRL
#
# A trainer of TRL records its operations in PyTorch. PyTorch's operations are as large as ours and
# are written in C++. The trainer adds the machinery for every size of model, and on a toy this
# costs about as much again. `docs/speed.md` has the ratios, and says where ours is the slower one.

# %% [markdown]
# ## Turn the dial
#
# Completions of one prompt are read together, and the prompt once. Before you turn: with a prompt
# of 64 tokens and answers of 8, how many times fewer tokens are read for 16 completions? What is
# the limit for many?

# %%
from tinyalign.notes.dials import dial, shared_prompts

dial(
    shared_prompts.frame,
    {"prompt": (4, 16, 64, 256), "G": (2, 4, 8, 16, 32)},
    start=(64, 4),
    try_it=shared_prompts.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# About six times fewer for 16 completions. For many completions the factor goes to about 10,
# because in the end only the answers have to be read. A prompt of 4 tokens saves a third.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 17.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** The pullback of softmax along the last axis: from p and g = dL/dp to dL/dscores, without
# ever forming a matrix of derivatives.
#
# <details><summary>Hint 1</summary>
#
# The derivative of entry k in score j is p_k times ((k = j) − p_j).
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each entry is p times how much g exceeds its mean under p, row by row.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_softmax_pullback(p, g):
#     return p * (g - np.sum(p * g, axis=-1, keepdims=True))
# ```
#
# </details>
#
# **2.** The gradient of an embedding table as one product with a matrix of zeros and ones.
#
# <details><summary>Hint 1</summary>
#
# Row v of the gradient is the sum of those rows of g whose id is v.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Compare `ids[:, None]` with `np.arange(vocab)` to get the matrix (N, V); its transpose times g
# is the answer.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_embed_gradient(ids, g, vocab):
#     return (ids[:, None] == np.arange(vocab)).astype(g.dtype).T @ g
# ```
#
# </details>
#
# **3. On paper.** Attention over $T$ tokens with width $C$ costs about $T^2 C$ multiplications
# for the scores and $T C^2$ for each of four projections. From which $T$ on do the scores and the
# weighted mean cost more than the projections?
#
# <details><summary>The answer</summary>
#
# Scores and weighted mean cost $2T^2C$, projections $4TC^2$: from $T = 2C$ on.
#
# </details>
#
# **4. Open ended.** Measure one step of training of your own. Which three lines take most of the
# time, and which of them would be faster with the same mathematics?
#
# <details><summary>What to look for</summary>
#
# Measure before you change anything, and again afterwards on the same numbers. Most time goes
# where arrays are copied, or where many small operations are recorded.
#
# </details>

# %%
from tinyalign.notes.exercises.speed import check_my_embed_gradient, check_my_softmax_pullback


def my_softmax_pullback(p, g):
    raise NotImplementedError  # (N, K), (N, K) -> (N, K)


def my_embed_gradient(ids, g, vocab):
    raise NotImplementedError  # (N,), (N, C), V -> (V, C)


check_exercise(check_my_softmax_pullback, my_softmax_pullback)
check_exercise(check_my_embed_gradient, my_embed_gradient)

# %% [markdown]
# ## What you may have read
#
# {notes 004 112-401}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * The GRPO of the notes calls a model and a tokenizer that work elsewhere, so the cost of a step
#   is not its subject. [One step of that code](errata.html#row-40) could not learn, however long it
#   ran: `.item()` cuts the gradient.
#
# </details>
#
# ## Further reading
#
# * Maclaurin, Duvenaud and Adams 2015, “Autograd: effortless gradients in NumPy”.
# * Baydin and others 2018, “Automatic differentiation in machine learning: a survey”,
#   arXiv:1502.05767.
# * Dao and others 2022, FlashAttention, arXiv:2205.14135: fewer bytes in place of fewer
#   multiplications.
#
# ### The claims of this page, tested

# %%
assert all(loss < 1e-5 and worst < 1e-4 for loss, worst in gaps.values()), "the same numbers"
assert spent["1 the formula, typed"] > 1.5 * final, "less recorded, in float32, is faster"
assert spent["1 the formula, typed"] > 1.5 * spent["2 tall matrices, float32"], "most of it early"
assert rows[-1][1] > 1.5, "and so is a batch at once"
assert apart < 1e-6, "prompts read once, the same gradients"
assert sharing[0][1] < sharing[1][1] < sharing[2][1], "more completions share a prompt: more"
assert sharing[-1][2] > 1.1, "and that takes less time"
assert wide.dtype == np.float64 and (SLOPE * x).dtype == np.float32
print("all claims of this page hold")
