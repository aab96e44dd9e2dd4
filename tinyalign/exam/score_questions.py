"""Questions about scores and samples: temperature, padding, neighbours, dropout.

A question returns whether the trainer is right, None where that cannot be said, and a finding.
"""

import numpy as np

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host
from tinyalign.exam import hooks
from tinyalign.exam.hooks import CLOSE, worst
from tinyalign.exam.tasks import START
from tinyalign.models import transformer

DRAWS = 2000  # samples of each prompt


def same_scores(bench):
    """Each answer alone is scored as the exam's model scores it."""
    got, again = (hooks.answer_scores(bench, bench.make()) for _ in range(2))
    apart = worst(got, bench.paper.reference)
    if worst(got, again) > CLOSE:
        return False, "two fresh trainers differ: is dropout on?"
    if apart <= CLOSE:
        return True, f"within {apart:.1g} nats of the model's"
    temperature, rest = nearest_temperature(bench, got)
    if rest <= CLOSE:
        return None, f"they are those of temperature {temperature:g}: right if it samples at that"
    return False, f"up to {apart:.2g} nats from the model's"


def nearest_temperature(bench, got):
    """The temperature at which the exam's model has nearly these scores, and the difference."""
    tokens, apart = to_device(bench.tokens), {}
    for temperature in np.arange(2, 81) / 20:  # 0.1, 0.15 … 4
        logp = policy.token_logp(transformer, bench.params, tokens, temperature=float(temperature))
        apart[float(temperature)] = worst(hooks.per_answer(bench, to_host(logp)), got)
    best = min(apart, key=apart.get)
    return best, apart[best]


def same_in_a_batch(bench):
    """Neighbours, a wider batch, and what stands in the padding change no score."""
    trainer = bench.make()
    alone = hooks.scores_alone(trainer, bench.tokens, bench.mask)
    rng = np.random.default_rng(0)
    wide = np.concatenate([bench.tokens, np.zeros((len(bench.tokens), 3), int)], axis=1)
    mask = np.concatenate([bench.mask, np.zeros((len(bench.mask), 3))], axis=1)
    last = mask.shape[1] - (mask[:, ::-1] > 0).argmax(axis=1)  # column of the last token
    padding = np.arange(wide.shape[1]) > last[:, None]
    wide[padding] = rng.integers(bench.words.size, size=int(padding.sum()))
    together = hooks.scores(trainer, wide.astype(np.int32), mask)[:, : alone.shape[1]]
    gap = abs(together - alone).reshape(len(bench.paper.prompts), -1).max(axis=1)
    if gap.max() <= CLOSE:
        return True, f"within {gap.max():.1g} nats of each row alone"
    prompt = bench.paper.prompts[int(gap.argmax())]
    return False, f"up to {gap.max():.2g} nats from the row alone, most at the prompt {prompt!r}"


def samples_follow_scores(bench):
    """What is sampled has the probabilities that are scored: temperature, top-k, top-p."""
    trainer, squares, terms = bench.make(), 0.0, 0
    drawn = [trainer.sample([p] * DRAWS) for p in bench.paper.prompts]
    strange = [text for texts in drawn for text in texts if not is_text(bench, text)]
    if strange:
        return False, f"sample returned {strange[0]!r}: want the exam's characters, without EOS"
    counts = [first_tokens(bench, texts) for texts in drawn]
    logp = [next_token_logp(bench, trainer, prompt) for prompt in bench.paper.prompts]
    for count, scored in zip(counts, logp, strict=True):
        expected = DRAWS * np.exp(scored)
        common = expected >= 5  # the others are counted as one
        seen = np.append(count[common], count[~common].sum())
        wanted = np.append(expected[common], max(1.0, expected[~common].sum()))
        squares += ((seen - wanted) ** 2 / wanted).sum()
        terms += common.sum()
    far = (squares - terms) / np.sqrt(2 * max(1, terms))  # of chi-square's own standard deviations
    if far <= 6:
        return True, f"{DRAWS} of each prompt, {far:.1f} standard deviations from chance"
    grid = np.round(np.geomspace(0.1, 10, 201), 2)
    likelihood = [
        sum((c * log_softmax(s / t)).sum() for c, s in zip(counts, logp, strict=True)) for t in grid
    ]
    best = grid[int(np.argmax(likelihood))]
    return False, f"{far:.0f} standard deviations from chance; most like temperature {best:g}"


def is_text(bench, text):
    """Whether a sample is a string of the exam's characters, or empty."""
    return isinstance(text, str) and set(text) <= set(bench.words.alphabet)


def first_tokens(bench, texts):
    """How often each token came first, (V,); an empty text is EOS."""
    ids = [bench.words.alphabet.find(text[0]) if text else bench.words.eos for text in texts]
    return np.bincount(ids, minlength=bench.words.size)


def next_token_logp(bench, trainer, prompt):
    """The trainer's log-probability of every token after a prompt: (V,)."""
    asked = [bench.words.alphabet.index(c) for c in START + prompt]
    tokens = np.array([[*asked, token] for token in range(bench.words.size)], np.int32)
    mask = np.zeros((len(tokens), len(asked)))
    mask[:, -1] = 1
    return hooks.scores(trainer, tokens, mask)[:, -1]


def log_softmax(z):
    return z - np.logaddexp.reduce(z)
