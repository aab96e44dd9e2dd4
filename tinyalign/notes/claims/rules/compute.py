"""Rules on what training costs: passes through networks, settings to choose, lines of code."""

NEAR = 0.05  # a share given to the percent, without a source: five points either way


def ppo_most_passes(passes):
    """No recipe takes more passes than PPO's."""
    return (
        passes["ppo"]["recipe"] == max(row["recipe"] for row in passes.values()),
        "whole recipe, thousands of passes: " + recipes(passes, ("ppo", "grpo", "dpo", "sft")),
    )


def ppo_passes_each(passes):
    """PPO takes more passes than GRPO for each completion that it samples."""
    ppo, grpo = passes_per_sample(passes["ppo"]), passes_per_sample(passes["grpo"])
    return grpo < ppo, f"passes per completion sampled: PPO {ppo:.1f}, GRPO {grpo:.1f}"


def grpo_recipe_less(passes):
    """GRPO's recipe takes fewer passes than PPO's."""
    return (
        passes["grpo"]["recipe"] < passes["ppo"]["recipe"],
        f"whole recipe, thousands of passes: {recipes(passes, ('grpo', 'ppo'))}",
    )


def dpo_no_rollouts(passes):
    """DPO samples nothing while it learns."""
    sampled, update = passes["dpo"]["sampled"], passes["dpo"]["update"]
    return (
        sampled == 0,
        f"{sampled:.0f} completions sampled while it learns, {update:.0f} passes a step",
    )


def dpo_cheaper(passes):
    """DPO's recipe takes fewer passes than PPO's."""
    share = share_of_ppo(passes, "dpo")
    return share < 1, f"DPO's recipe takes {share:.0%} of PPO's passes"


def dpo_low(passes, networks):
    """DPO is cheap: fewer passes than PPO, no sampling, no critic."""
    # "Low" is read as all three: time, sampling and memory.
    share, sampled = share_of_ppo(passes, "dpo"), passes["dpo"]["sampled"]
    names = networks["exact"]["dpo"]
    return (
        share < 1 and sampled == 0 and "critic" not in names,
        f"DPO holds {', '.join(names)}, samples {sampled:.0f} completions and takes {share:.0%} "
        "of PPO's passes",
    )


def tpo_moderate(passes, networks):
    """TPO's cost lies between DPO's and PPO's, and it keeps no reference."""
    dpo, tpo, ppo = (passes[name]["recipe"] for name in ("dpo", "tpo", "ppo"))
    names = networks["exact"]["tpo"]
    return (
        dpo < tpo < ppo and "reference" not in names,
        f"whole recipe, thousands of passes: {recipes(passes, ('dpo', 'tpo', 'ppo'))}; TPO holds "
        f"{', '.join(names)}",
    )


def sixteen_slower(group_passes):
    """Groups of sixteen take four times as long as groups of four."""
    # Four times the completions: exactly 4 but for what a step costs at any size.
    ratio = group_passes["16"] / group_passes["4"]
    return abs(ratio - 4) < 0.2, f"{ratio:.2f} times the passes a step"


def time_dpo(passes):
    """DPO trains in 30 % of PPO's time."""
    return training_time(passes, "dpo", 0.30)


def time_ipo(passes):
    """IPO trains in 32 % of PPO's time."""
    return training_time(passes, "ipo", 0.32)


def time_rrhf(passes):
    """RRHF trains in 45 % of PPO's time."""
    return training_time(passes, "rrhf", 0.45)


def time_grpo(passes):
    """GRPO trains in 50 % of PPO's time."""
    return training_time(passes, "grpo", 0.50)


def time_kto(passes):
    """KTO trains in 25 % of PPO's time."""
    return training_time(passes, "kto", 0.25)


def dpo_fewer_settings(settings):
    """DPO has fewer settings of its own than PPO."""
    dpo, ppo = len(settings["dpo"]), len(settings["ppo"])
    return dpo < ppo, f"settings of its own: DPO {dpo}, PPO {ppo}"


def rrhf_fewer_settings(settings):
    """RRHF has fewer settings of its own than GRPO."""
    rrhf, grpo = len(settings["rrhf"]), len(settings["grpo"])
    return rrhf < grpo, f"settings of its own: RRHF {rrhf}, GRPO {grpo}"


def ppo_more_code(code_lines):
    """PPO takes more code than DPO."""
    ppo, dpo = code_lines["ppo"], code_lines["dpo"]
    return ppo > dpo, f"lines of code of its stage here: PPO {ppo}, DPO {dpo}"


def training_time(passes, name, claimed):
    """A training time that the notes give as a share of PPO's, within five points."""
    # Passes through networks stand in for time, which depends on the machine.
    share = share_of_ppo(passes, name)
    return (
        abs(share - claimed) <= NEAR,
        f"{share:.0%} of PPO's passes through networks in this library's recipes, "
        f"{claimed:.0%} claimed",
    )


def share_of_ppo(passes, name):
    """The passes of a method's recipe as a share of PPO's."""
    return passes[name]["recipe"] / passes["ppo"]["recipe"]


def passes_per_sample(row):
    """Passes for each completion that is sampled."""
    return row["rollout"] / row["drawn"]


def recipes(passes, names):
    """Thousands of passes of the whole recipes of these methods."""
    return ", ".join(f"{name.upper()} {passes[name]['recipe']:,.0f}" for name in names)


RULES = {
    "ppo_most_passes": (ppo_most_passes, ("passes",)),
    "ppo_passes_each": (ppo_passes_each, ("passes",)),
    "grpo_recipe_less": (grpo_recipe_less, ("passes",)),
    "dpo_no_rollouts": (dpo_no_rollouts, ("passes",)),
    "dpo_cheaper": (dpo_cheaper, ("passes",)),
    "dpo_low": (dpo_low, ("passes", "networks")),
    "tpo_moderate": (tpo_moderate, ("passes", "networks")),
    "sixteen_slower": (sixteen_slower, ("group_passes",)),
    "time_dpo": (time_dpo, ("passes",)),
    "time_ipo": (time_ipo, ("passes",)),
    "time_rrhf": (time_rrhf, ("passes",)),
    "time_grpo": (time_grpo, ("passes",)),
    "time_kto": (time_kto, ("passes",)),
    "dpo_fewer_settings": (dpo_fewer_settings, ("settings",)),
    "rrhf_fewer_settings": (rrhf_fewer_settings, ("settings",)),
    "ppo_more_code": (ppo_more_code, ("code_lines",)),
}
