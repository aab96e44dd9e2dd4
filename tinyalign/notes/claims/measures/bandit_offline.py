"""Methods that learn from comparisons on the bandit: how much of which data, and how clean."""

import dataclasses

from tinyalign.notes.claims.rules import GAP, Measure, Rule, between, less, more, paired
from tinyalign.notes.claims.runs import BANDIT, bandit_value, train
from toy_envs import bandit

SEEDS = range(10)
NEAR = 0.05  # "almost as well": within this much expected reward, of rewards with deviation 1


def offline(name, seed, **settings):
    """Expected reward after a method that learns from samples of the uniform policy."""
    config = dataclasses.replace(BANDIT, seed=seed, steps=200, **settings)
    return bandit_value(train([name], config))


def thumbs():
    """DPO on 200 pairs; KTO on the thumbs of the same 400 completions, and of 100 of them."""
    data = {"num_generations": 2, "num_pairs": 200}
    quarter = data | {"num_pairs": 50}
    return {
        "dpo": [offline("dpo", s, **data) for s in SEEDS],
        "kto": [offline("kto", s, **data) for s in SEEDS],
        "kto, a quarter": [offline("kto", s, **quarter) for s in SEEDS],
        "dpo, a quarter": [offline("dpo", s, **quarter) for s in SEEDS],
        "start": [float(bandit.reward_table().mean())] * len(SEEDS),
    }


def wrong_pairs():
    """DPO and IPO on 200 pairs of which none, or three in ten, are the wrong way round."""
    data = {"num_generations": 2, "num_pairs": 200}
    return {
        f"{name}, noise {noise}": [offline(name, s, noise=noise, **data) for s in SEEDS]
        for name in ("dpo", "ipo")
        for noise in (0.0, 0.3)
    }


def candidates():
    """Eight candidates of each of 50 prompts: one pair for DPO, all scores for the others."""
    data = {"num_generations": 8, "num_pairs": 50}
    return {name: [offline(name, s, **data) for s in SEEDS] for name in ("dpo", "infonca", "rrhf")}


def lost_to_noise(figures):
    """weigh: expected reward that IPO and DPO lose when three labels in ten are wrong."""

    def lost(name):
        clean, noisy = (figures[f"{name}, noise {noise}"] for noise in (0.0, 0.3))
        return [before - after for before, after in zip(clean, noisy, strict=True)]

    return paired(lost("ipo"), lost("dpo"))


OFFLINE = "the bandit, labels by Bradley–Terry, 200 steps, 10 seeds"
MEASURES = {
    "thumbs": Measure(thumbs, OFFLINE, exact=False),
    "wrong_pairs": Measure(wrong_pairs, OFFLINE, exact=False),
    "candidates": Measure(candidates, OFFLINE, exact=False),
}
RULES = {
    "kto_near_dpo": Rule(
        ("thumbs",), between("kto, a quarter", "dpo"), lambda w: w["low"] > -NEAR,
        f"KTO on a quarter of the completions against DPO on all, expected reward: {GAP}",
    ),
    "kto_less_data": Rule(
        ("thumbs",), between("kto, a quarter", "dpo, a quarter"), more,
        f"KTO against DPO on the same 100 completions, expected reward: {GAP}",
    ),
    "thumbs_suffice": Rule(
        ("thumbs",), between("kto", "start"), more,
        f"KTO on 400 thumbs against its start, expected reward: {GAP}",
    ),
    "dpo_needs_quality": Rule(
        ("wrong_pairs",), between("dpo, noise 0.3", "dpo, noise 0.0"), less,
        f"DPO with three labels in ten wrong against none, expected reward: {GAP}",
    ),
    "ipo_better": Rule(
        ("wrong_pairs",), between("ipo, noise 0.0", "dpo, noise 0.0"), more,
        f"IPO against DPO on the same pairs, expected reward: {GAP}",
    ),
    "ipo_robust": Rule(
        ("wrong_pairs",), lost_to_noise, less,
        f"expected reward lost when three labels in ten are wrong, IPO against DPO: {GAP}",
    ),
    "dpo_wastes_candidates": Rule(
        ("candidates",), between("infonca", "dpo"), more,
        f"InfoNCA on all eight candidates against DPO on a pair of them, expected reward: {GAP}",
    ),
}  # fmt: skip
