"""For mutation.py: which tests judge which module, and which changes no test can see, and why."""

STEPS = ["test_one_step_offline", "test_one_step_online", "test_one_step_actor_critic"]
DETAILS = ["test_stage_details", "test_methods_details", "test_step_details", "test_own_files"]
EDGES = ["test_online_batches", "test_evaluation", "test_evaluation_sizes"]
LATER = ["test_clip_widths", "test_held_out_lines", "test_refusals", "test_steps", "test_metrics"]
SLOWER = ["test_offline_details", "test_transfers", "test_zoo_runs"]
QUICK = [*STEPS, *DETAILS, *EDGES, *LATER, *SLOWER]


def first(*names):
    """The quick tests with some of them before the others."""
    return [*names, *(name for name in QUICK if name not in names)]


JUDGES = {
    "methods/samples": first("test_one_step_offline", "test_refusals"),
    "methods/rollouts": first("test_online_batches", "test_one_step_online"),
    "methods/train_offline": first("test_one_step_offline", "test_stage_details"),
    "methods/train_online": first("test_one_step_online", "test_one_step_actor_critic"),
    "methods/train_ppo": first("test_one_step_actor_critic", "test_one_step_online"),
    "methods/evaluate": first("test_evaluation", "test_evaluation_sizes", "test_own_files"),
    "methods/method": first("test_methods_details", "test_one_step_offline"),
    "methods/offline": first(
        "test_methods_details", "test_one_step_offline", "test_offline_details"
    ),
    "methods/online": first("test_clip_widths", "test_methods_details", "test_one_step_online"),
    "methods/metrics": first("test_step_details", "test_steps"),
    "methods/steps": first("test_step_details", "test_steps"),
}
# Default tests that run methods in another way, cheap ones first.
OTHERS = [
    "test_zoo_reductions", "test_random_streams", "test_zoo_kl", "test_data", "test_budget",
    "test_choose", "test_zoo_show", "test_zoo_optimum", "test_memory",
    "test_bad_input", "test_offline_optimum_others", "test_known_answers", "test_offline_optimum",
    "test_resume", "test_online_optimum",
]  # fmt: skip

ANY = ""
RECIPE = r"^[\d.]+ -> (constant [\d.]*[1-9][\d.]*|doubled)$"
LAST = r"^1 -> constant -1$"
EQUIVALENT = [  # (pattern of the module, of the line with ⟨what changes⟩, of the change, why)
    (ANY, r"axis=⟨1⟩", LAST, "the last of two axes is number 1"),
    ("rollouts|online", r"\.shape\[⟨1⟩\]", LAST, "the last of two axes is number 1"),
    ("metrics", r"means\[⟨1⟩\]", LAST, "the last of two is number 1"),
    ("evaluate|train_offline", ANY, r"^float\(np\.mean.* -> no float$", "float64 is a float"),
    ("evaluate", ANY, r"^float\(reward\) -> no float$", "NumPy's float64 is a float"),
    ("steps", "UNCLIPPED = ", r"-> (doubled|constant 1000001)", "no ratio is as large"),
    ("steps", ANY, r"^getval\(logp\) -> no getval$", "a metric is not differentiated"),
    ("train_offline", r"examples\[⟨0⟩\]", r"constant 1$", "all arrays have as many rows"),
    ("samples", "size=⟨1024⟩", r"-> (doubled|constant -?10)", "rows of a chunk do not mix"),
    ("online", "ones_like", r"-> Div$", "a division by 1"),
    (
        "train_online",
        ANY,
        r"^config\.kl if in_loss .* -> always$",
        "the estimator has the weight 0",
    ),
    ("method", "startswith", r"without 'logp'", "every ref_ argument is a log-probability"),
    ("rollouts", "drawn: int", ANY, "every batch is given the number"),
    (
        "/(offline|online)$",
        r'"(beta|alpha)": ⟨(?!0\.0)',
        RECIPE,
        "a recipe's number, found by trial: no law sets it",
    ),
]
