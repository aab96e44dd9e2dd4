"""For mutation.py: which tests judge which module, and which changes no test can see, and why."""

STEPS = ["test_one_step_offline", "test_one_step_online", "test_one_step_actor_critic"]
DETAILS = ["test_online_batches", "test_evaluation", "test_clip_widths", "test_held_out_lines"]
QUICK = [*STEPS, *DETAILS, "test_refusals", "test_zoo_runs"]


def first(*names):
    """The quick tests with some of them before the others."""
    return [*names, *(name for name in QUICK if name not in names)]


JUDGES = {
    "methods/samples": first("test_one_step_offline", "test_refusals"),
    "methods/rollouts": first("test_online_batches", "test_one_step_online"),
    "methods/train_offline": first("test_one_step_offline"),
    "methods/train_online": first("test_one_step_online", "test_one_step_actor_critic"),
    "methods/train_ppo": first("test_one_step_actor_critic", "test_one_step_online"),
    "methods/evaluate": first("test_evaluation", "test_held_out_lines"),
    "methods/method": first("test_choose", "test_one_step_offline"),
    "methods/offline": first("test_one_step_offline", "test_offline_details", "test_choose"),
    "methods/online": first("test_clip_widths", "test_one_step_online", "test_choose"),
    "methods/metrics": first("test_steps"),
    "methods/steps": first("test_steps"),
}
MODULES = list(JUDGES)
# Default tests that run methods in another way, cheap ones first.
OTHERS = [
    "test_zoo_reductions", "test_random_streams", "test_zoo_kl", "test_data", "test_budget",
    "test_steps", "test_offline_details", "test_choose", "test_zoo_show", "test_transfers",
    "test_zoo_optimum", "test_memory", "test_bad_input", "test_offline_optimum_others",
    "test_known_answers", "test_offline_optimum", "test_resume", "test_online_optimum",
]  # fmt: skip

EQUIVALENT = []  # (module, pattern of the line, pattern of the change, why)
