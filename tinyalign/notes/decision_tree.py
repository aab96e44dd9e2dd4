"""The questions of `tinyalign choose`, and the recommendations that the answers lead to.

The tree is the notes' decision tree, corrected. It is a list of recommendations, read from the top:
the first one whose conditions all hold is given.
"""

from typing import NamedTuple


class Question(NamedTuple):
    """A question with its possible answers."""

    text: str
    answers: dict[str, str]  # {value of the flag: the answer in words}


class Recommendation(NamedTuple):
    """A method, the answers that lead to it, and the reasons."""

    method: str  # a name in the table of methods
    when: dict[str, tuple[str, ...]]  # {question: the answers that lead here}
    reason: str
    claims: tuple[str, ...]  # ids in the claims ledger
    command: str  # trains the method here
    trl: str  # the trainer and its config in TRL 1.16
    correction: str = ""  # a sentence, where the notes' tree says something else
    place: str = ""  # note and line of that
    errata: tuple[int, ...] = ()  # rows of errata.json about it


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
# In reading order: what can be scored comes first, then what the data offer.
TREE = (
    Recommendation(
        "dr_grpo", {"scorer": ("yes",), "memory": ("small",)},
        "A reward that a program computes should be trained on directly. Without a critic and "
        "without a reference, Dr.GRPO keeps only the policy in memory.",
        ("grpo-memory-critical", "grpo-no-critic", "group-of-eight"),
        "tinyalign run dr_grpo",
        'GRPOTrainer, GRPOConfig(loss_type="dr_grpo", scale_rewards="none", beta=0.0)',
        "One of the notes recommends GRPO here, but GRPO as published keeps a reference.",
        "note 001, line 112", (2,),
    ),
    Recommendation(
        "ppo", {"scorer": ("yes",), "memory": ("large",), "sampling": ("costly",)},
        "PPO needs only one completion of each prompt, because a critic replaces the group. The "
        "critic costs memory.",
        ("grpo-sampling-cost", "grpo-less-compute-to-goal", "ppo-memory", "ppo-unstable"),
        "tinyalign run ppo",
        "none in TRL 1.16, which dropped PPOTrainer; RLOOTrainer is the nearest",
        "One of the notes recommends PPO for the best result, without evidence.",
        "note 004, line 630", (63,),
    ),
    Recommendation(
        "grpo", {"scorer": ("yes",), "memory": ("large",), "sampling": ("cheap",)},
        "A reward that a program computes should be trained on directly. The mean of a group of "
        "samples is the baseline, so there is no critic to train.",
        ("grpo-best", "grpo-less-compute-to-goal", "objective-metrics", "k8-much-better"),
        "tinyalign run grpo",
        'GRPOTrainer, GRPOConfig(loss_type="grpo", beta=0.0)',
        "One of the notes recommends GRPO for ranked responses, but GRPO samples its own.",
        "note 004, line 617", (27,),
    ),
    Recommendation(
        "sft", {"scorer": ("no",), "data": ("demonstrations",)},
        "Demonstrations can only be imitated; they do not say which answer is better.",
        ("dpo-inherits-bias",), "tinyalign run sft", "SFTTrainer",
    ),
    Recommendation(
        "sft", {"scorer": ("no",), "data": ("none",)},
        "Nothing says which answer is better. Write or collect some good answers first, and "
        "imitate them.",
        ("dpo-needs-quality",), "tinyalign run sft", "SFTTrainer",
        "One of the notes calls DPO the default, but DPO cannot learn without pairs.",
        "note 004, line 633",
    ),
    Recommendation(
        "orpo", {"scorer": ("no",), "data": ("pairs",), "reference": ("no",)},
        "Its likelihood term imitates the chosen answers and its odds ratio compares the pair. So "
        "ORPO needs one stage and no reference.",
        ("orpo-no-sft",), "tinyalign run orpo", "trl.experimental.orpo.ORPOTrainer",
    ),
    Recommendation(
        "simpo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("small",)},
        "SimPO compares mean log-probabilities per token and needs no reference: only the policy "
        "is in memory.",
        ("dpo-memory", "dpo-reference"), "tinyalign run simpo",
        'trl.experimental.cpo.CPOTrainer, CPOConfig(loss_type="simpo", cpo_alpha=0.0)',
        "One of the notes gives DPO the lowest memory, but DPO keeps two networks.",
        "note 001, line 76", (29,),
    ),
    Recommendation(
        "robust_dpo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("large",),
         "noise": ("high",)},
        "Its loss corrects DPO's for a known share of exchanged labels, so that its expectation "
        "is the loss on clean labels.",
        ("dpo-needs-quality", "ipo-robust"),
        "tinyalign run robust_dpo --label_noise 0.2 --set flip=0.2",
        'DPOTrainer, DPOConfig(loss_type="robust", label_smoothing=0.2)',
        "One of the notes recommends IPO for robustness, but IPO does not correct wrong labels.",
        "note 004, line 615",
    ),
    Recommendation(
        "ipo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("large",),
         "noise": ("low",), "labels": ("few",)},
        "With one label a pair, DPO can become certain. IPO regresses to a finite margin.",
        ("dpo-overconfident", "ipo-conservative", "ipo-better"), "tinyalign run ipo",
        'DPOTrainer, DPOConfig(loss_type="ipo")',
        "One of the notes promises better performance, but IPO's paper has experiments on bandits "
        "only.",
        "note 004, line 614", (54,),
    ),
    Recommendation(
        "dpo",
        {"scorer": ("no",), "data": ("pairs",), "reference": ("yes",), "memory": ("large",),
         "noise": ("low",), "labels": ("many",)},
        "DPO is one loss on given pairs, and its optimum is that of RLHF. It needs no sampling, no "
        "critic and no reward model.",
        ("dpo-low-cost", "dpo-competitive", "dpo-raises-chosen"), "tinyalign run dpo",
        'DPOTrainer, DPOConfig(loss_type="sigmoid")',
    ),
    Recommendation(
        "kto", {"scorer": ("no",), "data": ("thumbs",)},
        "KTO judges each answer by itself, and holds a policy and a reference. The rarer kind of "
        "thumb should weigh more.",
        ("thumbs-enough", "kto-less-data", "kto-almost-dpo"),
        "tinyalign run kto",
        "KTOTrainer, KTOConfig(desirable_weight=…, undesirable_weight=…)",
        "One of the notes knows no other method for thumbs, but BCO and APO-zero also score each "
        "answer alone; the runs here train these two on pairs.",
        "note 004, line 624", (62,),
    ),
    Recommendation(
        "rrhf", {"scorer": ("no",), "data": ("rankings",), "memory": ("small",)},
        "RRHF compares all answers to a prompt by their order and needs no reference.",
        ("rrhf-absolute-scores", "rrhf-simpler"), "tinyalign run rrhf",
        "none; the authors' code is GanjinZero/RRHF",
        "One of the notes asks for absolute scores here, but RRHF reads only their order.",
        "note 004, line 444", (49,),
    ),
    Recommendation(
        "infonca", {"scorer": ("no",), "data": ("rankings",), "memory": ("large",)},
        "InfoNCA uses how much better each answer is; with two answers it is DPO.",
        ("dpo-wastes-candidates", "grpo-real-valued", "grpo-flexible-input"),
        "tinyalign run infonca",
        'none for several answers; for pairs DPOTrainer, DPOConfig(loss_type="nca_pair")',
        "One of the notes recommends RRHF here, but RRHF ignores how much better an answer is.",
        "note 004, line 621", (49,),
    ),
    Recommendation(
        "tpo", {"scorer": ("no",), "data": ("triples",)},
        "TPO adds the likelihood of the gold answer to a pair loss, and needs no reference.",
        ("tpo-no-reference", "tpo-no-drift", "tpo-steadier-than-dpo", "tpo-annotation"),
        "tinyalign run tpo", "trl.experimental.tpo.TPOTrainer",
    ),
)  # fmt: skip
