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
# # 22 · Inside the model: attention and gates
#
# ## The question
#
# A language model reads a row of tokens and predicts the next one. For that it must bring
# information from earlier places to the last place. How do a transformer and an LSTM do this, and
# why does a transformer find a fact that an LSTM has forgotten?
#
# ## The idea
#
# A transformer keeps all earlier places and *looks things up*. Each place offers a *key*, which
# says what can be found there, and a *value*, which is what is handed over. The place that needs
# information sends out a *query*. The query is compared with all keys, the comparison is turned
# into weights that sum to 1, and the values are averaged with these weights. This is attention. It
# resembles a dictionary in which a question may match several entries a little. Nothing is
# forgotten, but each new token must look at all earlier ones.
#
# An LSTM keeps no earlier places. It carries one vector, its *memory cell*, from token to token.
# Each token may erase a part of the cell, write into it and read from it. Three *gates*, numbers
# between 0 and 1 that the network computes itself, decide about erasing, writing and reading. The
# cost per token does not grow with the length of the text, but everything must fit into one vector.
#
# ```
#  text   d3   b0   c1   a2  | d?        answer: 3
#          k    k    k    k    q         query meets keys
#         .9   .0   .0   .0              weights
#          3    0    1    2              values
# ```
#
# The run below prints the real weights for this text.
#
# ## The formula
#
# | symbol | meaning |
# |---|---|
# | $T$ | number of places, one per token |
# | $x_t$ | vector at place $t$: embedding of the token plus a vector for the position |
# | $W_q, W_k, W_v$ | three learned matrices |
# | $q_t, k_t, v_t$ | query, key and value of place $t$: $x_t$ times one of these matrices |
# | $d$ | length of a query and of a key |
# | $w_{ts}$ | weight with which place $t$ looks at place $s$ |
# | $h_t,\ c_t$ | output and memory cell of the LSTM after token $t$ |
# | $i_t,\ f_t,\ o_t$ | its gates for writing, keeping and reading, each between 0 and 1 |
# | $u_t$ | what may be written, between −1 and 1 |
#
# **Attention:**
#
# $$w_{ts} = \mathrm{softmax}_s\left(\frac{q_t \cdot k_s}{\sqrt{d}}\right)$$
#
# $$\mathrm{out}_t = \sum_s w_{ts}\, v_s$$
#
# The root of $d$ keeps the scores at a size near 1, so that the softmax does not start with one
# weight of 1 and no gradient. In a *decoder* place $t$ may only look at places $s \le t$; this is
# the causal mask. In an *encoder* it may look at all places. In *cross-attention* the queries come
# from one text and the keys and values from another.
#
# {source tinyalign.models.transformer.self_attention}
#
# **LSTM:**
#
# $$c_t = f_t\, c_{t-1} + i_t\, u_t$$
#
# $$h_t = o_t \tanh(c_t)$$
#
# Each gate is a logistic function of the new token and of $h_{t-1}$.
#
# {source tinyalign.models.lstm.cell}

# %%
import numpy as np

from tinyalign import policy
from tinyalign.engine.tree import size
from tinyalign.losses.numerics import softmax
from tinyalign.methods import steps
from tinyalign.models import lstm, transformer
from tinyalign.notes.lesson import check_exercise, picture, table

KEYS, VALUES = 4, 4
ONE = KEYS * VALUES  # tokens below: a key with its value; then questions, then answers
TWO = ONE + KEYS
ANSWER = TWO + KEYS * KEYS
VOCABULARY = ANSWER + VALUES
LETTERS = "abcd"


def name(token):
    """A token in words."""
    if token < ONE:
        return f"{LETTERS[token // VALUES]}{token % VALUES}"
    if token < TWO:
        return f"{LETTERS[token - ONE]}?"
    if token < ANSWER:
        return f"{LETTERS[(token - TWO) // KEYS]}-{LETTERS[(token - TWO) % KEYS]}?"
    return str(token - ANSWER)


def texts(rng, count, *, pairs=False):
    """Rows of four facts in random order, a question about one or two of them, the answer."""
    keys = rng.permuted(np.tile(np.arange(KEYS), (count, 1)), axis=1)  # (count, 4)
    values = rng.integers(VALUES, size=(count, KEYS))
    value_of = np.zeros_like(values)
    np.put_along_axis(value_of, keys, values, axis=1)
    rows, first = np.arange(count), rng.integers(KEYS, size=count)
    second = (first + rng.integers(1, KEYS, size=count)) % KEYS
    question, answer = ONE + first, value_of[rows, first]
    if pairs:
        question = TWO + first * KEYS + second
        answer = (answer - value_of[rows, second]) % VALUES
    return np.column_stack([keys * VALUES + values, question, ANSWER + answer])


for pairs in (False, True):
    print(" ".join(name(token) for token in texts(np.random.default_rng(8), 1, pairs=pairs)[0]))

# %% [markdown]
# The first text states four facts and asks for the value of one key. The second asks for the
# difference of two values, counted modulo 4.
#
# ## Predict
#
# **Question 1.** A trained model has one attention head. Where does the place of the question look?
#
# * a) At the place before it.
# * b) At all places equally.
# * c) At the fact with the key in question.
#
# **Question 2.** A model *without* position vectors reads the four facts in another order. What
# happens to its answer?
#
# * a) Nothing.
# * b) It changes.
#
# **Question 3.** The question asks for the difference of *two* facts. Models with 1, 2 and 4 heads
# have the same number of parameters. Which one learns best?
#
# * a) 1 head: its head is widest.
# * b) More heads.
# * c) They are equal.
#
# **Question 4.** A plain recurrent network multiplies its state by the same matrix at every token.
# A small change of the first state is followed for 50 tokens. What remains of it?
#
# * a) Nearly nothing, or a huge number, depending on the matrix.
# * b) The same small change.
#
# <details><summary>The answers</summary>
#
# **1 c.** The heat map shows it: each question looks at its own fact.
#
# **2 a.** Attention averages over a *set*. Without position vectors the order of the facts is
# unknown. The page measures the difference.
#
# **3 b.** One head has one set of weights, so it must look at both facts at once and hands over a
# mixture of them. Two heads look at one fact each and keep apart which one is which. The page
# measures it.
#
# **4 a.** After 50 tokens the change was multiplied 50 times. The LSTM replaces the matrix by a
# gate that can stay near 1.
#
# </details>
#
# **The dial:** `STEPS`. After 20 steps, attention is still nearly even; look at the heat map then.
#
# ## Run
#
# ### One head learns to look up

# %%
STEPS, BATCH, WIDTH = 300, 64, 16


def train(module, params, *, pairs=False, steps_taken=STEPS):
    """Trained parameters, and (step, accuracy on new texts) now and then."""
    network, rng, seen = steps.init_train_state(params), np.random.default_rng(1), []
    fresh = texts(np.random.default_rng(2), 1000, pairs=pairs)
    mask = np.zeros((BATCH, KEYS + 1))
    mask[:, -1] = 1  # only the answer is learned
    for step in range(steps_taken + 1):
        if step % (steps_taken // 10) == 0:
            said = policy.logits(module, network.params, fresh[:, :-1])[:, -1].argmax(axis=1)
            seen.append((step, float(np.mean(said == fresh[:, -1]))))
        pace = steps.StepSize(1e-2 * (1 - step / (steps_taken + 1)))
        rows = texts(rng, BATCH, pairs=pairs)
        network, _ = steps.sft_step(network, rows, mask, model=module, step_size=pace)
    return network.params, seen


def new_transformer(heads):
    return transformer.init(
        np.random.default_rng(0),
        vocab=VOCABULARY,
        width=WIDTH,
        layers=1,
        heads=heads,
        context=KEYS + 2,
    )


one_head, looked_up = train(transformer, new_transformer(1))
print(f"accuracy on new texts: {looked_up[0][1]:.3f} before, {looked_up[-1][1]:.3f} after")

# %% [markdown]
# ### Embeddings
#
# Each token is a row of a table of learned vectors. Tokens that are used alike get similar vectors.
# The cosine of the angle between two vectors measures this: 1 is the same direction, 0 is
# unrelated.


# %%
def cosine(one, other):
    vectors = one_head["tok"][[one, other]].astype(float)
    return vectors[0] @ vectors[1] / np.prod(np.linalg.norm(vectors, axis=1))


facts = range(ONE)
kinds = {
    "two facts with the same key": lambda s, t: s // VALUES == t // VALUES,
    "two facts with the same value": lambda s, t: s % VALUES == t % VALUES,
    "two facts with nothing in common": lambda s, t: (
        s // VALUES != t // VALUES and s % VALUES != t % VALUES
    ),
}
likeness = {
    kind: np.mean([cosine(s, t) for s in facts for t in facts if s < t and alike(s, t)])
    for kind, alike in kinds.items()
}
table(["tokens", "mean cosine"], [[kind, value] for kind, value in likeness.items()])

# %% [markdown]
# ### Query, key and value, step by step
#
# The next cell takes one text and computes by hand what the last place does: vector, normalisation,
# query, scores, weights, average. The rest of the block is the library's. The result must be the
# library's prediction.


# %%
def normed(x, gain, bias):
    """Layer normalisation: mean 0 and variance 1 along the vector, then gain and bias."""
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return (x - x.mean(axis=-1, keepdims=True)) / spread * gain + bias


def look_up(params, tokens, positions=True):
    """Weights of the last place on all places, and the vector that it receives (one head)."""
    block = params["block0"]
    x = params["tok"][tokens] + (params["pos"][: len(tokens)] if positions else 0.0)  # (T, C)
    inside = normed(x, **block["ln1"])
    weight, bias = block["attn"]["qkv"]["w"][:, :, 0], block["attn"]["qkv"]["b"][:, 0]
    query, key, value = (inside @ weight[:, part] + bias[part] for part in range(3))  # (T, d)
    scores = key @ query[-1] / np.sqrt(key.shape[1])  # (T,)
    weights = softmax(scores)
    received = (weights @ value) @ block["attn"]["out"]["w"] + block["attn"]["out"]["b"]
    return scores, weights, x[-1] + received


row = texts(np.random.default_rng(8), 1)[0]
scores, weights, place = look_up(one_head, row[:-1])
table(
    ["place", "token", "score q·k/√d", "weight"],
    [[str(t + 1), name(token), scores[t], f"{weights[t]:.3f}"] for t, token in enumerate(row[:-1])],
)
block = one_head["block0"]
feature = normed(transformer.mlp(place[None], block["ln2"], **block["mlp"]), **one_head["ln"])
by_hand = (feature @ one_head["tok"].T)[0]
by_library = policy.logits(transformer, one_head, row[None, :-1])[0, -1]
off = np.abs(by_hand - by_library).max()
print(f"\nanswer {name(by_hand.argmax())}, right {name(row[-1])}; largest difference {off:.0e}")

# %% [markdown]
# ### Positions
#
# Attention is an average over a set, so the order of the facts must come in another way: a learned
# vector per position is added to the embedding. The next cell removes these vectors and shuffles
# the facts.

# %%
shuffled = np.concatenate([row[:KEYS][::-1], row[KEYS:]])
moved = {
    label: np.abs(
        look_up(one_head, row[:-1], positions)[2] - look_up(one_head, shuffled[:-1], positions)[2]
    ).max()
    for label, positions in {"with positions": True, "without": False}.items()
}
print(
    "change of the last place when the facts are reversed:",
    {k: f"{v:.0e}" for k, v in moved.items()},
)

# %% [markdown]
# ### Two look-ups at once: one head against several
#
# Several heads share the width: each of $H$ heads has queries and keys of length $d = 16/H$. The
# number of parameters stays the same. The question is now about the difference of two facts.

# %%
HEADS = (1, 2, 4)
by_heads = {heads: train(transformer, new_transformer(heads), pairs=True, steps_taken=1500)[1]
            for heads in HEADS}  # fmt: skip
table(
    ["heads", "parameters", "accuracy", "chance"],
    [[str(h), size(new_transformer(h)), by_heads[h][-1][1], 1 / VALUES] for h in HEADS],
)

# %% [markdown]
# ### Who may look where: decoder, encoder, cross-attention
#
# The same queries and keys, with three rules. The numbers are the weights of four places of the
# text above. In cross-attention the queries come from a second text, which here asks four
# questions, and the keys come from the four facts.


# %%
def attend(queries, keys, hidden=None):
    """Weights (rows: who looks, columns: where) of the trained head; hidden places get 0."""
    block, weight = one_head["block0"], one_head["block0"]["attn"]["qkv"]
    query, key = (
        normed(one_head["tok"][tokens] + one_head["pos"][places], **block["ln1"])
        @ weight["w"][:, part, 0] + weight["b"][part, 0]
        for part, (tokens, places) in enumerate((queries, keys))
    )  # fmt: skip
    scores = query @ key.T / np.sqrt(key.shape[1])
    return softmax(scores if hidden is None else np.where(hidden, -np.inf, scores))


four_facts = row[:KEYS], np.arange(KEYS)
four_questions = ONE + np.arange(KEYS), np.full(KEYS, KEYS)
future = np.triu(np.ones((KEYS, KEYS)), 1) > 0
rules = {
    "decoder": attend(four_facts, four_facts, future),
    "encoder": attend(four_facts, four_facts),
    "cross-attention": attend(four_questions, four_facts),
}
for rule, looks in rules.items():
    askers = four_questions[0] if rule == "cross-attention" else row[:KEYS]
    lines = [[name(a), *(f"{w:.2f}" for w in each)] for a, each in zip(askers, looks, strict=True)]
    table([rule, *map(name, row[:KEYS])], lines)
    print()

# %% [markdown]
# ### Why gates were invented
#
# A plain recurrent network computes $h_t = \tanh(h_{t-1}W + x_t)$. The next cell changes its first
# state by a tiny amount and follows the change. It does the same with the memory cell of an LSTM
# whose keep gate has the bias 1, as at the start of training, and 5, as training can make it.

# %%
draw = np.random.default_rng(6)
SIZE, FAR = 16, 50
inputs = 0.1 * draw.normal(size=(FAR, 1, SIZE))
matrix = np.linalg.qr(draw.normal(size=(SIZE, SIZE)))[0]
w_in, w_hidden = 0.1 * draw.normal(size=(2, SIZE, 4 * SIZE))


def plain(gain):
    def step(x, state):
        return np.tanh(gain * state @ matrix + x)

    return step


def gated(bias_of_keep_gate):
    bias = np.zeros(4 * SIZE)
    bias[SIZE : 2 * SIZE] = bias_of_keep_gate

    def step(x, state):
        return lstm.cell(x, np.zeros((1, SIZE)), state, w_in, w_hidden, bias)[1]

    return step


def remains(step, tiny=1e-6):
    """What is left of a change of the first state after each token, as a share."""
    one, other, left = np.zeros((1, SIZE)), np.full((1, SIZE), tiny), [1.0]
    for x in inputs:
        one, other = step(x, one), step(x, other)
        left.append(np.linalg.norm(other - one) / (tiny * np.sqrt(SIZE)))
    return left


networks = {
    "plain, matrix × 0.7": plain(0.7),
    "plain, matrix × 1.5": plain(1.5),
    "LSTM, keep gate bias 1": gated(1.0),
    "LSTM, keep gate bias 5": gated(5.0),
}
left_over = {label: remains(step) for label, step in networks.items()}
table(["network", "after 1 token", "after 10", "after 50"],
      [[label, left[1], left[10], left[50]] for label, left in left_over.items()])  # fmt: skip

# %% [markdown]
# ### A memory cell by hand
#
# One cell with one number. The token *store* opens the gate for writing, *noise* closes all gates
# but the one for keeping, and *ask* opens the gate for reading. The gates are set by hand; training
# finds such settings by itself.

# %%
TOKENS = ("store", "noise", "ask")
#                   write  keep  read  what
wiring = np.array([[10.0, -10.0, -10.0, 3.0],
                   [-10.0, 10.0, -10.0, 3.0],
                   [-10.0, 10.0, 10.0, 0.0]])  # fmt: skip
h, c, told = np.zeros((1, 1)), np.zeros((1, 1)), []
for token in ("noise", "store", "noise", "noise", "ask"):
    x = np.eye(3)[[TOKENS.index(token)]]
    h, c = lstm.cell(x, h, c, wiring, np.zeros((1, 4)), np.zeros(4))
    told.append([token, round(c[0, 0], 3), round(h[0, 0], 3)])
table(["token", "memory c", "output h"], told)

# %% [markdown]
# ### Both on one task
#
# A transformer with one head and an LSTM of the same width learn to answer questions about one
# fact.

# %%
new_lstm = lstm.init(np.random.default_rng(0), vocab=VOCABULARY, width=WIDTH, layers=1)
_, remembered = train(lstm, new_lstm)
table(
    ["step", "transformer", "LSTM"],
    [[str(at), acc, other] for (at, acc), (_, other) in zip(looked_up, remembered, strict=True)],
)
print(f"\nparameters: transformer {size(one_head)}, LSTM {size(new_lstm)}")

figure, (left, middle, right) = picture(3, width=9.0, height=3.0)
left.imshow(rules["cross-attention"], cmap="Blues", vmin=0, vmax=1)
left.set_xticks(range(KEYS), map(name, row[:KEYS]))
left.set_yticks(range(KEYS), map(name, four_questions[0]))
left.set(title="Who looks where", xlabel="facts", ylabel="questions")
left.grid(False)
for label, seen in (("transformer", looked_up), ("LSTM", remembered)):
    middle.plot(*zip(*seen, strict=True), "o-", label=label, markersize=4)
middle.set(title="One fact", xlabel="step", ylabel="accuracy", ylim=(0, 1.05))
middle.legend(fontsize="small")
for label, kept in left_over.items():
    right.semilogy(kept, label=label)
right.set(title="What is left of a change", xlabel="tokens later")
right.legend(fontsize="xx-small")
figure

# %% [markdown]
# {figure}
#
# ## What it shows
#
# **Attention is a look-up that is learned.** After training the place of the question looks at the
# fact with its key, and the steps by hand give the library's prediction. The four facts of this
# text have four different values. Where two facts have the same value, the model need not tell them
# apart, and often it does not: try another text.
#
# **Embeddings carry what the task needs.** Tokens with something in common have vectors with
# something in common; the table prints how much.
#
# **Without position vectors there is no order.** The change is then zero up to rounding.
#
# **Two look-ups want more than one head.** With the same number of parameters, four heads learn
# more of the differences than one head in the same number of steps. None of them has learned the
# task completely, and this is one seed. On the first task one head is enough.
#
# **A plain recurrent network cannot keep.** What is left of a change is multiplied at each token,
# so it shrinks or grows by a factor per token. The keep gate of the LSTM lets the network choose
# this factor, and a factor near 1 keeps the memory for many tokens.
#
# **The LSTM learns the task more slowly.** It must store every fact before it knows which one will
# be asked for. The transformer stores nothing and looks when it is asked. The price is time: each
# new token looks at all earlier ones, while a step of the LSTM costs the same at every place.
#
# ## What goes wrong in practice
#
# **"In a batch my model gives other answers than alone."** The rows were padded on the *left*, and
# the positions were counted from the padding (huggingface/transformers #18388, #19581;
# TransformerLensOrg/TransformerLens #1609). The positions must count the real tokens only.
#
# **"My training loss is nearly 0 at once."** The causal mask is missing, so each place sees the
# token that it must predict. [Page 01](01_a_tiny_lm_and_its_log_probability.html) has a test for
# this.
#
# **"My attention maps are all even."** Look at a trained model, and at a question that needs the
# look-up. The maps of random parameters show noise.
#
# ### The same line in TRL
#
# There is none: TRL trains models of the library transformers. `AutoModelForCausalLM` is a decoder,
# and `AutoModelForSeq2SeqLM` is an encoder with a decoder and cross-attention between them.

# %% [markdown]
# ## Turn the dial
#
# One head reads the text `abbab`. Before you choose the head "previous token": where does the
# third token look? And where may the first token look at all?

# %%
from tinyalign.notes.dials import dial, heads

dial(
    heads.frame,
    {"head": ("everything", "previous token", "same letter"), "token": (1, 2, 3, 4, 5)},
    start=("everything", 3),
    try_it=heads.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# The third token looks at the second one. The first token can look only at itself, whatever the
# head wants: later tokens have weight 0 under the causal mask, and the weights of a token add up
# to 1. Without the mask a token would read what it is about to predict.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 22.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Write cross-attention with one head: queries `(S, d)` of one text, keys and values
# `(T, d)` of another one, result `(S, d)`.
#
# <details><summary>Hint 1</summary>
#
# Row $s$ of $q k^\top / \sqrt{d}$ holds the scores of query $s$ with all keys.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The softmax goes along the keys, the last axis. Nothing is hidden, so there is no mask.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import softmax
#
#
# def my_cross_attention(q, k, v):
#     return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v
# ```
#
# </details>
#
# **2.** Write one step of an LSTM's memory. Given are the old cell and four arrays before their
# gates are applied: write, keep, read and what. Return the new output and the new cell.
#
# <details><summary>Hint 1</summary>
#
# Three of the four go through the logistic function, and the fourth through tanh.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# First the new cell, $c = f\,c + i\,u$. Then the output reads the *new* cell.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# from tinyalign.losses.numerics import sigmoid
#
#
# def my_lstm_memory(c, write, keep, read, what):
#     c = sigmoid(keep) * c + sigmoid(write) * np.tanh(what)
#     return sigmoid(read) * np.tanh(c), c
# ```
#
# </details>
#
# **3. On paper.** A keep gate has the constant value $f$, and nothing is written. How large must
# $f$ be so that half of the memory is left after 100 tokens? Which number before the logistic
# function gives this gate?
#
# <details><summary>The answer</summary>
#
# $f^{100} = 1/2$, so $f = 2^{-1/100} = 0.9931$. The number is $\log(f/(1-f)) = 4.97$. A bias of 1
# gives $f = 0.731$ and leaves less than $10^{-13}$ of the memory.
#
# </details>
#
# **4. Open ended.** Ask about the *first* of the four facts instead of a key. What must the model
# know for that, and which of the two models do you expect to learn it faster?
#
# <details><summary>What to look for</summary>
#
# The model must know positions. The transformer has a vector for each position, and one look-up
# is enough. The LSTM can learn to close its gate for writing after the first token, so this task
# suits the LSTM much better than the one of the page.
#
# </details>

# %%
from tinyalign.notes.exercises.inside import check_my_cross_attention, check_my_lstm_memory


def my_cross_attention(q, k, v):
    raise NotImplementedError  # (S, d), (T, d), (T, d) -> (S, d)


def my_lstm_memory(c, write, keep, read, what):
    raise NotImplementedError  # five arrays (C,) -> h (C,), c (C,)


check_exercise(check_my_cross_attention, my_cross_attention)
check_exercise(check_my_lstm_memory, my_lstm_memory)

# %% [markdown]
# ## What you may have read
#
# {notes 000 1-6}
# {notes 004 256-270}
#
# <details><summary>Two places of the notes, and what is true</summary>
#
# * *"Self-Attention VS Multi-Head Attention"*, *"LSTM"* and *"Transformer-Based Models"* are links
#   of one note, without text. **No claim to judge.** This page runs what the links are about.
# * *"log_probs.gather(2, input_ids[:, 1:].unsqueeze(-1))"*. **Right by accident.** A decoder's row
#   $t$ predicts token $t + 1$, so the last row of logits [must be left out](errata.html#row-39).
#
# </details>
#
# ## Further reading
#
# * Hochreiter and Schmidhuber 1997, *Long short-term memory*: the cell and its gates.
# * Gers, Schmidhuber and Cummins 2000, *Learning to forget*: the keep gate.
# * Bahdanau, Cho and Bengio 2014, arXiv:1409.0473: attention, first between two texts.
# * Vaswani et al. 2017, arXiv:1706.03762: self-attention, several heads, positions.
# * Arora et al. 2023, arXiv:2312.04927: looking up facts, a task that separates the two kinds of
#   model.
#
# ### The claims of this page, tested

# %%
assert looked_up[0][1] < 0.4 and looked_up[-1][1] > 0.98, "one head learns the look-up"
asked = [int(np.flatnonzero(row[:KEYS] // VALUES == key)[0]) for key in range(KEYS)]
assert np.all(rules["cross-attention"].argmax(axis=1) == asked), "each question meets its fact"
assert off < 1e-3 and by_hand.argmax() == row[-1], "by hand is the library"
assert moved["without"] < 1e-5 < 1e-3 < moved["with positions"], "a set has no order"
assert by_heads[2][-1][1] > by_heads[1][-1][1], "two heads look at two places"
assert by_heads[4][-1][1] > by_heads[1][-1][1] + 0.08, "and four heads learn more than one"
assert len({size(new_transformer(heads)) for heads in HEADS}) == 1, "with as many parameters"
assert np.all(np.triu(rules["decoder"], 1) == 0) and np.any(np.triu(rules["encoder"], 1) > 0.01)
assert all(np.allclose(looks.sum(axis=1), 1) for looks in rules.values()), "weights sum to 1"
assert left_over["plain, matrix × 0.7"][50] < 1e-6 < 0.3 < left_over["LSTM, keep gate bias 5"][50]
assert told[1][1] > 0.9 and abs(told[1][1] - told[-1][1]) < 0.01, "noise does not reach the cell"
assert told[-1][2] > 0.7 > 0.01 > abs(told[-2][2]), "and only a question reads it"
assert looked_up[2][1] > remembered[2][1] + 0.1, "the LSTM is slower on this task"
print("all claims of this page hold")
