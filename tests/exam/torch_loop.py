"""DPO in torch as people write it in an afternoon, and what goes wrong in such a loop.

A mistake is planted by its name; "" is right. The class has the four hooks of `exam probe`.
"""

import copy

import torch
from torch.nn.functional import logsigmoid
from transformers import AutoModelForCausalLM, AutoTokenizer

MISTAKES = {  # what is planted: words of what `exam probe` finds
    "EOS masked as padding": "leaves EOS out of the loss",
    "the reference is the model": "moves the reference along with the policy",
    "no reference": "has no reference",
    "mean over tokens": "takes the mean over an answer's tokens",
    "beta twice": "has beta times 2",
    "targets not shifted": "nats from the model's",
    "padding on the left": "most at the prompt",
    "dropout left on": "is dropout on?",
    "sum over the batch": "that is their sum",
    "cold samples": "standard deviations from chance; most like temperature 0.",
    "padding counted": "want",
}
HARMLESS = "accumulated without dividing"  # twice the gradient: Adam divides the factor away


class DPO:
    """One trainer on the exam's model in a folder."""

    def __init__(self, folder, mistake="", beta=0.5, rate=1e-3):
        self.mistake, self.beta = mistake, 2 * beta if mistake == "beta twice" else beta
        dropout = 0.1 if mistake == "dropout left on" else 0.0
        kept = {name: dropout for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop")}
        self.model = AutoModelForCausalLM.from_pretrained(folder, **kept).train()
        own = mistake == "the reference is the model"
        self.reference = self.model if own else copy.deepcopy(self.model).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        if mistake == "padding on the left":
            self.tokenizer.padding_side = "left"
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=rate, betas=(0.9, 0.99))

    def token_logp(self, model, ids, real):
        """(B, S) ids -> (B, S−1) log-probabilities of ids[:, 1:]."""
        logp = model(input_ids=ids, attention_mask=real).logits.log_softmax(-1)
        shifted = logp[:, 1:] if self.mistake == "targets not shifted" else logp[:, :-1]
        return shifted.gather(2, ids[:, 1:, None])[..., 0]

    def sequence_logp(self, model, prompts, completions):
        """Log-probability of each completion: (B,)."""
        texts = [
            p + c + self.tokenizer.eos_token for p, c in zip(prompts, completions, strict=True)
        ]
        rows = self.tokenizer(texts, padding=True, return_tensors="pt")
        ids, real = rows.input_ids, rows.attention_mask
        labels = ids.masked_fill(real == 0, -100)
        for row, prompt in enumerate(prompts):
            begin = int((real[row] == 0).sum()) if self.tokenizer.padding_side == "left" else 0
            labels[row, begin : begin + len(prompt) + 1] = -100  # START and the prompt
        if self.mistake == "EOS masked as padding":
            labels[ids == self.tokenizer.pad_token_id] = -100
        counts = (labels[:, 1:] != -100).float()
        if self.mistake == "padding counted":
            counts = counts.maximum((real[:, 1:] == 0).float())
        total = (self.token_logp(model, ids, real) * counts).sum(1)
        return total / counts.sum(1) if self.mistake == "mean over tokens" else total

    def losses(self, lines):
        prompts, chosen, rejected = ([line[k] for line in lines] for k in lines[0])
        ratios = []
        for answers in (chosen, rejected):
            with torch.no_grad():
                reference = self.sequence_logp(self.reference, prompts, answers)
            known = 0 if self.mistake == "no reference" else reference
            ratios.append(self.sequence_logp(self.model, prompts, answers) - known)
        values = -logsigmoid(self.beta * (ratios[0] - ratios[1]))
        return values.sum() if self.mistake == "sum over the batch" else values.mean()

    # What `exam probe` calls.

    def score(self, tokens, mask):
        """The rows are padded on the right; this loop pads as its tokenizer does."""
        ids, width = torch.as_tensor(tokens).long(), mask.shape[1] + 1
        last = mask.shape[1] - (mask[:, ::-1] > 0).argmax(1)
        real = torch.as_tensor([[t <= end for t in range(width)] for end in last]).long()
        if self.tokenizer.padding_side == "right":
            with torch.no_grad():
                return self.token_logp(self.model, ids, real)
        shift = [width - 1 - int(end) for end in last]
        moved, kept = (
            torch.stack([row.roll(by) for row, by in zip(rows, shift, strict=True)])
            for rows in (ids, real)
        )
        with torch.no_grad():
            logp = self.token_logp(self.model, moved, kept)
        return torch.stack([row.roll(-by) for row, by in zip(logp, shift, strict=True)])

    def loss(self, lines):
        with torch.no_grad():
            return self.losses(lines)

    def step(self, batches):
        self.optimizer.zero_grad()
        count = sum(map(len, batches))
        for lines in batches:
            share = 1.0 if self.mistake == HARMLESS else len(lines) / count
            (self.losses(lines) * share).backward()
        self.optimizer.step()

    def sample(self, prompts):
        rows = self.tokenizer(prompts, padding=True, return_tensors="pt")
        heat = 0.7 if self.mistake == "cold samples" else 1.0
        drawn = self.model.generate(
            **rows, max_new_tokens=4, do_sample=True, temperature=heat, top_k=0, top_p=1.0
        )
        texts = self.tokenizer.batch_decode(drawn[:, rows.input_ids.shape[1] :])
        return [text.split(self.tokenizer.eos_token)[0] for text in texts]
