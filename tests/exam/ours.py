"""Our own trainers on an exam: a method's stage, as `tinyalign run` trains it, on all lines."""

import numpy as np

from tinyalign.exam.paper import read_paper
from tinyalign.exam.reference import score, vocabulary
from tinyalign.exam.tasks import START, TASKS
from tinyalign.runs import dataset, plan
from tinyalign.runs.config import Config
from toy_envs.task import Task

FLOOR = -2.0  # reward of what is no answer, and of an answer that did not end


def task_of(paper):
    """The exam as a task: its prompts, and the reward of its answers."""
    prompts = tuple(START + prompt for prompt in paper.prompts)
    table = {
        (START + prompt, answer): reward
        for prompt, row in zip(paper.prompts, paper.reward, strict=True)
        for answer, reward in zip(paper.answers, row, strict=True)
    }

    def reward(prompts, completions, finished):
        asked = zip(prompts, completions, finished, strict=True)
        return np.array([table.get((p, c), FLOOR) if done else FLOOR for p, c, done in asked])

    return Task(
        name="exam", alphabet=paper.alphabet, ends=paper.ends, train=prompts, held_out=prompts,
        max_new_tokens=max(map(len, paper.tokens)), solution=lambda prompt: paper.answers[0],
        reward=reward, success=lambda *asked: 0.0 * reward(*asked),
        candidates=lambda prompt, rng, n: list(rng.choice(paper.answers, size=n)),
    )  # fmt: skip


def stage_of(folder, name, **settings):
    """The StageInputs of a method on an exam's model and its lines, or its task."""
    paper = read_paper(folder)
    typed = {"init_from": folder / "model", "max_grad_norm": 100.0, **settings}
    lines = [*folder.glob("data.jsonl")] if not paper_samples(folder) else []
    config = Config(data=lines[0], **typed) if lines else Config(env="bandit", **typed)
    if not lines:  # the plan is made for the bandit's letters, which are then replaced
        return sampling_stage(paper, name, config, folder)
    job = plan.plan_run([name], config)
    made = plan.stage_inputs(job, 0, job.initial_params)
    kind = made.method.learns_from
    return made._replace(data=dataset.load(config.data, kind, vocabulary=job.vocabulary))


def paper_samples(folder):
    return (folder / "reward.py").exists()


def sampling_stage(paper, name, config, folder):
    """As `stage_of`, for a method that learns from its own samples."""
    row, model = plan.find_method(name), plan.MODELS["transformer"]
    stage = plan.resolve_config(row, config, "transformer")
    params = plan.load_initial_params(config).tree
    words = vocabulary(TASKS[paper.task])
    task = task_of(paper)
    job = plan.RunPlan(
        config, (stage,), task, words, model=model, model_name="transformer",
        initial_params=params, digests={},
    )  # fmt: skip
    made = plan.stage_inputs(job, 0, params)
    # Answers of one token do not end: the policy has an EOS, the task does not ask for it.
    return made._replace(vocabulary=words if paper.ends else words._replace(ends=False))


def train(folder, name, seed=0, **settings):
    """(paper, an earlier checkpoint, the last one): token log-probabilities, (P, K, T)."""
    paper = read_paper(folder)
    stage = stage_of(folder, name, seed=seed, **settings)
    run, rng = stage.method.stage(stage), np.random.default_rng(seed)
    networks, half = run.networks, None
    for step in range(stage.config.steps):
        networks, _ = run.train_step(networks, rng, step)
        if step + 1 == stage.config.steps // 2:
            half = scores(paper, networks)
    return paper, half, scores(paper, networks)


def scores(paper, networks):
    words = vocabulary(TASKS[paper.task])
    return score(networks["policy"].params, words, paper.prompts, paper.answers, paper.ends)
