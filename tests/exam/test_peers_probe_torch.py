"""`tinyalign exam probe` on a loop in torch that is nobody's library: SFT in fifty lines."""

import os

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from test_probe import random_params  # noqa: E402

from tinyalign.exam import hooks, make, probe  # noqa: E402


class Loop:
    """Right, or with the mistake that comes with pad = eos: whatever is padding is not trained."""

    def __init__(self, folder, end_is_padding):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.model = AutoModelForCausalLM.from_pretrained(folder).train()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.end_is_padding = end_is_padding
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def logp(self, ids, real):
        logits = self.model(input_ids=ids, attention_mask=real).logits[:, :-1]
        return logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]

    def score(self, tokens, mask):
        return self.logp(torch.tensor(tokens).long(), torch.ones(tokens.shape).long())

    def batch(self, lines):
        """ids, what is real, and which targets count."""
        texts = [line["prompt"] + line["completion"] + "<eos>" for line in lines]
        rows = self.tokenizer(texts, padding=True, return_tensors="pt")
        counts = rows.attention_mask[:, 1:].clone()
        for row, line in enumerate(lines):
            counts[row, : len(line["prompt"])] = 0
        if self.end_is_padding:
            counts[rows.input_ids[:, 1:] == self.tokenizer.pad_token_id] = 0
        return rows.input_ids, rows.attention_mask, counts

    def total(self, lines):
        ids, real, counts = self.batch(lines)
        return -(self.logp(ids, real) * counts).sum(), counts.sum()

    def loss(self, lines):
        total, count = self.total(lines)
        return total / count

    def step(self, batches):
        self.optimizer.zero_grad()
        totals, counts = zip(*(self.total(lines) for lines in batches), strict=True)
        (sum(totals) / sum(counts)).backward()
        self.optimizer.step()


@pytest.mark.parametrize("end_is_padding", [False, True])
def test_a_loop_of_ones_own(end_is_padding, tmp_path, monkeypatch):
    monkeypatch.setattr(make, "train_reference", random_params)
    make.make(tmp_path / "exam", "sft")
    (tmp_path / "mine.py").write_text("def trainer(): pass\n")
    bench = hooks.load_bench(tmp_path / "exam", f"{tmp_path / 'mine.py'}:trainer")
    answers, left = probe.ask(
        bench._replace(make=lambda: Loop(tmp_path / "exam" / "model", end_is_padding))
    )
    wrong = [answer.finding for answer in answers if answer.right is not True]
    assert left == list(probe.QUESTIONS)[-1:]  # it samples nothing
    if end_is_padding:
        assert "leaves EOS out of the loss" in wrong[0]
    else:
        assert wrong == []
