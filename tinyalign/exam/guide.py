"""README.md of an exam: what to train, the lines for TRL, what to set elsewhere, how to grade."""

from tinyalign.exam.methods import METHODS
from tinyalign.exam.programs import TRL, lines_for_trl, longest, steps_of

WARNINGS = {
    "ipo": "TRL divides IPO's log-ratios by their length: expect that to be named, on words.",
    "cdpo": "TRL 1.16 ignores label_smoothing with this loss: expect that to be named.",
    "orpo": "ORPO has no closed form: its optimum was found by Newton's method on the exact loss.",
    "kto": "KTO has no closed form: its optimum was found by Newton's method on the exact loss, z0 "
    "and all. Shuffle, and use large batches: z0 is a mean over the batch.",
    "grpo": "A group's mean contains the sample, so beta counts as β·G/(G−1); the exam knows.",
    "raft": "One round: draw from the model as it is, keep the best of num_generations draws, "
    "train on those until nothing changes, never draw again.",
    "reward": 'A reward model is graded from a JSON file: {"prompt": {"answer": score}}.',
    "ppo": "The KL to the reference belongs into the reward, a discount of 1, λ at your choice.",
}

WITH_REFERENCE = "is for the sum of log-ratios to the frozen reference over an answer's tokens"
COEFFICIENT = {  # what each method's number stands for, for whoever sets it elsewhere
    "sft": "Nothing is to be set; the loss is a mean over tokens or over answers, EOS among them.",
    "dpo": f"beta {WITH_REFERENCE}, in nats.",
    "cdpo": f"beta {WITH_REFERENCE}, in nats; flip is the share of labels taken to be wrong.",
    "ipo": f"tau {WITH_REFERENCE}: the target of their difference is 1/(2·tau) nats.",
    "simpo": "beta multiplies the mean log-probability of an answer's tokens; gamma is subtracted "
    "afterwards, and not multiplied by beta.",
    "orpo": "lam weighs the odds-ratio loss, of mean log-probabilities, beside the likelihood.",
    "kto": f"beta {WITH_REFERENCE}, in nats.",
    "reward": "Nothing is to be set: the loss is Bradley-Terry's on the difference of two scores.",
    "rloo": "beta is the coefficient of the KL in the reward, a sum over an answer's tokens.",
    "ppo": "beta is the coefficient of the KL in the reward, a sum over an answer's tokens.",
    "grpo": "beta is the coefficient of the KL in the loss, a sum over an answer's tokens.",
    "raft": "num_generations is the number of draws of which the best is kept.",
}
STATUS = "Exit status 0: right; 1: wrong; 2: it could not be said."
WITHOUT_REFERENCE = ("sft", "simpo", "orpo", "reward", "raft")


def guide(paper):
    """The text of README.md."""
    method = METHODS[paper.method]
    parts = [
        f"# An exam in {method.title}\n",
        "Train `model/` on this folder's data with your trainer, then ask where it landed. The "
        "optimum of this data is known exactly, so a trainer that does what it says ends there.\n",
        facts(paper, method),
    ]
    if paper.method in TRL:
        parts.append(f"## With TRL\n\n```python\n{lines_for_trl(paper)}```\n")
    parts += [elsewhere(paper, method), probing(paper), grading(paper)]
    return "\n".join(parts)


def facts(paper, method):
    """Files and settings."""
    settings = ", ".join(f"{key} = {value:g}" for key, value in paper.settings.items())
    reward = "- `reward.py`: the reward of a completion.\n" if method.samples else ""
    end = "EOS belongs to every answer." if paper.ends else "An answer is one token, without EOS."
    role = "" if paper.method in WITHOUT_REFERENCE else ", and the frozen reference"
    return (
        f"- `model/`: where training starts{role}: a GPT-2 of characters.\n"
        f"- `data.jsonl`: {what(paper)}\n{reward}"
        "- `exam.json`: what the grade needs.\n\n"
        f"Settings: {settings or 'none'}. Prompts: {', '.join(paper.prompts)}. "
        f"Answers: {', '.join(paper.answers)}. {end}\n\n{warning(paper)}\n"
    )


def warning(paper):
    """What to know about the method here, or an empty text."""
    known = WARNINGS.get(paper.method, "")
    if paper.method != "grpo":
        return known
    scaled = f"{known} Without `scale_rewards` set so, each prompt has a beta of its own"
    return f"{scaled}, and that is named." if longest(paper) == 1 else f"{scaled}."


def what(paper):
    """What the lines of data.jsonl are."""
    rows = METHODS[paper.method].rows(paper)
    return f"{len(rows)} lines with the columns {', '.join(rows[0])}."


def elsewhere(paper, method):
    """What any trainer has to be set to."""
    sampled = (
        "- Temperature 1, no top-k, no top-p; one update for each batch of samples.\n"
        f"- At most {longest(paper)} new tokens.\n"
        if method.samples
        else ""
    )
    return (
        "## With another trainer\n\n"
        f"- {COEFFICIENT[paper.method]}\n"
        "- No dropout, no weight decay, float32, no gradient clipping that bites.\n"
        "- Every prompt begins with the token of `\\n`, which the tokenizer in `model/` adds.\n"
        f"{sampled}"
        "- Large batches, some hundred steps, a learning rate of 1e-3 that falls to zero.\n"
        "- Keep a checkpoint from a quarter or half of the steps: without it no mistake is named.\n"
    )


def probing(paper):
    """How to ask about a first step before any training."""
    if paper.method == "reward":
        return ""
    program, build = "", "MyTrainer(…)"
    if paper.method in TRL:
        program = "from tinyalign.exam.in_trl import hooks\n\n\n"
        build = f"hooks({TRL[paper.method][1]}Trainer(…))"
    return (
        "## Before training\n\n"
        "One step shows padding that is read, an EOS that is not, and more. "
        "Put a function that builds your trainer into a file, say `mine.py`:\n\n"
        f"```python\n{program}def trainer():\n"
        f"    return {build}  # a fresh model each time, no .train()\n```\n\n"
        "```\ntinyalign exam probe . mine.py:trainer\n```\n\n"
        f"{'A trainer that is not TRL’s needs no `hooks`, but' if program else 'It needs'} some of "
        "the methods `score(tokens, mask)`, `loss(lines)`, `step(batches)` and `sample(prompts)`, "
        "in NumPy, torch or JAX; `tinyalign.exam.hooks` says what each returns.\n"
    )


def grading(paper):
    """How to grade, and the form of a table."""
    if paper.method == "reward":
        return grading_scores(paper)
    steps = steps_of(paper)
    numbers = ", ".join(["-0.7", "-0.1"][: int(paper.mask[0].sum())])
    return (
        "## The grade\n\n"
        f"```\ntinyalign exam grade . trained/checkpoint-{steps} --before "
        f"trained/checkpoint-{steps // 2}\n```\n\n"
        "In place of a folder of weights a JSON file will do, with the log-probability of each "
        f"token of each answer{', EOS last' if paper.ends else ''}: "
        f"`{example(paper, f'[{numbers}]')}`. {STATUS}\n"
    )


def grading_scores(paper):
    """How to grade a reward model: its scores in a file."""
    return (
        "## The grade\n\n"
        "```\ntinyalign exam grade . scores.json --before earlier_scores.json\n```\n\n"
        f"Each file holds the score of every answer: `{example(paper, '0.7')}`. {STATUS}\n"
    )


def example(paper, value):
    """The form of a table in JSON."""
    return f'{{"{paper.prompts[0]}": {{"{paper.answers[0]}": {value}, …}}, …}}'
