"""Claims that no experiment of this size can test, each with the reason."""

from tinyalign.notes.claims.verdicts.finding import Claim

CLAIMS = (
    Claim(
        "grpo-scale", "000", 26, "When to Use · GRPO",
        "When PPO is too expensive or unstable — e.g., very large models (DeepSeek, RLHF at "
        "scale).",
        "Where models are very large, GRPO is the choice.",
        why="it speaks of very large models, and none is here",
    ),
    Claim(
        "ppo-reliability", "001", 75, "Method | Equation Focus | Stages | Memory | Best For",
        "| **PPO** | Clipped probability ratios + Value function | 3 | Highest | "
        "General chat, proven reliability |",
        "For chat, PPO is the reliable choice.",
        why="chat and reliability in production need people and large models",
    ),
    Claim(
        "ppo-multi-objective", "001", 102, "Choose PPO When",
        "Require sophisticated multi-objective optimization",
        "Where several objectives count, PPO is the choice.",
        why="any method that takes a reward takes a sum of several; which is best needs real "
        "objectives",
    ),
    Claim(
        "dpo-minimal-tuning", "002", 45, "DPO · Pros",
        "Works well on large models with minimal tuning.",
        "On large models, DPO needs little tuning.",
        why="it speaks of large models, and none is here",
    ),
    Claim(
        "grpo-implementations", "002", 71, "GRPO – Generalized Rejection Sampling · Cons",
        "Newer, fewer public implementations and benchmarks.",
        "Fewer people have implemented the method than PPO or DPO.",
        why="it counts other people's code; nothing can be trained",
    ),
    Claim(
        "dpo-underfits", "004", 15, "Why This Matters · DPO", "Can **underfit** on complex tasks",
        "On complex tasks, DPO underfits.",
        why="it needs tasks that are complex, and models that could do them",
    ),
    Claim(
        "gsm8k-table", "004", 602,
        "Method | GSM8K | MATH | Training Time | Stability · "
        "Numbers approximate from various papers (2024)",
        "| GRPO | **81.7%** | **37.2%** | 50% | High ✓ |",
        "GRPO reaches about these accuracies, the highest of the table.",
        why="they are accuracies of large models on benchmarks; the note names no paper for them",
    ),
    Claim(
        "grpo-gpt4", "004", 655, "DeepSeekMath (2024) - GRPO Success Story",
        "# Result: 7B model matches GPT-4 on math!",
        "DeepSeekMath's model of 7 billion weights is as good as GPT-4 on mathematics.",
        why="it compares large models on benchmarks; the paper's Table 5 has 88.2 and 51.7 % "
        "against GPT-4's 92.0 and 52.9 %",
    ),
    Claim(
        "grpo-leads-study", "004", 847, "Beyond DPO: A Comprehensive Study",
        "- Shows GRPO leads on tasks with ground truth",
        "The study shows that GRPO leads where answers can be checked.",
        why="the note gives neither authors nor address, and no study of this title was found",
    ),
)  # fmt: skip
