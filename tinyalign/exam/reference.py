"""What an exam starts from: a small transformer that gives answers their uneven shares."""

import numpy as np
from autograd import grad

from tinyalign import policy
from tinyalign.engine.backend import to_device, to_host
from tinyalign.engine.optim import adam, adam_init
from tinyalign.exam.tasks import SHARES, START, alphabet, answer_mask
from tinyalign.models import transformer
from tinyalign.models.tokenizer import Vocabulary, batch, encode

STEPS, RATE = 400, 4e-3
SIZES = {"width": 32, "layers": 2, "heads": 2, "context": 16}


def vocabulary(task):
    """The task's characters and EOS, which TRL's trainers ask for."""
    return Vocabulary(alphabet(task), True)


def train_reference(task, seed=0):
    """Parameters of a transformer that says each answer as often as SHARES has it."""
    words = vocabulary(task)
    params = transformer.init(np.random.default_rng(seed), vocab=words.size, **SIZES)
    tokens, mask = (to_device(a) for a in rows(task.prompts, task.answers, words))
    share = np.array(SHARES, np.float32)
    share = to_device((share / share.sum(axis=1, keepdims=True) / len(share)).ravel())

    def loss(params):
        return -(share * policy.sequence_logp(transformer, params, tokens, mask)).sum()

    slope, state = grad(loss), adam_init(params)
    for step in range(STEPS):
        rate = RATE * min(1.0, 2 * (1 - step / STEPS))
        params, state = adam(params, slope(params), state, learning_rate=rate)
    return params


def rows(prompts, answers, words):
    """Tokens and mask of every answer to every prompt, P·K rows; START in front, EOS at the end."""
    asked = encode(words, [START + prompt for prompt in prompts for _ in answers])
    return batch(asked, encode(words, list(answers) * len(prompts), end=True))


def score(params, words, prompts, answers, ends):
    """Token log-probabilities of every answer to every prompt, (P, K, T); EOS left out unless ends.

    raises  ValueError for a prompt or an answer with a character that the model lacks
    """
    tokens, mask = rows(prompts, answers, words)
    logp = to_host(policy.token_logp(transformer, params, to_device(tokens)))
    own = answer_mask(answers, ends)
    table = np.zeros((len(prompts) * len(answers), own.shape[1]))
    for row, (line, target) in enumerate(zip(logp, mask, strict=True)):
        used = int(own[row % len(answers)].sum())
        table[row, :used] = line[target > 0][:used]
    return table.reshape(len(prompts), len(answers), -1)
