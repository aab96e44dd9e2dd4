"""README.md of an exam: what to train, the lines for TRL, what to set elsewhere, how to grade."""

from tinyalign.exam.evidence import hides_eos
from tinyalign.exam.methods import METHODS
from tinyalign.exam.programs import TRL, batch_of, lines_for_trl, longest, rate_of, steps_of

WARNINGS = {
    "ipo": "TRL divides IPO's log-ratios by the answers' lengths. On the task words the grade will "
    "name that.",
    "cdpo": "TRL 1.16 ignores label_smoothing with this loss. The grade will name that.",
    "orpo": "ORPO has no closed form: its optimum was found by Newton's method on the exact loss. "
    "The likelihood is a mean over each chosen answer's tokens, then over answers. TRL's is one "
    "mean over all tokens of the batch, the prompts' too. On the task words the grade will name "
    "that.",
    "kto": "KTO has no closed form: its optimum was found by Newton's method on the exact loss, z0 "
    "and all. Shuffle, and use large batches: z0 is a mean over the batch.",
    "grpo": "A group's mean contains the sample, so beta counts as β·G/(G−1). The exam knows. "
    "Each token pays for its own KL alone, so answers of several tokens do not end at "
    "π_ref·exp(r/β)/Z (`tinyalign read 21`). The exam knows that too.",
    "raft": "One round: draw from the model as it is, keep the best of num_generations draws, "
    "train on those until nothing changes, never draw again.",
    "reward": 'A reward model is graded from a JSON file: {"prompt": {"answer": score}}.',
    "ppo": "Put the KL to the reference into the reward. The discount is 1, λ is your choice.",
}

WITH_REFERENCE = "multiplies the log-ratio to the frozen reference, summed over an answer's tokens"
COEFFICIENT = {  # what each method's number stands for, for whoever sets it elsewhere
    "sft": "No setting. The loss is a mean over tokens or over answers; EOS is one of the tokens.",
    "dpo": f"beta {WITH_REFERENCE}.",
    "cdpo": f"beta {WITH_REFERENCE}. flip is the share of labels that the loss takes to be wrong.",
    "ipo": "The difference of two log-ratios, each summed over an answer's tokens, has the target "
    "1/(2·tau) nats.",
    "simpo": "beta multiplies the mean log-probability of an answer's tokens; gamma is subtracted "
    "afterwards, and not multiplied by beta.",
    "orpo": "lam weighs the odds-ratio loss, of mean log-probabilities, beside the likelihood.",
    "kto": f"beta {WITH_REFERENCE}.",
    "reward": "No setting. The loss is Bradley-Terry's, on the difference of two scores.",
    "rloo": "beta is the coefficient of the KL in the reward, a sum over an answer's tokens. The "
    "baseline is the mean over the other completions of a group.",
    "ppo": "beta is the coefficient of the KL in the reward, a sum over an answer's tokens.",
    "grpo": "beta is the coefficient of the KL in the loss, a sum over an answer's tokens. "
    "(log π/π_ref)²/2 of a sampled token has the slope of that KL; k3 has the slope of the other "
    "direction. The advantage is the reward less the mean of its group, and is not divided by a "
    "standard deviation. The loss sums over a completion's tokens and averages over completions.",
    "raft": "num_generations is the number of draws of which the best is kept.",
}
REWARD = (
    "`reward(prompts, completions)` is a list of numbers. Prompts are those of `data.jsonl`, and "
    "completions are text without EOS. What is no answer has the least reward."
)
STATUS = """Exit status 0: right; 1: wrong; 2: it could not be said.

| verdict | what it means, and what to do |
|---|---|
| right | the trainer does what the method says |
| right at another beta | all is right but one number: beta, a temperature, or the baseline |
| looks like | a known mistake, with the projects in which it was seen |
| unknown | training is over, at a point that no known mistake explains: read the slopes |
| not trained enough, undecided | train longer, or with larger batches, and grade again |
| mass leaked | the model says much that is no answer: look at EOS and at the learning rate |
"""
WITHOUT_REFERENCE = ("sft", "simpo", "orpo", "reward", "raft")


def guide(paper):
    """The text of README.md."""
    method = METHODS[paper.method]
    parts = [
        f"# An exam in {method.title}\n",
        "Train `model/` on this folder's data with your trainer, then ask where it landed. The "
        "optimum of this data is known exactly, so a trainer that does what it says ends there. "
        "All commands below are typed in this folder.\n",
        facts(paper, method),
    ]
    if paper.method in TRL:
        parts.append(
            "## With TRL\n\n"
            "Install TRL with `pip install 'trl>=1'`; 1.16.0 was tried. Save these lines as "
            "`train.py` in this folder and run `python train.py`. That takes a minute "
            "or two on a processor, without a GPU.\n\n"
            f"```python\n{lines_for_trl(paper)}```\n"
        )
    parts += [elsewhere(paper, method), probing(paper), grading(paper)]
    return "\n".join(parts)


def facts(paper, method):
    """Files and settings."""
    settings = ", ".join(f"{key} = {value:g}" for key, value in paper.settings.items())
    known = warning(paper)
    reward = f"- `reward.py`: {REWARD}\n" if method.samples else ""
    end = "EOS belongs to every answer." if paper.ends else "An answer is one token, without EOS."
    role = "" if paper.method in WITHOUT_REFERENCE else ", and the frozen reference"
    return (
        f"- `model/`: where training starts{role}: a GPT-2 of characters.\n"
        f"- `data.jsonl`: {what(paper)}\n{reward}"
        "- `exam.json`: what the grade needs.\n\n"
        f"Settings: {settings or 'none'}. Prompts: {', '.join(paper.prompts)}. "
        f"Answers: {', '.join(paper.answers)}. {end}\n" + (f"\n{known}\n" if known else "")
    )


def warning(paper):
    """What to know about the method here, or an empty text."""
    known = WARNINGS.get(paper.method, "")
    if paper.method != "grpo":
        return known
    scaled = f"{known} With TRL's default, `scale_rewards='group'`, each prompt has its own beta"
    return f"{scaled}, and the grade names that." if longest(paper) == 1 else f"{scaled}."


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
        "- Every prompt begins with the token of `\\n`, which the tokenizer in `model/` adds. No "
        "space stands between a prompt and its answer.\n"
        f"{padding(paper)}{sampled}"
        f"- {steps_of(paper)} updates of {batch_of(paper)} "
        f"{'completions' if method.samples else 'lines'} each, Adam with betas "
        f"0.9 and 0.99, a learning rate of {rate_of(paper):g} that falls to zero. "
        "Smaller batches are noisy, and the grade may then be `not trained enough`.\n"
        "- Keep a checkpoint from half of the updates. Without it the grade cannot tell a mistake "
        "from too little training, and names none.\n"
    )


def padding(paper):
    """That padding cannot be told by its token, where EOS belongs to the answers."""
    if not paper.ends:
        return ""
    own = "EOS is a token of a completion and counts like the others."
    if not METHODS[paper.method].samples:
        own = "Your trainer has to add EOS to every answer of `data.jsonl`."
    return f"- {own} The padding token is EOS too: a mask made from the token would hide EOS.\n"


def probing(paper):
    """How to ask about a first step before any training."""
    if paper.method == "reward":
        return ""
    program, build = "", "MyTrainer(…)"
    if paper.method in TRL:
        home, trainer = TRL[paper.method][0], f"{TRL[paper.method][1]}Trainer"
        program = f"from {home} import {trainer}\n\nfrom tinyalign.exam.in_trl import hooks\n\n\n"
        build = f"hooks({trainer}(…))"
    return (
        "## Before training\n\n"
        "A first step shows much: padding that changes a score, an EOS that is not trained, a "
        f"reference that moves. {eos_note(paper)}Put a function that builds your trainer into a "
        "file, say `mine.py`:\n\n"
        f"```python\n{program}def trainer():\n"
        f"    return {build}  # a fresh model each time, no .train()\n```\n\n"
        "```\ntinyalign exam probe . mine.py:trainer\n```\n\n"
        f"{'A trainer that is not TRL’s needs no `hooks`. It' if program else 'The trainer'} needs "
        "some of the methods `score(tokens, mask)`, `loss(lines)`, `step(batches)` and "
        "`sample(prompts)`, in NumPy, torch or JAX. Python's `help('tinyalign.exam.hooks')` says "
        "what each returns.\n"
    )


def eos_note(paper):
    """That neither probe nor grade sees EOS here, or an empty text."""
    if not hides_eos(paper):
        return ""
    return (
        "On this task an EOS that is not trained cannot be seen, neither before training nor by "
        "the grade: the model says EOS after every answer almost surely. Make another exam with "
        "`--task words` to see it. "
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
        "A loop in torch saves such a folder with `model.save_pretrained(folder)` and "
        "`tokenizer.save_pretrained(folder)`: the grade reads both. "
        "If your trainer writes no folder that transformers can load, write a JSON file with the "
        f"log-probability of each token of each answer{', EOS last' if paper.ends else ''}: "
        f"`{example(paper, f'[{numbers}]')}`.\n\n{STATUS}"
    )


def grading_scores(paper):
    """How to grade a reward model: its scores in a file."""
    return (
        "## The grade\n\n"
        "```\ntinyalign exam grade . scores.json --before earlier_scores.json\n```\n\n"
        f"Each file holds the score of every answer: `{example(paper, '0.7')}`.\n\n{STATUS}"
    )


def example(paper, value):
    """The form of a table in JSON."""
    return f'{{"{paper.prompts[0]}": {{"{paper.answers[0]}": {value}, …}}, …}}'
