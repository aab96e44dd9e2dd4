"""What training costs: passes through networks for a completion, and settings to choose."""

from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact
from tinyalign.notes.claims.verdicts.stages import fewer_parts

LESS = "any difference: passes are counted"


def dpo_no_rl(passes):
    """DPO samples nothing while it learns."""
    drawn = passes["dpo"]["drawn"]
    return judge_fact(drawn == 0, f"DPO samples {drawn:.0f} completions in a step of its training")


def ppo_highest_cost(passes, bytes_held):
    """PPO costs the most of the table's four methods: for a completion, or for a prompt."""
    each = {name: passes[name]["each"] for name in FOUR}
    prompt = {name: count * each[name] for name, count in completions_of_a_prompt(passes).items()}
    held = {name: bytes_held["exact"][name] for name in FOUR}
    each_highest, prompt_highest, most_bytes = (
        cost["ppo"] > max(cost[name] for name in FOUR if name != "ppo")
        for cost in (each, prompt, held)
    )
    return judge_by_convention(
        [each_highest and most_bytes, prompt_highest and most_bytes],
        COUNTED,
        f"passes for a completion: {listed(each)}; for a prompt: {listed(prompt)}; bytes per "
        f"weight of the policy: {listed(held)}",
    )


def completions_of_a_prompt(passes):
    """{method: how many completions of one prompt it takes}, for the methods in FOUR."""
    # A pair, a triple, and what is sampled of each prompt.
    sampled = {name: passes[name]["group"] for name in ("ppo", "grpo")}
    return {"ppo": sampled["ppo"], "dpo": 2, "tpo": 3, "grpo": sampled["grpo"]}


def dpo_low_cost(passes, networks):
    """DPO holds no critic, samples nothing, and passes fewer networks than PPO."""
    names, drawn = networks["exact"]["dpo"], passes["dpo"]["drawn"]
    dpo, ppo = passes["dpo"]["each"], passes["ppo"]["each"]
    return judge_fact(
        "critic" not in names and drawn == 0 and dpo < ppo,
        f"DPO holds {' and '.join(names)}, samples {drawn:.0f} completions, and takes {dpo:g} "
        f"passes for a completion where PPO takes {ppo:g}",
        LESS,
    )


def tpo_moderate_cost(passes, bytes_held):
    """TPO costs more than DPO and less than PPO, in passes for a prompt or in bytes."""
    completions = completions_of_a_prompt(passes)
    each = {name: completions[name] * passes[name]["each"] for name in ("dpo", "tpo", "ppo")}
    held = {name: bytes_held["exact"][name] for name in each}
    return judge_by_convention(
        [cost["dpo"] < cost["tpo"] < cost["ppo"] for cost in (each, held)],
        "whether cost is counted in passes or in memory",
        f"passes for a pair, a triple and one completion of PPO: {listed(each)}; bytes per weight "
        f"of the policy: {listed(held)}",
    )


def cheaper_than_ppo(name, passes):
    """Whether a completion takes fewer passes than in PPO, with the sentence that says so."""
    one, ppo = passes[name]["each"], passes["ppo"]["each"]
    return one < ppo, f"passes for a completion: {name.upper()} {one:g}, PPO {ppo:g}"


def grpo_cheaper(passes):
    """GRPO takes fewer passes than PPO: for a completion, or for a prompt."""
    cheaper, words = cheaper_than_ppo("grpo", passes)
    grpo, ppo = passes_of_a_prompt(passes)
    return judge_by_convention(
        [cheaper, grpo < ppo],
        COUNTED,
        f"{words}; {prompt_words(passes)}; to a goal: see grpo-less-compute-to-goal",
    )


def passes_of_a_prompt(passes):
    """Passes that GRPO and PPO take for all completions of one prompt."""
    counts = completions_of_a_prompt(passes)
    return [counts[name] * passes[name]["each"] for name in ("grpo", "ppo")]


def prompt_words(passes):
    """What passes_of_a_prompt counts, in words."""
    counts, (grpo, ppo) = completions_of_a_prompt(passes), passes_of_a_prompt(passes)
    return (
        f"for a prompt: GRPO {grpo:g}, with {counts['grpo']} completions, PPO {ppo:g}, with "
        f"{counts['ppo']}"
    )


def dpo_cheaper(passes):
    """DPO takes fewer passes than PPO for each completion."""
    return judge_fact(*cheaper_than_ppo("dpo", passes), LESS)


def dpo_simpler_and_cheaper(passes, stages, networks):
    """DPO has fewer stages and networks than PPO, and takes fewer passes for a completion."""
    cheaper, words = cheaper_than_ppo("dpo", passes)
    simpler, parts = fewer_parts(stages, networks)
    return judge_fact(cheaper and simpler, f"{parts}; {words}", LESS)


def ppo_complex(passes, stages, networks):
    """PPO has more parts than DPO: stages, networks, and sampling within the loop."""
    fewer, parts = fewer_parts(stages, networks)
    drawn = passes["ppo"]["drawn"], passes["dpo"]["drawn"]
    return judge_fact(
        fewer and drawn[0] > 0 == drawn[1],
        f"{parts}; PPO samples {drawn[0]:.0f} completions in each step, DPO {drawn[1]:.0f}",
    )


def dpo_fewer_settings(settings):
    """DPO has fewer settings of its own than PPO."""
    return judge_fact(*fewer_settings(settings, "dpo", "ppo"))


def rrhf_simpler(passes, settings):
    """RRHF has neither clip nor advantage, and fewer settings than GRPO."""
    fewer, words = fewer_settings(settings, "rrhf", "grpo")
    rrhf, grpo = passes["rrhf"]["drawn"], passes["grpo"]["drawn"]
    none_of_these = not {"epsilon", "advantage"} & set(settings["rrhf"])
    return judge_fact(
        fewer and none_of_these and rrhf == 0 < grpo,
        f"RRHF samples {rrhf:.0f} completions in a step, GRPO {grpo:.0f}; {words}",
    )


def fewer_settings(settings, one, other):
    """Whether one method has fewer settings than another, with the sentence that lists them."""
    words = [
        f"{name.upper()} {len(settings[name])} ({', '.join(settings[name]) or 'none'})"
        for name in (one, other)
    ]
    return len(settings[one]) < len(settings[other]), f"settings of its own: {'; '.join(words)}"


def listed(costs):
    """The costs of methods in one line."""
    return ", ".join(f"{name.upper()} {cost:.0f}" for name, cost in costs.items())


FOUR = ("ppo", "dpo", "tpo", "grpo")
COUNTED = "whether cost is counted for a completion, or for a prompt, of which GRPO takes a group"
CLAIMS = (
    Claim(
        "dpo-no-rl", "000", 17, "Does it use Reinforcement Learning? · DPO",
        "**No RL** — purely preference-based supervised optimization.",
        "DPO trains on given pairs and samples nothing while it learns.",
        dpo_no_rl, ("passes",),
    ),
    Claim(
        "ppo-highest-cost", "000", 23, "Complexity / Compute Cost · PPO",
        "**Highest cost** — requires: policy + critic + RM + rollouts; unstable and "
        "computationally heavy.",
        "Of the table's four methods, PPO takes the most passes and the most memory.",
        ppo_highest_cost, ("passes", "bytes_held"),
    ),
    Claim(
        "dpo-low-cost", "000", 23, "Complexity / Compute Cost · DPO",
        "**Low** — simple supervised learning; no critic, no rollouts; uses pairs.",
        "DPO holds no critic, samples nothing, and takes fewer passes for a completion than PPO.",
        dpo_low_cost, ("passes", "networks"),
    ),
    Claim(
        "tpo-moderate-cost", "000", 23, "Complexity / Compute Cost · TPO",
        "**Moderate** — uses triples; no reference model; more stable than DPO.",
        "TPO costs more than DPO and less than PPO.",
        tpo_moderate_cost, ("passes", "bytes_held"),
    ),
    Claim(
        "grpo-cheaper-each", "000", 23, "Complexity / Compute Cost · GRPO",
        "**Lower than PPO** — removes critic, uses only policy + RM + group sampling.",
        "GRPO takes fewer passes than PPO, because it has no critic.",
        grpo_cheaper, ("passes",),
    ),
    Claim(
        "grpo-less-compute", "000", 25, "Main Motivation · GRPO",
        "Fix PPO’s critic instability + reduce compute by replacing critic with multiple old "
        "rollouts.",
        "GRPO takes fewer passes than PPO, because samples replace the critic.",
        grpo_cheaper, ("passes",),
    ),
    Claim(
        "dpo-fast", "001", 108, "Choose DPO When", "Need fast iteration cycles",
        "Whoever wants to try many ideas in a short time is better served by DPO.",
        why="how fast people iterate depends on how they get their data and on their machines",
    ),
    Claim(
        "ppo-complex", "002", 23, "PPO · Cons", "Complex to implement (requires a full RL loop).",
        "PPO has more parts to implement than DPO: stages, networks, sampling within the loop.",
        ppo_complex, ("passes", "stages", "networks"),
    ),
    Claim(
        "ppo-expensive", "002", 24, "PPO · Cons", "Expensive to train.",
        "A completion takes more passes in PPO than in DPO.",
        dpo_cheaper, ("passes",),
    ),
    Claim(
        "dpo-efficient", "002", 41, "DPO · Key advantage", "Simpler than PPO, more efficient.",
        "DPO has fewer stages and networks than PPO and takes fewer passes for a completion.",
        dpo_simpler_and_cheaper, ("passes", "stages", "networks"),
    ),
    Claim(
        "compute-table", "003", 65, "Aspect | PPO | DPO",
        "|Compute        |Higher         |Lower       |",
        "A completion takes more passes in PPO than in DPO.",
        dpo_cheaper, ("passes",),
    ),
    Claim(
        "settings-table", "003", 66, "Aspect | PPO | DPO",
        "|Hyperparameters|More complex   |Simpler     |",
        "DPO has fewer settings of its own than PPO.",
        dpo_fewer_settings, ("settings",),
    ),
    Claim(
        "rrhf-simpler", "004", 438, "GRPO's Relatives · RRHF", "# RRHF is simpler than GRPO:",
        "RRHF has fewer parts than GRPO: it needs no clip and no advantage.",
        rrhf_simpler, ("passes", "settings"),
    ),
)  # fmt: skip
