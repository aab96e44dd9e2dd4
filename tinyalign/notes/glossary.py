"""Terms of the course: one plain sentence each, and the page that teaches the term."""

TERMS = {  # term -> (sentence, number of a page)
    "advantage": ("How much better an action is than what the policy does on average.", "00"),
    "attention": (
        "A weighted mean of what stands at other positions; the model computes the weights.",
        "22",
    ),
    "baseline": (
        "A number that is subtracted from the reward so that the gradient has less noise.",
        "00",
    ),
    "best-of-n": ("Draw n answers, score them, and keep the best one.", "06"),
    "beta": ("The price of a nat of KL: a large beta keeps the policy near its reference.", "05"),
    "Bradley–Terry model": (
        "The probability that A beats B is the sigmoid of the difference of their scores.",
        "03",
    ),
    "causal mask": ("The rule that a position sees itself and earlier positions only.", "22"),
    "chosen and rejected": ("The better and the worse answer of a comparison.", "03"),
    "CISPO": (
        "A policy gradient whose importance weights are capped and never stop a token.",
        "20",
    ),
    "clip": (
        "A limit on the ratio beyond which a sample gives no gradient that pushes further out.",
        "07",
    ),
    "clip-higher": ("A wider clip upwards than downwards, so that unlikely tokens can rise.", "20"),
    "completion": ("The tokens that the model writes after a prompt, with the end token.", "01"),
    "critic": ("A network that predicts the return from here; also called value model.", "07"),
    "cross-attention": (
        "Attention from one text to another, such as from an answer to its source.",
        "22",
    ),
    "cross-entropy": ("Minus the mean log-probability of the right tokens.", "02"),
    "DAPO": (
        "GRPO with a higher upper clip, a mean over tokens, and no groups without a signal.",
        "20",
    ),
    "distillation": (
        "A student learns the next-token probabilities of a teacher; on-policy means that the "
        "student writes the texts.",
        "24",
    ),
    "DPO": (
        "A loss on pairs that has the optimum of RLHF and needs neither reward model nor samples.",
        "08",
    ),
    "Dr.GRPO": ("GRPO without the division by length and by standard deviation.", "19"),
    "embedding": ("The vector that stands for a token inside the model.", "22"),
    "entropy": ("How undecided a distribution is, in nats: 0 for certainty.", "02"),
    "EOS": ("The token that ends a completion; a model that never learns it never stops.", "02"),
    "episode": ("One prompt and one completion, seen as a series of decisions.", "07"),
    "forward and reverse KL": (
        "The KL from teacher to student, which wants everything covered, and from student to "
        "teacher, which wants nothing strange said.",
        "24",
    ),
    "GAE": (
        "Advantages as a weighted sum of one-step errors of the critic; lambda trades bias "
        "for noise.",
        "07",
    ),
    "gate": ("A number between 0 and 1 that says how much of a value passes.", "22"),
    "GKD": (
        "Generalised knowledge distillation: any of three distances, on texts of either author.",
        "24",
    ),
    "gold reward": ("The true quality, which the proxy reward only imitates.", "14"),
    "group": ("Several completions of one prompt that are compared with one another.", "13"),
    "GRPO": ("PPO's clipped loss with a group of answers in place of a critic.", "13"),
    "GSPO": (
        "GRPO with one ratio for a whole answer: the geometric mean of its tokens' ratios.",
        "20",
    ),
    "head": ("One attention with queries, keys and values of its own; a layer has several.", "22"),
    "implicit reward": ("beta times the log-ratio of policy and reference.", "08"),
    "importance ratio": (
        "The probability of a sample now, divided by its probability when it was drawn.",
        "07",
    ),
    "IPO": ("A squared loss on pairs that asks for one finite margin.", "09"),
    "k1, k2, k3": (
        "Three estimates of the KL from samples: the log-ratio, half its square, and the "
        "inverse ratio − 1 + log-ratio.",
        "04",
    ),
    "KL divergence": (
        "The mean log-ratio of two distributions under the first: 0 if they agree, never below.",
        "04",
    ),
    "KTO": ("A loss on single answers with a thumb up or down.", "12"),
    "leave-one-out": ("A baseline for each answer: the mean reward of the others.", "13"),
    "likelihood displacement": (
        "The probability of chosen answers falls although the loss is minimised.",
        "10",
    ),
    "log-probability": (
        "The logarithm of a probability, in nats; that of a text is the sum over its tokens.",
        "01",
    ),
    "logits": ("The scores of all tokens before the softmax.", "01"),
    "LSTM": ("A network that reads token after token and keeps a memory behind gates.", "22"),
    "margin": ("The log-ratio of the chosen answer minus that of the rejected one.", "08"),
    "mask": ("Ones and zeros that say which tokens count.", "02"),
    "myopic point": (
        "Where a KL that is charged token by token ends if it ignores the KL to come.",
        "21",
    ),
    "nat": ("The unit of logarithms to the base e; one nat is 1.44 bits.", "05"),
    "off-policy": ("Learning from samples that another policy has drawn.", "07"),
    "on-policy": ("Learning from samples that the policy itself has just drawn.", "00"),
    "ORPO": ("Likelihood of chosen answers plus a term that compares odds; no reference.", "11"),
    "outcome reward": ("One number for a whole completion.", "15"),
    "over-optimisation": ("The proxy reward rises while the true quality falls.", "14"),
    "padding": ("Tokens that fill a row to the length of its batch; they must not count.", "01"),
    "partition function": (
        "The sum Z that makes probabilities add up to 1; DPO is derived so that it cancels.",
        "05",
    ),
    "pass@k": ("The chance that at least one of k samples is right.", "15"),
    "policy": ("The model that is trained: it gives every completion a probability.", "00"),
    "policy gradient": ("The slope of the expected reward in the parameters of the policy.", "00"),
    "PPO": ("A policy gradient with a critic, a ratio and a clip.", "07"),
    "preference": ("A judgement which of two answers is better.", "03"),
    "proxy reward": ("The reward that is optimised, in place of the true one.", "14"),
    "reference": ("A frozen copy of the model from which the KL is measured.", "04"),
    "REINFORCE": ("The gradient of log-probability times reward, averaged over samples.", "00"),
    "rejection sampling": (
        "Draw, and accept with a probability, so that the accepted answers follow another policy.",
        "06",
    ),
    "return": ("The sum of the rewards from here to the end.", "07"),
    "reward hacking": ("Earning reward in a way that nobody wanted.", "14"),
    "reward model": ("A network that gives an answer a score, trained on comparisons.", "03"),
    "RLHF": ("Reinforcement learning from human feedback: a reward minus beta times KL.", "05"),
    "RLOO": ("REINFORCE with the mean of the other answers as baseline.", "13"),
    "RLVR": ("Reinforcement learning on a reward that a program can verify.", "15"),
    "rollout": ("The samples on which the next gradient steps are taken.", "18"),
    "RRHF": (
        "A loss that asks for the order of several answers, plus likelihood of the best.",
        "11",
    ),
    "SFT": ("Supervised fine-tuning: raise the probability of given answers.", "02"),
    "silent group": (
        "A group whose answers all have one reward, so that it teaches nothing.",
        "13",
    ),
    "SimPO": (
        "A loss on pairs of mean log-probabilities with a target margin; no reference.",
        "11",
    ),
    "softmax": ("Exponentials of scores, divided by their sum: probabilities.", "00"),
    "temperature": ("The number by which logits are divided before sampling.", "01"),
    "token": ("One symbol of the vocabulary; a text is a series of tokens.", "01"),
    "token mean": ("One sum over all tokens of a batch, divided by their number.", "19"),
    "TPO": ("DPO without a reference, plus likelihood of a third, gold answer.", "10"),
    "value function": ("The expected return from a state.", "07"),
    "verifier": ("A program that says whether an answer is right.", "15"),
    "whitening": ("Shift and scale of advantages to mean 0 and variance 1.", "07"),
}
