"""Questions without code, of pages 00 to 08: one for paper and one open-ended one for each page."""

from tinyalign.notes.exercises.exercise import Question
from tinyalign.notes.exercises.questions_of_later_pages import LATER

PAPER, OPEN = "on paper", "open ended"

EARLIER = (
    Question(
        "00.3", PAPER,
        "A policy chooses between two answers with probabilities $p$ and $1 - p$ "
        "and rewards 1 and 0. For which $p$ is the slope of the expected reward in "
        "the first logit largest, and what follows for a policy that is almost "
        "always wrong?",
        "The slope is $p(1 - p)$, largest at $p = 1/2$, where it is $1/4$. At $p = "
        "0.01$ it is 0.0099: a policy that is almost always wrong learns slowly, "
        "although it has most to learn.",
    ),
    Question(
        "00.4", OPEN,
        "Add 100 to every reward of the bandit. Which numbers of this page change, "
        "which do not, and what would a training run notice?",
        "The gradient and its expectation do not change. The noise without a "
        "baseline grows more than a hundredfold, so a run needs more than ten "
        "thousand times as many samples for the same error. With a baseline nothing changes.",
    ),
    Question(
        "01.4", PAPER,
        "A vocabulary has $V$ tokens, of which one ends the completion. How many "
        "completions of at most $L$ tokens are there, the end token counted, if a "
        "completion may also be cut off at $L$?",
        "$1 + (V - 1) + (V - 1)^2 + … + (V - 1)^{L - 1}$ that end, and $(V - 1)^L$ "
        "that are cut off.",
    ),
    Question(
        "01.5", OPEN,
        "Plant a mistake of your own into the score of a completion, and find out "
        "whether the sum over all completions notices. Can you plant one that it "
        "does not notice?",
        "The sum notices every mistake that breaks a conditional distribution. A "
        "mistake that keeps the sum at 1 for every prompt is another distribution: "
        "exchange two tokens of the vocabulary everywhere, for example. Only "
        "samples or a second model notice that.",
    ),
    Question(
        "02.3", PAPER,
        "Two rows have 1 and 3 target tokens with losses 4 and 1, 1, 1. What is the"
        " mean over tokens, and what is the mean of the rows' means? Which one is "
        "the gradient that you want if rows are cut out of one long text?",
        "$7/4 = 1.75$ and $(4 + 1)/2 = 2.5$. For pieces of one text every token "
        "should count alike: the mean over tokens.",
    ),
    Question(
        "02.4", OPEN,
        "Take the end token out of the loss, or let the prompt count. What changes "
        "in the curves, and what changes in the samples? Which of the two would you"
        " notice first?",
        "Without the end token the loss looks better and samples never stop: only "
        "samples show it. With the prompt the loss is higher because prompts are "
        "hard to guess, and the samples hardly change.",
    ),
    Question(
        "03.3", PAPER,
        "Of 100 comparisons between A and B, A won 80. Which difference of rewards "
        "fits best, and which one fits best if A won all 100?",
        "$\\log(80/20) = 1.386$. If A won all of them, no finite difference is best:"
        " the larger, the better.",
    ),
    Question(
        "03.4", OPEN,
        "Give your judges a taste for long answers, which has nothing to do with "
        "quality. What does the reward model learn, and which measurement on "
        "held-out comparisons would show it?",
        "It learns length as if it were quality, and its accuracy on held-out "
        "comparisons of the same judges stays high. Look at pairs of equal length, "
        "or at the correlation of reward and length.",
    ),
    Question(
        "04.4", PAPER,
        "Policy (0.5, 0.5), reference (0.8, 0.2). Compute the KL in nats, and k1, "
        "k2 and k3 for both answers. Which of the three have the KL as their mean?",
        "KL $= 0.5 \\log(0.5/0.8)$ $+ 0.5 \\log(0.5/0.2)$ $= 0.2231$. k1: −0.4700 and "
        "0.9163, mean 0.2231. k2: 0.1105 and 0.4198, mean 0.2651. k3: 0.1300 and "
        "0.3163, mean 0.2231. So k1 and k3 have it.",
    ),
    Question(
        "04.5", OPEN,
        "Draw the samples from another policy than the one that scores them. How "
        "far must the two be apart before the mean of k1 is negative? What would "
        "you log to notice it?",
        "The mean of k1 is then KL(q ‖ reference) − KL(q ‖ policy), where q drew "
        "the samples: negative as soon as q is nearer to the reference. Log the mean "
        "of log π − log q on the samples: it is −KL(q ‖ policy), and should be 0. "
        "The mean of the ratio itself is 1 for every policy and shows nothing.",
    ),
    Question(
        "05.3", PAPER,
        "Two answers with reference (0.5, 0.5) and rewards 1 and 0. For which "
        "$\\beta$ does the optimal policy give the better answer with probability "
        "0.9?",
        "The log-odds are $1/\\beta = \\log 9 = 2.197$, so $\\beta = 0.455$.",
    ),
    Question(
        "05.4", OPEN,
        "Give one good answer a reference probability of 0, then of one in a "
        "million. What does the optimum do, and what would a training run that "
        "samples do?",
        "With 0 the optimum never gives it. With one in a million the optimum gives"
        " it weight $10^{-6} e^{r/\\beta}$, which may be most of it; a run that "
        "samples will not see it for a long time. The optimum is about the end, not"
        " about the way.",
    ),
    Question(
        "06.3", PAPER,
        "A model answers right with probability $p = 0.1$. How large must $n$ be so"
        " that the best of $n$ by an exact scorer is right with probability 0.9, "
        "and what is the bound on its KL?",
        "$1 - 0.9^n \\ge 0.9$ gives $n = 22$. The bound is $\\log 22 - 21/22 = 2.136$"
        " nats; the true KL is below because there are ties.",
    ),
    Question(
        "06.4", OPEN,
        "Let the scorer be wrong in one verdict of twenty. What does best-of-n do "
        "as n grows, and at which n would you stop?",
        "Of the answers that the scorer calls right, the share $0.95p / (0.95p + "
        "0.05(1 - p))$ is right. Once $n$ is so large that some answer is called "
        "right, more draws change nothing.",
    ),
    Question(
        "07.3", PAPER,
        "Ratio 1.5, advantage 1, clip 0.2: what is the surrogate, and what is its "
        "slope in the log-probability? And with advantage −1?",
        "With 1: the loss is −1.2 and its slope is 0. With −1: the loss is 1.5 and "
        "its slope is 1.5, because the smaller of −1.5 and −1.2 is not clipped. The"
        " clip never stops a step back.",
    ),
    Question(
        "07.4", OPEN,
        "Take the clip away and raise the number of epochs. From which number on is"
        " the run worse, and which logged number warns first?",
        "Nothing happens for few epochs, because few ratios leave the clip. Later "
        "the mean of log π_old − log π grows from batch to batch: `approx_kl` warns"
        " before the reward does.",
    ),
    Question(
        "08.3", PAPER,
        "At the start policy and reference are equal. What are DPO's loss, its "
        "slope in the chosen log-probability and the accuracy? What are they once "
        "$\\beta$ times the margin is 2?",
        "At the start: $\\log 2 = 0.693$, $-\\beta/2$, and no pair is ordered yet. "
        "Where $\\beta$ times the margin is 2: $0.127$, $-0.119\\beta$, and the pair is "
        "ordered right. The slope has fallen to a quarter.",
    ),
    Question(
        "08.4", OPEN,
        "Leave one answer out of all comparisons. Where does DPO put its "
        "probability, and is that what the reward would want?",
        "Nothing in the loss mentions the answer. In a table of logits its logit stays "
        "where it was, and its probability changes only because the logits of the "
        "others move. In a network it also depends on the parameters that the answers "
        "share. The optimum of RLHF would look at its reward.",
    ),
)  # fmt: skip
QUESTIONS = EARLIER + LATER
