"""The bytes that a method keeps in memory while it trains."""

from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact

# Neither trains a policy: one trains a reward model, the other leaves the policy as it is.
UNTRAINED = ("reward", "best_of_n")
BYTES = "any difference: bytes follow from shapes"
NO_SOURCE = "half as much, or half as much again: the number has no source"
NEEDS = "whether GRPO has a reward model and a KL term, or a rule as its reward and no KL term"
SOURCES = {"exact": "a rule as reward", "model": "a reward model"}


def grpo_memory(savings):
    """GRPO needs about 40 % less memory for weights and Adam's averages than PPO."""
    shares = [share for key, share in savings["ours"].items() if key.startswith("weights, adam;")]
    shares += savings["mixed"].values()
    return judge_fact(
        all(0.2 <= share <= 0.6 for share in shares),
        f"of weights and Adam's averages GRPO saves {min(shares):.1%} to {max(shares):.1%}, by "
        "where the reward comes from and by the precision of the numbers",
        NO_SOURCE,
    )


def grpo_memory_peak(peaks):
    """GRPO needs about 40 % less memory than PPO at the fullest moment of a step."""
    return judge_fact(
        all(0.2 <= share <= 0.6 for share in peaks.values()),
        f"at a step's peak, activations included, GRPO saves {peaks['exact']:.1%} with a rule as "
        f"reward and {peaks['model']:.1%} with a learned one, on the same 256 completions",
        NO_SOURCE,
    )


def ppo_memory(bytes_held):
    """PPO keeps more bytes than any other method that trains a policy."""
    cases = []
    for source in SOURCES:
        policies = {name: b for name, b in bytes_held[source].items() if name not in UNTRAINED}
        following = max(b for name, b in policies.items() if name != "ppo")
        cases.append((policies["ppo"], following))
    words = (
        f"PPO {ppo:.0f}, the next of all methods {following:.0f} with {source}"
        for (ppo, following), source in zip(cases, SOURCES.values(), strict=True)
    )
    return judge_fact(
        all(ppo > following for ppo, following in cases),
        f"bytes per weight of the policy: {'; '.join(words)}",
        BYTES,
    )


def dpo_memory(bytes_held):
    """DPO keeps fewer bytes than GRPO and PPO: rewards learned, or by rule and without a KL."""
    cases, sentence = ways_to_count(bytes_held)
    holds = [dpo < min(grpo, ppo) for dpo, grpo, ppo in cases]
    return judge_by_convention(holds, NEEDS, sentence)


def grpo_memory_medium(bytes_held):
    """GRPO's bytes lie between DPO's and PPO's: rewards learned, or by rule and without a KL."""
    cases, sentence = ways_to_count(bytes_held)
    holds = [dpo < grpo < ppo for dpo, grpo, ppo in cases]
    return judge_by_convention(holds, NEEDS, sentence)


def ways_to_count(bytes_held):
    """Bytes of DPO, GRPO and PPO where GRPO needs the most and where it needs the least."""
    learned = [bytes_held["model"][name] for name in ("dpo", "grpo", "ppo")]
    # Dr.GRPO is GRPO without the reference.
    bare = [bytes_held["exact"][name] for name in ("dpo", "dr_grpo", "ppo")]
    sentence = (
        "bytes per weight of the policy: with a reward model and a KL term "
        f"{in_order(learned)}; with a rule and without a KL term {in_order(bare)}"
    )
    return (learned, bare), sentence


def grpo_memory_critical(bytes_held):
    """GRPO keeps fewer bytes than PPO, the other method that learns from rewards."""
    pairs = [(bytes_held[source]["grpo"], bytes_held[source]["ppo"]) for source in SOURCES]
    dpo = bytes_held["exact"]["dpo"]
    return judge_fact(
        all(grpo < ppo for grpo, ppo in pairs),
        "bytes per weight of the policy: "
        + "; ".join(
            f"GRPO {grpo:.0f}, PPO {ppo:.0f} with {words}"
            for (grpo, ppo), words in zip(pairs, SOURCES.values(), strict=True)
        )
        + f"; DPO, which learns from pairs, {dpo:.0f}",
        BYTES,
    )


def in_order(held):
    """Bytes of DPO, GRPO and PPO in words."""
    return "DPO {:.0f}, GRPO {:.0f}, PPO {:.0f}".format(*held)


HEADER = "Method | Equation Focus | Stages | Memory | Best For"
CLAIMS = (
    Claim(
        "grpo-memory", "001", 66, "GRPO · Key Features",
        "**Memory efficient**: ~40% less memory than PPO (no critic network)",
        "GRPO saves something like two fifths of PPO's weights and optimizer state.",
        grpo_memory, ("savings",),
    ),
    Claim(
        "grpo-memory-peak", "001", 66, "GRPO · Key Features",
        "**Memory efficient**: ~40% less memory than PPO (no critic network)",
        "GRPO saves something like two fifths of all that a step of PPO allocates.",
        grpo_memory_peak, ("peaks",),
    ),
    Claim(
        "ppo-memory", "001", 75, HEADER,
        "| **PPO** | Clipped probability ratios + Value function | 3 | Highest | "
        "General chat, proven reliability |",
        "PPO holds the most bytes.",
        ppo_memory, ("bytes_held",),
    ),
    Claim(
        "dpo-memory", "001", 76, HEADER,
        "| **DPO** | Direct preference classification | 1 | Lowest | Simple alignment, resource "
        "constraints |",
        "DPO holds fewer bytes than PPO and GRPO.",
        dpo_memory, ("bytes_held",),
    ),
    Claim(
        "grpo-memory-medium", "001", 77, HEADER,
        "| **GRPO** | Group-relative advantages | 2 | Medium | Mathematical reasoning, "
        "efficiency |",
        "GRPO holds more bytes than DPO and fewer than PPO.",
        grpo_memory_medium, ("bytes_held",),
    ),
    Claim(
        "grpo-memory-critical", "001", 112, "Choose GRPO When", "Memory efficiency is critical",
        "Of the two methods that learn from rewards, GRPO holds fewer bytes than PPO.",
        grpo_memory_critical, ("bytes_held",),
    ),
)  # fmt: skip
