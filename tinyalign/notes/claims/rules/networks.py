"""Rules on the networks that a method keeps in memory, and on their bytes."""

NEAR = 0.05  # "~40 %": within five points
# Neither trains a policy: one trains a reward model, the other leaves the policy as it is.
UNTRAINED = ("reward", "best_of_n")


def ppo_no_reference(networks):
    """PPO keeps no reference."""
    return "reference" not in networks["exact"]["ppo"], f"PPO {holds(networks['exact']['ppo'])}"


def dpo_reference(networks):
    """DPO keeps a reference."""
    return "reference" in networks["exact"]["dpo"], f"DPO {holds(networks['exact']['dpo'])}"


def tpo_no_reference(networks):
    """TPO keeps no reference."""
    return "reference" not in networks["exact"]["tpo"], f"TPO {holds(networks['exact']['tpo'])}"


def grpo_no_reference(networks):
    """GRPO keeps no reference."""
    return "reference" not in networks["exact"]["grpo"], f"GRPO {holds(networks['exact']['grpo'])}"


def ppo_three(networks):
    """PPO with a reward model keeps three networks."""
    names = networks["model"]["ppo"]
    return len(names) == 3, f"with a reward model, {len(names)}: {', '.join(names)}"


def ppo_list(networks):
    """PPO keeps a policy, a critic and a reward model, and nothing else."""
    names = networks["model"]["ppo"]
    return set(names) == {"policy", "critic", "reward model"}, sentence_with_reward_model(names)


def grpo_list(networks):
    """GRPO keeps a policy and a reward model, and nothing else."""
    names = networks["model"]["grpo"]
    return set(names) == {"policy", "reward model"}, sentence_with_reward_model(names)


def dpo_one(networks):
    """DPO keeps one network."""
    names = networks["exact"]["dpo"]
    return len(names) == 1, f"{len(names)}: {', '.join(names)}"


def dpo_no_judge(networks):
    """DPO keeps neither a reward model nor a critic."""
    names = networks["exact"]["dpo"]
    return not {"reward model", "critic"} & set(names), f"DPO {holds(names)}"


def grpo_no_critic(networks):
    """GRPO keeps no critic, whatever its reward comes from."""
    names = networks["model"]["grpo"]
    return "critic" not in names, f"GRPO {holds(names)}"


def forty_percent(savings):
    """GRPO needs about 40 % less memory for weights and Adam's averages than PPO."""
    shares = [share for key, share in savings["ours"].items() if key.startswith("weights, adam;")]
    # The saving depends on where the reward comes from, so both ends have to be near 40 %.
    low, high, mixed = min(shares), max(shares), savings["mixed"]
    return (
        abs(low - 0.4) <= NEAR and abs(high - 0.4) <= NEAR,
        f"of weights and Adam's averages GRPO saves {low:.1%} (reward learned) to {high:.1%} "
        "(a rule) here; counted as 16 bytes per trained and 2 per frozen weight, "
        f"{mixed['model']:.1%} to {mixed['exact']:.1%}",
    )


def forty_at_peak(peaks):
    """GRPO needs about 40 % less memory than PPO at the fullest moment of a step."""
    return (
        all(abs(share - 0.4) <= NEAR for share in peaks.values()),
        f"at a step's peak, activations included, GRPO saves {peaks['exact']:.1%} (a rule as "
        f"reward) and {peaks['model']:.1%} (a learned one) on the same 256 completions",
    )


def ppo_most_bytes(bytes_held):
    """PPO keeps more bytes than any other method that trains a policy."""
    policies = policy_bytes(bytes_held)
    # "Highest" has to be highest alone.
    following = max(b for name, b in policies.items() if name != "ppo")
    return (
        policies["ppo"] > following,
        f"PPO {policies['ppo']:.1f} bytes per weight of the policy, the next {following:.1f}",
    )


def dpo_least_bytes(bytes_held):
    """DPO keeps no more bytes than GRPO and PPO."""
    policies = policy_bytes(bytes_held)
    dpo, grpo, ppo = (policies[name] for name in ("dpo", "grpo", "ppo"))
    # The notes' table has three methods only; others need even less memory.
    frugal = [name for name, b in policies.items() if b < dpo]
    return (
        dpo <= min(grpo, ppo),
        f"DPO {dpo:.1f}, GRPO {grpo:.1f}, PPO {ppo:.1f} bytes per weight; {len(frugal)} methods "
        f"that the table leaves out hold less, {', '.join(frugal[:4])} … "
        f"{min(policies.values()):.1f}",
    )


def grpo_between(bytes_held):
    """GRPO keeps more bytes than DPO and fewer than PPO."""
    dpo, grpo, ppo = (bytes_held["exact"][name] for name in ("dpo", "grpo", "ppo"))
    return (
        dpo < grpo < ppo,
        f"DPO {dpo:.1f}, GRPO {grpo:.1f}, PPO {ppo:.1f} bytes per weight of the policy",
    )


def grpo_frugal(bytes_held):
    """No method that trains a policy keeps fewer bytes than GRPO."""
    policies = policy_bytes(bytes_held)
    return (
        policies["grpo"] == min(policies.values()),
        f"GRPO {policies['grpo']:.1f} bytes per weight; Dr.GRPO, without its reference, "
        f"{policies['dr_grpo']:.1f}",
    )


def holds(names):
    """The end of a sentence: what a method holds."""
    return f"holds {', '.join(names)}"


def sentence_with_reward_model(names):
    """What a method holds where its reward is learned."""
    return f"with a reward model it {holds(names)}"


def policy_bytes(bytes_held):
    """{method: bytes per weight of the policy} of the methods that train one, rewards by rule."""
    return {name: b for name, b in bytes_held["exact"].items() if name not in UNTRAINED}


RULES = {
    "ppo_no_reference": (ppo_no_reference, ("networks",)),
    "dpo_reference": (dpo_reference, ("networks",)),
    "tpo_no_reference": (tpo_no_reference, ("networks",)),
    "grpo_no_reference": (grpo_no_reference, ("networks",)),
    "ppo_three": (ppo_three, ("networks",)),
    "ppo_list": (ppo_list, ("networks",)),
    "grpo_list": (grpo_list, ("networks",)),
    "dpo_one": (dpo_one, ("networks",)),
    "dpo_no_judge": (dpo_no_judge, ("networks",)),
    "grpo_no_critic": (grpo_no_critic, ("networks",)),
    "forty_percent": (forty_percent, ("savings",)),
    "forty_at_peak": (forty_at_peak, ("peaks",)),
    "ppo_most_bytes": (ppo_most_bytes, ("bytes_held",)),
    "dpo_least_bytes": (dpo_least_bytes, ("bytes_held",)),
    "grpo_between": (grpo_between, ("bytes_held",)),
    "grpo_frugal": (grpo_frugal, ("bytes_held",)),
}
