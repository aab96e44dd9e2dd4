"""What the page says besides its tables."""

PROSE = {
    "top": """
Measured by `python tests/benchmarks/run.py` (its first lines say what to install), never typed.
**Not yet run on a GPU.** A ✗ marks a figure that misses what was wanted; why is said below its
table.""",
    "how": """
Variants take turns in short rounds of one process; figures are medians, a ratio is the median of
the ratios in several runs. With one thread, time is the processor's, so that other programs do not
count; with two it is the wall's, and other programs do. `OPENBLAS_*` is unset. torch eager is at
its best: activations flattened to two axes, gradients set to None, the faster of its fused
attention and of two products with a softmax between them, and the faster of its fused and its
foreach Adam. Everything is in float32.""",
    "first_command": """
What README's first command takes once everything is installed: a warm start, five methods with
their reward model, two runs at a time, tables, pictures and `report.html`.""",
    "method_steps": """
A step is the loss of given completions, its gradient, the gradient clipped to length 1, and Adam;
what the loss compares with is given. Prompts and completions have 8 tokens each, models two layers.
Without sharing every row is read whole. With it each prompt is read once for all of its
completions, and the last block leaves out what predicts nothing. Loss and gradient are the same.
PyTorch does both here too: a row is a prompt and then all of its completions, and a mask says what
each of them sees. `tests/house/test_torch_twins.py` holds every variant against the others. What is
only logged is computed nowhere. torch takes its fused Adam and the faster of its two attentions;
tinyalign lays out its batch in every step. SFT has one completion a prompt: only the last block
gains.""",
    "train_step": """
**What is missed, and why.** No step can be faster than its own products with the weights; the
column before the last is that floor, over torch's time. This processor multiplies equally fast in
OpenBLAS and in torch's MKL, and from width 64 on the products alone take more than half of torch's
best step; so most of what a wanted ratio asks for would have to come out of work that is no
product. The LSTM's peer is oneDNN, whose step is little more than its products where width and
batch are large: NumPy reads and writes every gate several times more often than oneDNN. Where a
model is small, what each operation costs before it computes decides, and there tinyalign is ahead.
With two threads only the products are shared out here, in torch's transformer the rest too, so at
the large sizes its ratio rises. At the small ones, and in every LSTM, torch's threads wait for each
other longer than they work: it takes longer than with one, and those ratios flatter us.
torch.compile was tried with one thread and on the smaller batches.

What helped, the most first: softmax down the columns instead of along rows; gelu written into what
is there, in pieces that fit the second cache; layer norm's gain in the matrix after it; an LSTM
without a transposition, its gates' products into one block each; a tape, that lets go of what it
has used, instead of a search for the order. What was tried and did not: one maximum for all rows of
a softmax (a later token would change the digits of earlier ones), `vecdot` for short rows, small
products with a transposed view instead of a transposed copy, smaller pieces for gelu. On two
threads: sharing out what is no product between two Python threads made every size slower, it
seems because the thread that OpenBLAS keeps waiting takes the second core; two halves of the batch
in two Python threads, each with its own products, made the large sizes a little faster and the
small ones slower by more, and a loss that compares the rows of a batch cannot be cut so.""",
    "shares": "",
    "sampling": """
With one thread only the smallest size is three times as fast. The wider the model, the more both
sides spend their time in the same products, and NumPy passes over the cache of keys and values
several times a token. Prompts are read in one pass, norms are folded into weights once a rollout.
Completions of one prompt share its reading, and rows that have ended are no longer computed; this
table shows neither, since every row here is a prompt of its own and none ends early, nor does
`generate` look for an end. The lean torch sampler is `tests/benchmarks/torch_sampler.py`: a cache
that is allocated once, fused attention, a draw from the cumulated probabilities. With two threads
both are slower than with one, `generate` by more at most sizes: those ratios flatter us. Tried and
left: a cache by row and head, read by one small product each (faster for long rows that lie in the
processor's cache, slower in a rollout of many rows), the batch in pieces, and probabilities held by
token instead of by row.""",
    "trainers": """
What is missed: a step of TRL is torch's own step and about as much again for the trainer. Where our
step takes as long as torch's, that is the factor there is. Both clip the gradient and take one step
a batch; DPO and GRPO read their reference in the step. With two threads in one process our SFT and
DPO take longer than with one, which they do not where they are alone (see the training steps): what
two frameworks with two threads each do to one another is in these figures.""",
    "solve": """
Both train the same weights, by the same recipe and then TRL by its own: the fastest of those that
`tests/benchmarks/solve.py` lists, on tuning seeds. Recipes were found on other seeds than these;
that both need about as many rollouts by one recipe says that they do the same. Looks at the
held-out problems cost neither any time.""",
    "imports": """
`trl` by itself loads next to nothing before a trainer is asked for; here it is asked for its
`GRPOTrainer`.""",
    "growth": """
`tests/benchmarks/growth.py` counts what a step must keep: for each block, the activations that its
gradients need; for each weight, its value, its gradient and Adam's two means. Exponents are
fitted to the larger half of the sizes. With a growing group or prompt, the step is one of GRPO on 8
prompts, rollout included; otherwise it is one of supervised training.

![Growth of time and memory](cost_growth.svg)""",
}
