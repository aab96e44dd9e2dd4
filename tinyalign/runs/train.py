"""A run: stages one after another in one folder, with metrics, checkpoints and resuming.

`train_stage` is the loop that everything else here serves.
"""

import ctypes
import json
import sys
import time
from pathlib import Path

import numpy as np

from tinyalign import report
from tinyalign.engine.backend import to_host, xp
from tinyalign.engine.tree import leaves, nbytes
from tinyalign.errors import InputError
from tinyalign.methods import evaluate
from tinyalign.methods.method import passed_on
from tinyalign.runs import budget, files, plan, verify
from tinyalign.runs.folder import open_folder
from tinyalign.runs.storage import save_tree, write_atomically
from tinyalign.runs.target import is_reached, outcome


class Diverged(InputError):
    """A loss or a weight became NaN or infinite."""


def keep_freed_memory():
    """Ask glibc to hold on to freed memory: a step frees and takes back the same large arrays.

    Left alone it returns them to the system each time, and the page faults cost as much as the
    arithmetic. Elsewhere this does nothing.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(libc, "mallopt"):
        trim_threshold, mmap_threshold = -1, -3  # glibc's names for the two settings
        libc.mallopt(trim_threshold, 1 << 30)
        libc.mallopt(mmap_threshold, 1 << 25)


def run(run_plan, folder, *, resume=False, on_step=lambda row, total: None):
    """Train all stages of a plan in a folder and return the summary of each.

    run_plan  plan.RunPlan
    folder    Path of the run; made if missing
    resume    go on from the folder's checkpoint where there is one
    on_step   called after each step with its metrics and the stage's number of steps
    """
    keep_freed_memory()
    folder = Path(folder)
    progress = open_folder(folder, run_plan, plan.config_json(run_plan), resume)
    if progress.stage_index == len(run_plan.stages):
        restore_results(run_plan, folder, progress)
    else:
        with files.MetricsLog(folder, progress.rows) as log:
            while progress.stage_index < len(run_plan.stages):
                progress = train_stage(run_plan, folder, progress, log, on_step)
    last = len(run_plan.stages) - 1
    rows = [row for row in files.read_metrics(folder) if row["stage_index"] == last]
    report.curves(rows, folder / "curves.svg")
    return files.read_summaries(folder)


def train_stage(run_plan, folder, progress, log, on_step):
    """Prepare one stage, train it to its end, and hand its networks on: the next Progress."""
    # Prepare: the method's own function draws its examples and says how to take a step.
    started = time.perf_counter()
    stage_plan = run_plan.stages[progress.stage_index]
    inputs = plan.stage_inputs(run_plan, progress.stage_index, progress.params)
    stage = stage_plan.method.stage(inputs)
    rng = np.random.default_rng()
    rng.bit_generator.state = progress.rng
    if not progress.networks:  # a new stage, not one that a checkpoint left half done
        seconds = time.perf_counter() - started
        progress = progress._replace(
            networks=stage.networks, samples=stage.samples, seconds=seconds
        )
    files.require_same_networks(progress.networks, stage.networks)
    finished = False
    while not finished:
        # Step. The learning rate follows the budget, which steps need not be the measure of.
        started = time.perf_counter()
        step = budget.schedule_position(stage_plan.stop_rule, stage.steps, progress)
        networks, metrics = stage.train_step(progress.networks, rng, step)
        metrics = {name: float(to_host(value)) for name, value in metrics.items()}
        progress = progress._replace(
            step=progress.step + 1,
            networks=networks,
            rng=rng.bit_generator.state,
            rows=progress.rows + 1,
            samples=progress.samples + int(metrics.pop("completions_sampled", 0)),
            seconds=progress.seconds + time.perf_counter() - started,
        )
        require_finite(stage_plan.method.name, progress, metrics)
        # Evaluate, if due. Every evaluation has randomness of its own, so training never notices.
        finished = budget.is_over(stage_plan.stop_rule, stage.steps, progress)
        if stage_plan.target and not finished:
            finished = reached_target(inputs, stage_plan.target, progress)
        due = progress.step % inputs.config.eval_every == 0
        scores = evaluate_networks(inputs, stage, progress) if finished or due else {}
        # Log.
        row = metrics_row(stage_plan, progress, metrics, scores)
        log.append(row)
        on_step(row, stage.steps)
        # Save.
        if due and not finished:
            files.save_checkpoint(folder, progress, log)
    return finish_stage(run_plan, folder, inputs, stage, progress, log, row)


def metrics_row(stage_plan, progress, metrics, scores):
    """One line of metrics.jsonl. A metric that this batch leaves undefined (NaN) is left out."""
    return {
        "stage_index": progress.stage_index,
        "stage": stage_plan.method.name,
        "step": progress.step,
        **{name: value for name, value in metrics.items() if not np.isnan(value)},
        **scores,
        "completions_sampled": progress.samples,
        "train_seconds": progress.seconds,
    }


def require_finite(name, progress, metrics):
    """Diverged unless the losses and every weight are finite numbers."""
    values = {
        f"the {key.replace('_', ' ')}": metrics[key]
        for key in ("loss", "policy_loss", "value_loss")
        if key in metrics
    }
    for network, state in progress.networks.items():
        # One sum a network: a NaN or an infinity anywhere shows in it.
        total = float(to_host(sum(xp.sum(leaf) for leaf in leaves(state.params).values())))
        values[f"the sum of the weights of the {network.replace('_', ' ')}"] = total
    for label, value in values.items():
        if not np.isfinite(value):
            raise Diverged(
                f"{name}: {label} is {value} at step {progress.step}: lower --learning_rate"
            )


def reached_target(inputs, target, progress):
    """Whether the policy is as good as --until, or a warm start's accuracy, asks."""
    # The numbers of the step's own evaluation, so that a look and an evaluation never disagree.
    place = inputs.config.seed, progress.stage_index, progress.step
    rng = files.random_stream(files.EVALUATION, *place)
    return is_reached(target, inputs, progress.networks["policy"].params, progress.step, rng)


def evaluate_networks(inputs, stage, progress):
    """What the networks can do on examples they were not trained on: metrics by name."""
    # Of this step alone, so that evaluation never affects training.
    place = inputs.config.seed, progress.stage_index, progress.step
    rng = files.random_stream(files.EVALUATION, *place)
    if stage.evaluate is not None:
        return stage.evaluate(progress.networks, rng)
    network = inputs.method.trains
    params = progress.networks[network].params
    if inputs.method.trains_reward_model:
        return evaluate.evaluate_reward_model(inputs, params, rng)
    if inputs.data is not None:
        return evaluate.evaluate_lines(inputs, params)
    scores = evaluate.evaluate_policy(inputs, params, rng)
    if progress.stage_index == 0 and inputs.config.init_from is None and inputs.method.imitates:
        scores.pop("eval_kl", None)  # the distance to random parameters says nothing
    return scores


def finish_stage(run_plan, folder, inputs, stage, progress, log, row):
    """Write the summary and the result of a stage, and start the next one from its networks."""
    trained = {name: network.params for name, network in progress.networks.items()}
    summary = summarise(inputs, stage, progress, row)
    target = run_plan.stages[progress.stage_index].target
    if target and target.problems == "held_out":
        summary |= outcome(target, row)
    # For `tinyalign write --before`.
    began_with = {"policy": progress.params["policy"]}
    save_tree(folder / "before.safetensors", began_with, plan.model_metadata(run_plan))
    progress = files.initial_progress(
        run_plan,
        progress.stage_index + 1,
        progress.params | passed_on(trained),
        progress.rows,
        (*progress.summaries, summary),
    )
    write_results(run_plan, folder, progress)
    files.save_checkpoint(folder, progress, log)
    return progress


def write_results(run_plan, folder, progress):
    """Write summary.json and model.safetensors of the stages that are finished."""
    write_atomically(folder / "summary.json", json.dumps(progress.summaries, indent=1).encode())
    save_tree(folder / "model.safetensors", progress.params, plan.model_metadata(run_plan))


def restore_results(run_plan, folder, progress):
    """Write the results of a finished run again where one is missing; InputError if one differs."""
    missing = [name for name in verify.RESULTS if not (folder / name).exists()]
    verify.require_results(folder, progress, missing)
    if missing:
        write_results(run_plan, folder, progress)


def summarise(inputs, stage, progress, row):
    """A finished stage as a dict: how good it is, and what it took."""
    # The last row of metrics has the last evaluation: a stage always ends with one.
    summary = {name: value for name, value in row.items() if name.startswith("eval_")}
    summary |= {
        "method": inputs.method.name,
        "learns_from": inputs.method.learns_from,
        "steps": progress.step,
        "updates": steps_taken(progress.networks),
        "completions_sampled": progress.samples,
        "completions_judged": stage.labels,
        "networks": [*progress.networks, *stage.frozen],
        "bytes": held_bytes(progress.networks, stage.frozen),
        "train_seconds": progress.seconds,
        "settings": plan.plain_settings(inputs.config),
    }
    if inputs.data is not None and "policy" in progress.networks:
        place = inputs.config.seed, progress.stage_index, progress.step
        rng = files.random_stream(files.COMPLETIONS, *place)
        params = progress.networks["policy"].params
        summary["sample_completions"] = evaluate.sample_held_out(inputs, params, rng)
    return summary


def steps_taken(networks):
    """Gradient steps of the policy so far, or of the reward model where that is trained."""
    return int(networks.get("policy", next(iter(networks.values()))).adam.step)


def held_bytes(networks, frozen):
    """Bytes of weights and optimizer state."""
    moments = sum(n.adam.mean.nbytes + n.adam.square.nbytes for n in networks.values())
    weights = [*(network.params for network in networks.values()), *frozen.values()]
    return sum(map(nbytes, weights)) + moments
