"""For mutation.py: which changes no test can see, and why."""

ANY, METHODS = "", "^methods/"
RECIPE = r"^[\d.]+ -> (constant [\d.]*[1-9][\d.]*|doubled)$"
LAST = r"^1 -> constant -1$"
EQUIVALENT = [  # (pattern of the module, of the line with ⟨what changes⟩, of the change, why)
    (METHODS, r"axis=⟨1⟩", LAST, "the last of two axes is number 1"),
    ("^methods/(rollouts|online)", r"\.shape\[⟨1⟩\]", LAST, "the last of two axes is number 1"),
    ("^methods/metrics", r"means\[⟨1⟩\]", LAST, "the last of two is number 1"),
    (
        "^methods/(evaluate|train_offline)",
        ANY,
        r"^float\(np\.mean.* -> no float$",
        "float64 is a float",
    ),
    ("^methods/evaluate", ANY, r"^float\(reward\) -> no float$", "NumPy's float64 is a float"),
    ("^methods/steps", "UNCLIPPED = ", r"-> (doubled|constant 1000001)", "no ratio is as large"),
    ("^methods/steps", ANY, r"^getval\(logp\) -> no getval$", "a metric is not differentiated"),
    ("^methods/train_offline", r"examples\[⟨0⟩\]", r"constant 1$", "all arrays have as many rows"),
    (
        "^methods/samples",
        "size=⟨1024⟩",
        r"-> (doubled|constant -?10)",
        "rows of a chunk do not mix",
    ),
    ("^methods/.*online", "ones_like", r"-> Div$", "a division by 1"),
    (
        "^methods/train_online",
        ANY,
        r"^config\.kl if in_loss .* -> always$",
        "the estimator has the weight 0",
    ),
    (
        "^methods/method",
        "startswith",
        r"without 'logp'",
        "every ref_ argument is a log-probability",
    ),
    ("^methods/rollouts", "drawn: int", ANY, "every batch is given the number"),
    (
        "^methods/(offline|online)$",
        r'"(beta|alpha)": ⟨(?!0\.0)',
        RECIPE,
        "a recipe's number, found by trial: no law sets it",
    ),
    (
        "^methods/rollouts",
        "is_kept",
        "-> no astype$",
        "a mask times booleans is of the mask's type",
    ),
    ("^exam/", r"[<>] [A-Z]+⟩", r"-> [GL]tE$", "no measured number is equal to a limit"),
    ("^runs/compare/cost", r"traced_memory\(\)\[⟨1⟩", LAST, "the last of two is number 1"),
    (ANY, r"tokens\.shape\[⟨1⟩", LAST, "the last of two axes is number 1"),
    ("^toy_envs/programs", r"zip\(outputs", "without strict$", "both have a number for each input"),
    ("^toy_envs/hackable", "> average⟩", "-> GtE$", "no length has the average reward"),
    ("^toy_envs/", "take_along_axis", "without axis$", "the last axis is NumPy's own choice"),
]
