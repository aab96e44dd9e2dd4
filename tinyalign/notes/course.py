"""What a reader can do after each page of the course, what the page asks for, and three paths."""

from typing import NamedTuple

START = "Python with NumPy, derivatives, and the expectation of a random variable."


class Page(NamedTuple):
    """One page of the course."""

    able: str  # the end of "After this page you can …"
    needs: tuple = ()  # numbers of the pages to read before


PAGES = {  # number of a page, as in the name of its file -> what stands on its card
    "00": Page(
        "compute a policy gradient in four ways, and say how large the noise of its estimate is."
    ),
    "01": Page(
        "score a completion with a language model, and test that score by summing all "
        "probabilities to 1.",
        ("00",),
    ),
    "02": Page(
        "write the loss and the mask of supervised fine-tuning, and say which floor the loss has.",
        ("01",),
    ),
    "03": Page(
        "train a reward model on comparisons, and say what comparisons can never tell it.",
        ("00",),
    ),
    "04": Page(
        "choose between the KL estimates k1, k2 and k3, in the reward and in the loss.",
        ("00",),
    ),
    "05": Page(
        "write down the best policy for a reward and a KL penalty before any training.",
        ("00", "03"),
    ),
    "06": Page(
        "compute the policy of best-of-n and its KL, and draw exact samples of the optimum.",
        ("05",),
    ),
    "07": Page(
        "write the advantages and the clipped loss of PPO, and say what the clip does.",
        ("00", "05"),
    ),
    "08": Page("write the loss of DPO, and show that DPO and RLHF have one optimum.", ("03", "05")),
    "09": Page(
        "say when DPO runs away from its reference, and what IPO asks for instead.", ("08",)
    ),
    "10": Page(
        "predict how far the probability of chosen answers falls under DPO, and stop the fall.",
        ("08",),
    ),
    "11": Page(
        "tell ORPO, SimPO and RRHF apart by what holds each of them in place.", ("08", "10")
    ),
    "12": Page("train on thumbs up and down with KTO, and balance the two classes.", ("08",)),
    "13": Page(
        "compute the advantages of GRPO, RLOO and Dr.GRPO, and say which bias each choice has.",
        ("00", "07"),
    ),
    "14": Page(
        "recognise over-optimisation of a reward model, and say when to stop.", ("05", "06")
    ),
    "15": Page(
        "train a model on a reward that a program computes, and estimate pass@k without bias.",
        ("13",),
    ),
    "16": Page("test a loss of your own with laws, and read what they say.", ("08",)),
    "17": Page("write a training step in NumPy that is several times faster.", ("01",)),
    "18": Page(
        "compare two methods fairly, and find the cause of a gap between them.", ("07", "13")
    ),
    "19": Page("say which answers each way of averaging tokens makes longer or shorter.", ("13",)),
    "20": Page(
        "say when the clip of PPO, DAPO, GSPO and CISPO acts, and on which tokens.", ("07", "13")
    ),
    "21": Page(
        "say where a trainer with a KL of each token ends, and how to measure it.", ("04", "05")
    ),
    "22": Page(
        "compute attention and a memory cell by hand, and say what each can and cannot keep.",
        ("01", "02"),
    ),
    "23": Page(
        "read the dashboard of a PPO run, and say why a learned reward is no measure of success.",
        ("02", "03", "07"),
    ),
    "24": Page(
        "distil a teacher in five ways, and say which of them end alike, and which need few texts.",
        ("02", "04", "07"),
    ),
    "25": Page(
        "train on the right answers alone, and say what this does to the variety of answers.",
        ("06", "07"),
    ),
    "26": Page(
        "say what samples of an older policy do to the gradient, and what a capped weight costs.",
        ("07", "20"),
    ),
    "27": Page(
        "say what a reward for each step changes: the optimum, the noise, and how it is gamed.",
        ("07", "13"),
    ),
    "28": Page(
        "train an adapter of low rank, and say when it reaches the optimum of full training.",
        ("05", "08"),
    ),
    "29": Page(
        "say what DPO and GRPO each add when they follow one another, and count what each costs.",
        ("08", "13", "23"),
    ),
    "30": Page(
        "say when the entropy falls, and which changes of GRPO a small experiment can tell apart.",
        ("13", "20"),
    ),
    "31": Page(
        "say what a noisy verifier does to the optimum, and what a gamed one does.",
        ("05", "15"),
    ),
    "ca": Page(
        "read a table of all methods: their data, memory, KL and accuracy with error bars.",
        ("08", "13"),
    ),
}

PATHS = (  # name, for whom, numbers of the pages in order
    (
        "One evening",
        "You want the main ideas: a policy, its probabilities, the optimum, DPO, GRPO.",
        ("00", "01", "05", "08", "13", "16"),
    ),
    (
        "The basics",
        "You begin: from a bandit to a language model, its fine-tuning, its reward, its optimum.",
        ("00", "01", "22", "02", "03", "05"),
    ),
    (
        "The DPO family",
        "You have comparisons, thumbs or rankings, and you train without sampling.",
        ("08", "09", "10", "11", "12"),
    ),
    (
        "The RL family",
        "You have a reward, and the model learns from its own samples.",
        (
            "07",
            "23",
            "29",
            "04",
            "13",
            "19",
            "20",
            "26",
            "30",
            "24",
            "18",
            "15",
            "25",
            "31",
            "27",
            "21",
        ),
    ),
    (
        "Further, and an appendix on speed",
        "You know the methods: best-of-n, over-optimisation, wrong losses, every method at once.",
        ("06", "14", "28", "16", "ca", "17"),
    ),
)
