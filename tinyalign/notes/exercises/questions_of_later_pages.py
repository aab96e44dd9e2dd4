"""Questions without code, of pages 09 to 18 and the capstone."""

from tinyalign.notes.exercises.exercise import Question

PAPER, OPEN = "on paper", "open ended"

LATER = (
    Question(
        "09.3", PAPER,
        "There are two answers, and A beat B in all comparisons. Which margin of "
        "log-ratios does IPO ask for at $\\tau = 0.1$, and which one does DPO ask "
        "for?",
        "IPO asks for $1/(2\\tau) = 5$. DPO asks for an infinite margin, whatever "
        "beta is.",
    ),
    Question(
        "09.4", OPEN,
        "Turn five of a hundred labels at random. Compare DPO, cDPO and IPO. Which "
        "one changes least, and what do you pay for that with clean labels?",
        "Turned labels bound DPO's margin by themselves. cDPO and IPO change less, "
        "and with clean labels both stop at a margin that the data would not have "
        "asked for.",
    ),
    Question(
        "10.3", PAPER,
        "Features of three answers: chosen (1, 0), rejected (0, 0), a third one (2,"
        " 0). Training moves along the difference of chosen and rejected. What "
        "happens to the three probabilities?",
        "The logits become $t$, 0 and $2t$. The chosen log-probability is $-\\log(1 "
        "+ e^t + e^{-t})$, which falls for every $t > 0$: the third answer, which "
        "nobody has judged, takes the probability.",
    ),
    Question(
        "10.4", OPEN,
        "Choose how alike chosen and rejected are. When does the chosen answer "
        "fall, and which anchor would you take if gold answers are expensive?",
        "The more alike they are, the more other answers gain. A likelihood term on"
        " the chosen answers costs no new data; DPO with a penalty acts only where "
        "the chosen answer falls.",
    ),
    Question(
        "11.3", PAPER,
        "Two answers have 2 and 10 tokens, each token with log-probability −1. "
        "Compare their sums and their means. Which of the two would a loss on sums "
        "prefer, and which one a loss on means?",
        "Sums: −2 and −10. Means: −1 and −1. A loss on sums sees a difference of 8 "
        "nats that is length alone; a loss on means sees none.",
    ),
    Question(
        "11.4", OPEN,
        "Train ORPO without its likelihood term and SimPO with a very small gamma. "
        "What holds the policy in place, and what do samples look like?",
        "Nothing holds it: without a reference and without likelihood only "
        "differences count, and the probability of both answers may fall.",
    ),
    Question(
        "12.3", PAPER,
        "Every log-ratio is 0.7, that of liked answers and that of disliked ones. What "
        "does KTO's gain say with $z_0 = 0.7$, and what with $z_0 = 0$?",
        "With $z_0 = 0.7$ every gain is 0: nothing has been learned. With $z_0 = 0$"
        " liked answers look better than they are and disliked ones worse.",
    ),
    Question(
        "12.4", OPEN,
        "Let people press thumbs up nine times as often as thumbs down. Train with "
        "and without weights, and describe what the policy does with answers that "
        "nobody has judged.",
        "Without weights the liked class pulls nine times as hard, and the policy "
        "moves towards all liked answers and away from what nobody has judged.",
    ),
    Question(
        "13.4", PAPER,
        "A group of $K$ answers has $m$ successes with reward 1, and 0 otherwise. "
        "What are the centred advantages, and for which $m$ is the sum of their "
        "absolute values largest?",
        "$1 - m/K$ for a success and $-m/K$ for a failure. The sum is $2m(K - "
        "m)/K$, largest at $m = K/2$: a prompt of medium difficulty teaches most.",
    ),
    Question(
        "13.5", OPEN,
        "You may draw 64 completions. Would you take 32 prompts with 2 each or 4 "
        "prompts with 16 each? Decide for a success rate of 0.5 and for one of "
        "0.02, and measure.",
        "At 0.5 half of the groups of 2 teach, and more prompts are more variety. "
        "At 0.02 almost all groups of 2 are silent (96 %), and of groups of 16 only"
        " 72 % are.",
    ),
    Question(
        "14.3", PAPER,
        "The gold reward follows $d(\\alpha - \\beta d)$ with $\\alpha = 1$ and $\\beta"
        " = 0.25$, and $d$ is the square root of the KL. At which KL is it best, "
        "and at which KL is all of the gain lost again?",
        "Best at $d = 2$, a KL of 4 nats; the gain is 1. It is back at 0 at $d = "
        "4$, a KL of 16 nats.",
    ),
    Question(
        "14.4", OPEN,
        "You see the proxy reward and the KL and have no gold reward. Which cheap "
        "measurements would you add in order to stop in time?",
        "A few answers read by people at growing KL, a second reward model trained "
        "on other data, the disagreement of several, or the length and the variety "
        "of answers.",
    ),
    Question(
        "15.3", PAPER,
        "A model passes with probability 0.2 on half of the problems and with 0.8 "
        "on the others. What are pass@1 and pass@4? Which pass@4 would a model have"
        " that passes with 0.5 everywhere?",
        "pass@1 is 0.5 for both. pass@4 is $(1 - 0.8^4 + 1 - 0.2^4)/2 = 0.794$, and"
        " $1 - 0.5^4 = 0.938$ for the other: pass@4 tells them apart.",
    ),
    Question(
        "15.4", OPEN,
        "Leave out all tests but two. Which programs does GRPO find, and how would "
        "you notice without the other tests?",
        "It finds programs that fit two points and are wrong elsewhere, such as "
        "constants. New random tests after training show it; more training on the "
        "old ones never does.",
    ),
    Question(
        "16.4", PAPER,
        "Why does the law \"swapping chosen and rejected adds $\\beta$ times the "
        "margin\" hold for DPO, and does it hold for IPO?",
        "Because $-\\log\\sigma(-x) = -\\log\\sigma(x) + x$. IPO's square changes by "
        "$2x/\\tau$ instead: $(x + c)^2 - (x - c)^2 = 4cx$ with $c = 1/(2\\tau)$.",
    ),
    Question(
        "16.5", OPEN,
        "Write a wrong loss that breaks as few laws as possible. Which law catches "
        "it in the end, and could it be seen in a training curve?",
        "Mistakes in rare places break few laws: a clamp at extreme margins, or a "
        "constant. A constant never shows in training at all; a clamp shows only "
        "far from the start.",
    ),
    Question(
        "17.3", PAPER,
        "Attention over $T$ tokens with width $C$ costs about $T^2 C$ "
        "multiplications for the scores and $T C^2$ for each of four projections. "
        "From which $T$ on do the scores and the weighted mean cost more than the "
        "projections?",
        "Scores and weighted mean cost $2T^2C$, projections $4TC^2$: from $T = 2C$ "
        "on.",
    ),
    Question(
        "17.4", OPEN,
        "Measure one step of training of your own. Which three lines take most of "
        "the time, and which of them would be faster with the same mathematics?",
        "Measure before you change anything, and again afterwards on the same "
        "numbers. Most time goes where arrays are copied, or where many small "
        "operations are recorded.",
    ),
    Question(
        "18.3", PAPER,
        "Method A takes 64 gradient steps and method B takes 16, from the same "
        "completions. Name three comparisons that could be called fair, and what "
        "each one holds equal.",
        "Equal completions (the price of sampling), equal gradient steps (the price"
        " of training), equal seconds or equal tuning effort. Each answers another "
        "question; say which.",
    ),
    Question(
        "18.4", OPEN,
        "Take a table of methods from a paper that you like. Which of these were "
        "equal for all rows: completions, gradient steps, rate search, seeds?",
        "Most tables hold completions or steps equal and do not say how many "
        "settings each method was given. Without that, the row with most tuning "
        "wins.",
    ),
    Question(
        "19.3", PAPER,
        "A group has one wrong answer of length 4 with advantage −1. Under which of "
        "the three means does a wrong answer of length 8 with advantage −2 push each "
        "token equally hard?",
        "Under GRPO's: $1/4 = 2/8$. With the fixed length and with DAPO's mean each "
        "token of the second answer is pushed twice as hard.",
    ),
    Question(
        "19.4", OPEN,
        "You split a batch into micro-batches of very different length. Which of the "
        "three means can be computed from parts, and what must the parts know?",
        "All can, if a part knows the divisor of the whole: the number of answers for "
        "GRPO and Dr. GRPO, the number of tokens for DAPO. A mean of means is wrong.",
    ),
    Question(
        "20.3", PAPER,
        "A token has probability 0.7, and the clip is 0.2. Which probability can it "
        "reach in one batch before its slope ends? Which probability can its only "
        "rival, with 0.3, fall to before its own slope ends?",
        "$0.7 \\cdot 1.2 = 0.84$ for the token; $0.3 \\cdot 0.8 = 0.24$ for the rival. "
        "A likely token has room to rise, and an unlikely one has little: 0.01 can "
        "reach 0.012 only.",
    ),
    Question(
        "20.4", OPEN,
        "Let the samples be ten updates old. Which of the losses of this page still "
        "learns, and which one stops, and what does each risk?",
        "Clipped losses stop where the ratio has left the clip: they waste the sample. "
        "Losses that cap the weight go on and risk to learn from what the policy would "
        "no longer say.",
    ),
    Question(
        "ca.3", PAPER,
        "A method is right on 240 of 300 held-out problems, another on 225. Can you"
        " tell them apart?",
        "0.80 and 0.75 with standard errors of 0.023 and 0.025; the difference of "
        "0.05 has an error of about 0.034. That is 1.5 errors: not from one run.",
    ),
    Question(
        "ca.4", OPEN,
        "Choose a method for a task of your own: what data do you have, what can "
        "you keep in memory, and how will you notice that the choice was wrong?",
        "`tinyalign choose` asks the same questions. Whatever you choose, compare "
        "it with SFT and with best-of-n from the same start.",
    ),
)  # fmt: skip
