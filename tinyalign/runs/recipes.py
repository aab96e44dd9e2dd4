"""What a method takes where nothing was typed: the settings of its family, then of its search."""

from tinyalign.runs import tuned

# What each kind of training needs on each model, found by search on seeds 100 to 109 for accuracy
# at the end of the schedule. A row of the table of methods names its recipe.
TRANSFORMER = {
    "supervised": {
        "learning_rate": 3e-3, "steps": 400, "warmup_ratio": 0.25, "batch_size": 128,
    },
    "reward_model": {
        "learning_rate": 3e-3, "steps": 600, "warmup_ratio": 0.083, "batch_size": 128,
        "num_pairs": 4000, "num_labels": 8000, "num_generations": 8,
    },
    "pairs": {
        "learning_rate": 1e-3, "steps": 300, "warmup_ratio": 0.1, "batch_size": 128,
        "num_pairs": 8192, "num_labels": 8192, "num_generations": 4,
    },
    "policy_gradient": {
        "learning_rate": 1.5e-3, "steps": 180, "warmup_ratio": 0.055, "batch_size": 256,
        "num_generations": 4, "num_iterations": 2, "num_minibatches": 2,
        "beta": 0.0,  # as in TRL: the verifier's reward cannot be exploited
    },
    "single_update": {  # without a ratio nothing corrects for samples of an older policy
        "learning_rate": 2e-3, "steps": 400, "warmup_ratio": 0.05, "batch_size": 128,
        "num_generations": 4, "num_iterations": 1, "num_minibatches": 1, "beta": 0.0,
    },
    "ppo": {
        "learning_rate": 2e-3, "steps": 130, "warmup_ratio": 0.115, "batch_size": 512,
        "num_generations": 1, "num_iterations": 2, "num_minibatches": 2,
    },
}  # fmt: skip
# The same number of judged completions, of which every step reads as many as of pairs.
OTHER_FEEDBACK = {
    "triples": {"batch_size": 85},
    "thumbs": {"batch_size": 256, "num_pairs": 2048},
    "rankings": {"batch_size": 64, "num_pairs": 4096},
}
TRANSFORMER |= {kind: TRANSFORMER["pairs"] | own for kind, own in OTHER_FEEDBACK.items()}
LSTM = TRANSFORMER | {
    "supervised": TRANSFORMER["supervised"]
    | {"learning_rate": 1e-2, "steps": 1000, "warmup_ratio": 0.1},
    "policy_gradient": TRANSFORMER["policy_gradient"]
    | {"learning_rate": 4e-3, "steps": 200, "warmup_ratio": 0.05},
    "single_update": TRANSFORMER["single_update"] | {"learning_rate": 4e-3},
    "ppo": TRANSFORMER["ppo"] | {"learning_rate": 3e-3, "steps": 150, "warmup_ratio": 0.067},
}
TABULAR = {kind: {**settings, "learning_rate": 3e-2} for kind, settings in TRANSFORMER.items()}
for kind in ("policy_gradient", "single_update"):
    TABULAR[kind] |= {"steps": 190, "batch_size": 128, "num_generations": 8}
TABULAR["single_update"] |= {"warmup_ratio": 0.105}
for kind in ("pairs", *OTHER_FEEDBACK):  # a table learns the labels themselves: many, then
    more = {name: 4 * TABULAR[kind][name] for name in ("num_pairs", "num_labels")}
    TABULAR[kind] = TABULAR[kind] | more
TABULAR["ppo"] |= {"steps": 150, "warmup_ratio": 0.067}
BANDIT_BETA = 1.0  # of a KL to the reference: the optimum is then DPO's, π_ref·e^r/Z
# A reward model that was trained on labels without noise has no unit, and is right only near the
# reference: on addition PPO gains with this KL in its reward, and with a quarter of it falls below
# its start. With a label temperature above 0 the scores come out in units of that temperature, so
# the method's own beta stays, divided by it.
LEARNED_BETA = {"reward": 2.0, "tokens": 2.0, "loss": 0.3}
RECIPE_FIELDS = (  # what a recipe may decide
    "steps", "learning_rate", "warmup_ratio", "batch_size", "beta", "num_generations",
    "num_iterations", "num_minibatches", "epsilon", "advantage", "num_pairs", "num_labels",
    "label_temperature",
)  # fmt: skip
FILE_STEPS = 120  # with --data: 128 examples a step see a few hundred lines some thirty times
RECIPES = {"transformer": TRANSFORMER, "lstm": LSTM, "tabular": TABULAR}


def family_recipe(row, config, model_name):
    """The values of fields that a method takes before any search of its own."""
    recipe = {"label_temperature": float(config.env == "bandit"), "epsilon": 0.2}
    if row.advantages:
        recipe["advantage"] = next(iter(row.advantages))
    recipe |= RECIPES[model_name][row.recipe] | row.defaults
    if config.env == "bandit" and row.kl_placement:
        recipe["beta"] = BANDIT_BETA
    if config.num_pairs is not None:  # then every label that they give counts
        recipe["num_labels"] = None
    if config.data:
        recipe["steps"] = FILE_STEPS
    return recipe


def recipe_of(row, config, model_name):
    """The values of fields that a method takes where nothing was typed."""
    entry = tuned.entry_for(row, config, model_name)
    recipe = family_recipe(row, config, model_name) | (entry["chosen"] if entry else {})
    # A learned reward is in another unit than the exact one, so its KL needs another weight.
    if config.reward == "model" and row.kl_placement:
        typed = config.label_temperature
        temperature = recipe["label_temperature"] if typed is None else typed
        learned = LEARNED_BETA[row.kl_placement]
        recipe["beta"] = recipe["beta"] / temperature if temperature else learned
    return recipe
