"""A trainer of TRL with the hooks of `exam probe`: SFT, DPO, KTO, CPO, ORPO, GRPO, RLOO.

    from tinyalign.exam.in_trl import hooks

    def trainer():
        return hooks(DPOTrainer(model="exam/model", …))

Lines go through the trainer's own preparation and collator, updates through its own training_step,
so that what is asked about is what it would train on.
"""

import inspect

import numpy as np


def hooks(trainer):
    """An object with score, loss and step, or score and sample where the trainer samples."""
    samples = hasattr(trainer, "_generate_single_turn")
    return Sampler(trainer) if samples else Learner(trainer)


class Learner:
    """A trainer that learns from lines."""

    def __init__(self, trainer):
        self.trainer = trainer
        trainer.model.train()  # dropout, if there is any, is part of what is asked about

    def score(self, tokens, mask):
        """The model's log-probabilities of rows padded on the right."""
        import torch

        last = mask.shape[1] - (np.asarray(mask)[:, ::-1] > 0).argmax(axis=1)
        real = torch.tensor(np.arange(tokens.shape[1]) <= last[:, None]).long()
        ids = torch.tensor(np.asarray(tokens)).long()
        with torch.no_grad():
            logits = self.trainer.model(input_ids=ids, attention_mask=real).logits[:, :-1]
        return logits.float().log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]

    def inputs(self, lines):
        """Lines as the trainer's loss receives them."""
        from datasets import Dataset

        trainer = self.trainer
        prepare = getattr(trainer, "_prepare_dataset", None)
        if prepare is None:  # CPO and ORPO prepare a line at a time
            return trainer.data_collator([line | trainer.tokenize_row(line) for line in lines])
        known = {"dataset_name": "probe", "packing": False, "formatting_func": None}
        more = [known[name] for name in parameters(prepare)[3:] if name in known]
        rows = prepare(Dataset.from_list(lines), trainer.processing_class, trainer.args, *more)
        return trainer.data_collator(list(rows))

    def loss(self, lines):
        import torch

        inputs = self.trainer._prepare_inputs(self.inputs(lines))
        with torch.no_grad():
            return self.trainer.compute_loss(self.trainer.model, inputs)

    def step(self, batches):
        """One update by the trainer's own optimizer, at its peak learning rate."""
        trainer = self.trainer
        if trainer.optimizer is None:
            trainer.create_optimizer()
        trainer.current_gradient_accumulation_steps = len(batches)
        batches, count = trainer.get_batch_samples(
            iter([self.inputs(lines) for lines in batches]), len(batches), trainer.args.device
        )
        trainer.optimizer.zero_grad()
        for inputs in batches:
            trainer.training_step(trainer.model, inputs, count)
        trainer.optimizer.step()


class Sampler:
    """A trainer that learns from what it samples, and scores that as its loss reads it."""

    def __init__(self, trainer):
        self.trainer = trainer
        trainer.model.train()

    def score(self, tokens, mask):
        """Prompts padded on the left, completions on the right, as GRPO and RLOO have them."""
        import torch
        from trl.trainer.utils import pad

        start = (np.asarray(mask) > 0).argmax(axis=1) + 1
        end = mask.shape[1] - (np.asarray(mask)[:, ::-1] > 0).argmax(axis=1) + 1
        ids = [torch.tensor(row).long() for row in np.asarray(tokens)]
        prompts = [row[:begin] for row, begin in zip(ids, start, strict=True)]
        texts = [row[b:e] for row, b, e in zip(ids, start, end, strict=True)]
        fill = self.trainer.processing_class.pad_token_id
        parts, real = [], []
        for rows, side in ((prompts, "left"), (texts, "right")):
            parts.append(pad(rows, padding_value=fill, padding_side=side))
            ones = [torch.ones_like(row) for row in rows]
            real.append(pad(ones, padding_value=0, padding_side=side))
        with torch.no_grad():
            logp = self.trainer._get_per_token_logps_and_entropies(
                self.trainer.model, torch.cat(parts, 1), torch.cat(real, 1), parts[1].shape[1]
            )[0]
        table = np.zeros(mask.shape)
        for row, (own, begin, stop) in enumerate(zip(logp, start, end, strict=True)):
            table[row, begin - 1 : stop - 1] = own[: stop - begin].numpy()
        return table

    def sample(self, prompts):
        trainer = self.trainer
        turn = trainer._generate_single_turn
        known = {"num_generations": 1, "has_tool_images": False}
        more = [known[name] for name in parameters(turn)[3:]]
        drawn = turn(*trainer._tokenize_prompts(prompts), *more)
        ids = drawn[0] if isinstance(drawn, tuple) else drawn
        return trainer.processing_class.batch_decode(ids, skip_special_tokens=True)


def parameters(function):
    """The names of a function's parameters: TRL's trainers differ in those of one method."""
    return list(inspect.signature(function).parameters)
