"""Which method for whom: the notes' decision tree, corrected, as a list that is read from the top.

A leaf matches when every question it names has one of the answers it allows. A question is asked
only when the first leaf still possible depends on it.
"""

import sys
from typing import NamedTuple

from tinyalign import methods
from tinyalign.errors import InputError
from tinyalign.notes import claims


class Question(NamedTuple):
    """Something to be asked, and what can be answered."""

    text: str
    answers: dict[str, str]  # as typed: in words


class Leaf(NamedTuple):
    """Where a way through the questions ends."""

    method: str  # a row of tinyalign.methods
    when: dict[str, tuple[str, ...]]  # question: the answers that lead here
    reason: str
    claims: tuple[str, ...]  # ids of the ledger
    command: str  # what runs it here
    trl: str  # its name in TRL 1.16
    corrects: str = ""  # where the notes' tree says otherwise


QUESTIONS = {
    "data": Question(
        "What do you have?",
        {
            "demonstrations": "good answers to imitate",
            "pairs": "pairs, one answer preferred to the other",
            "thumbs": "single answers, each liked or not",
            "rankings": "several answers to each prompt, with scores",
            "triples": "a gold answer and a pair for each prompt",
            "rewards": "a reward that can be computed for any answer",
            "none": "nothing but prompts",
        },
    ),
    "scorer": Question(
        "Can a program score any answer, for example by unit tests?", {"yes": "yes", "no": "no"}
    ),
    "memory": Question(
        "Is there room for a second network of the policy's size?",
        {"small": "no, memory is small", "large": "yes, memory is large"},
    ),
    "sampling": Question(
        "What does it cost to sample answers while training?",
        {"cheap": "little", "costly": "much: the fewer the better"},
    ),
    "reference": Question(
        "Is there a fine-tuned policy to start from?", {"yes": "yes", "no": "no, a base model only"}
    ),
    "noise": Question(
        "Are many of the labels wrong?", {"low": "few are", "high": "many are, perhaps one in five"}
    ),
    "labels": Question(
        "How often was each prompt judged?",
        {"few": "once, so every preference looks certain", "many": "often, by several people"},
    ),
}
TREE = (
    Leaf(
        "dr_grpo", {"scorer": ("yes",), "memory": ("small",)},
        "What can be scored should be sampled and scored. Without a critic and without a reference "
        "only the policy itself is held.",
        ("grpo-memory-critical", "grpo-no-critic", "group-of-eight"),
        "tinyalign run dr_grpo",
        'GRPOTrainer, GRPOConfig(loss_type="dr_grpo", scale_rewards="none", beta=0.0)',
        "note 001 line 112 names GRPO here, which in its paper holds a reference (errata row 2)",
    ),
    Leaf(
        "ppo", {"scorer": ("yes",), "memory": ("large",), "sampling": ("costly",)},
        "One completion of each prompt is enough for PPO, because a critic takes the place of the "
        "group; the critic is paid for in memory.",
        ("grpo-sampling-cost", "grpo-less-compute-to-goal", "ppo-memory", "ppo-unstable"),
        "tinyalign run ppo",
        "none in TRL 1.16, which dropped PPOTrainer; RLOOTrainer is the nearest",
        "note 004 line 630 sends here whoever wants the best result, without evidence "
        "(errata row 63)",
    ),
    Leaf(
        "grpo", {"scorer": ("yes",), "memory": ("large",), "sampling": ("cheap",)},
        "What can be scored should be sampled and scored, and a group of samples is its own "
        "baseline: no critic to train.",
        ("grpo-best", "grpo-less-compute-to-goal", "objective-metrics", "k8-better-per-sample"),
        "tinyalign run grpo",
        'GRPOTrainer, GRPOConfig(loss_type="grpo", beta=0.01)',
        "note 004 line 617 asks for ranked responses here; GRPO samples its own (errata row 27)",
    ),
    Leaf(
        "sft", {"scorer": ("no",), "data": ("demonstrations",)},
        "Good answers are to be imitated; nothing else says what is better.",
        ("dpo-inherits-bias",), "tinyalign run sft", "SFTTrainer",
    ),
    Leaf(
        "sft", {"scorer": ("no",), "data": ("none",)},
        "Nothing says what is better. Write or collect some good answers first, and imitate them.",
        ("dpo-needs-quality",), "tinyalign run sft", "SFTTrainer",
        "note 004 line 633 calls DPO the default, but without pairs it has nothing to learn from",
    ),
    Leaf(
        "orpo", {"scorer": ("no",), "data": ("pairs",), "reference": ("no",)},
        "Its likelihood term imitates the chosen answers while its odds ratio compares: one stage, "
        "and no reference to hold.",
        ("orpo-no-sft",), "tinyalign run orpo", "trl.experimental.orpo.ORPOTrainer",
    ),
    Leaf(
        "simpo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("small",)},
        "A margin of log-probabilities per token in place of a reference: one network is held.",
        ("dpo-memory", "dpo-reference"), "tinyalign run simpo",
        'trl.experimental.cpo.CPOTrainer, CPOConfig(loss_type="simpo", cpo_alpha=0.0)',
        "note 001 line 76 gives DPO the lowest memory; it holds two networks (errata row 29)",
    ),
    Leaf(
        "robust_dpo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("large",),
         "noise": ("high",)},
        "Its loss is DPO's with the known share of exchanged labels taken out in expectation.",
        ("dpo-needs-quality", "ipo-robust"), "tinyalign run robust_dpo --label_noise 0.2",
        'DPOTrainer, DPOConfig(loss_type="robust", label_smoothing=0.2)',
        "note 004 line 615 names IPO for robustness, which is about certainty, not wrong labels",
    ),
    Leaf(
        "ipo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("large",),
         "noise": ("low",), "labels": ("few",)},
        "With one label a pair, DPO can go to certainty; IPO regresses to a finite margin.",
        ("dpo-overconfident", "ipo-conservative", "ipo-better"), "tinyalign run ipo",
        'DPOTrainer, DPOConfig(loss_type="ipo")',
        "note 004 line 614 promises better performance; the paper has bandits only (errata row 54)",
    ),
    Leaf(
        "dpo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("large",),
         "noise": ("low",), "labels": ("many",)},
        "One loss on given pairs whose optimum is that of RLHF: no sampling, no critic, no reward "
        "model.",
        ("dpo-low-cost", "dpo-competitive", "dpo-raises-chosen"), "tinyalign run dpo",
        'DPOTrainer, DPOConfig(loss_type="sigmoid")',
    ),
    Leaf(
        "kto", {"scorer": ("no",), "data": ("thumbs",)},
        "It judges each answer by itself. Weigh the rarer kind of thumb up; the run here does.",
        ("thumbs-enough", "kto-weights", "kto-less-data"),
        "tinyalign run kto",
        "KTOTrainer, KTOConfig(desirable_weight=…, undesirable_weight=…)",
        "note 004 line 624 knows no other; BCO and APO-zero need no pairs either (errata row 62)",
    ),
    Leaf(
        "rrhf", {"scorer": ("no",), "data": ("rankings",), "memory": ("small",)},
        "It compares all answers of a prompt by their order and holds no reference.",
        ("rrhf-absolute-scores", "rrhf-simpler"), "tinyalign run rrhf",
        "none; the authors' code is GanjinZero/RRHF",
        "note 004 line 444 wants absolute scores for it; it reads only their order (errata row 49)",
    ),
    Leaf(
        "infonca", {"scorer": ("no",), "data": ("rankings",), "memory": ("large",)},
        "It reads how much better each answer is, and with two answers it is DPO.",
        ("dpo-wastes-candidates", "grpo-real-valued", "grpo-flexible-input"),
        "tinyalign run infonca",
        'none for several answers; for pairs DPOTrainer, DPOConfig(loss_type="nca_pair")',
        "note 004 line 621 names RRHF, which forgets by how much (errata row 49)",
    ),
    Leaf(
        "tpo", {"scorer": ("no",), "data": ("triples",)},
        "A pair loss without a reference, and the likelihood of the gold answer beside it.",
        ("tpo-no-reference", "tpo-no-drift", "tpo-steadier-than-dpo", "tpo-annotation"),
        "tinyalign run tpo", "trl.experimental.tpo.TPOTrainer",
    ),
)  # fmt: skip


def walk(answers, ask):
    """The leaf that answers lead to.

    answers  {question: answer} known before
    ask      called with a question's name where its answer is needed and not known
    """
    answers = dict(answers)
    if "data" not in answers:
        answers["data"] = ask("data")
    if answers["data"] == "rewards":
        answers["scorer"] = "yes"  # it is what this answer says
    return next(leaf for leaf in TREE if fits(leaf, answers, ask))


def fits(leaf, answers, ask):
    """Whether the leaf's conditions are met; asks what is not known and enters it in `answers`."""
    for question, allowed in leaf.when.items():
        if question not in answers:
            answers[question] = ask(question)
        if answers[question] not in allowed:
            return False
    return True


def ask_at_terminal(name):
    """Put a question with numbered answers until one of them is chosen."""
    if not sys.stdin.isatty():
        flags = "; ".join(f"--{key} {'|'.join(q.answers)}" for key, q in QUESTIONS.items())
        raise InputError(
            f"--{name} is needed, and there is no terminal to ask at; the flags are {flags}"
        )
    question = QUESTIONS[name]
    print(f"\n{question.text}")
    for number, words in enumerate(question.answers.values(), 1):
        print(f"  {number}  {words}")
    while True:
        try:
            typed = input("number: ").strip()
        except EOFError:
            raise InputError(f"no answer to --{name}: choose one of its numbers") from None
        if typed in question.answers:
            return typed
        if typed.isdigit() and 1 <= int(typed) <= len(question.answers):
            return list(question.answers)[int(typed) - 1]
        print(f"a number from 1 to {len(question.answers)}, please")


def advice(leaf):
    """A leaf in words, line by line."""
    row = methods.named(leaf.method)
    yield f"{row.name}: {row.title}"
    yield leaf.reason
    if leaf.corrects:
        yield f"The notes differ: {leaf.corrects}."
    yield "\nwhat the claims ledger says of it"
    for entry in claims.rows(leaf.claims):
        yield f"- “{entry.claim.quote}” {entry.verdict} ({entry.claim.id}): {entry.measured}"
    yield f"\nhere:   {leaf.command}"
    yield f"in TRL: {leaf.trl}"
