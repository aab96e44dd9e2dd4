"""Rules on known answers: where losses end when nothing is sampled."""


def dpo_overconfident(overconfidence):
    """DPO goes to certainty on one pair; IPO does not."""
    # 0.99 stands for certainty, which DPO approaches without ever stopping.
    dpo, ipo = overconfidence["1.0"]["dpo"], overconfidence["1.0"]["ipo"]
    return (
        dpo > 0.99 > ipo,
        f"the preferred arm's probability at strength 1: DPO {dpo:.3f}, IPO {ipo:.3f}",
    )


def ipo_holds_back(overconfidence):
    """IPO ends at a lower probability than DPO at every strength."""
    rows = [overconfidence[strength] for strength in ("0.1", "0.5", "1.0")]
    ipo, dpo = (", ".join(f"{row[name]:.3f}" for row in rows) for name in ("ipo", "dpo"))
    return (
        all(row["ipo"] < row["dpo"] for row in rows),
        f"the preferred arm's probability at strength 0.1, 0.5, 1: IPO {ipo}; DPO {dpo}",
    )


def chosen_rises(displacement):
    """DPO makes the chosen answer more likely."""
    chosen, rejected = displacement["dpo"]["chosen"], displacement["dpo"]["rejected"]
    return (
        chosen > 0,
        f"change of log-probability on a pair of like answers: chosen {chosen:+.1f}, rejected "
        f"{rejected:+.1f} nats",
    )


def gold_anchors(displacement):
    """TPO's gold answer prevents drift: its KL to the start is less than half of DPO's."""
    tpo, dpo = displacement["tpo"], displacement["dpo"]
    # "Prevents" is read as: at least half of the drift.
    return (
        tpo["kl"] < dpo["kl"] / 2,
        f"KL to the start: TPO {tpo['kl']:.2f}, DPO {dpo['kl']:.2f} nats; gold's log-probability "
        f"{tpo['gold']:+.1f} and {dpo['gold']:+.1f}",
    )


def clip_remembers(clip_drift):
    """PPO's clip keeps the policy near its start."""
    return (
        clip_drift["kl"] < 0.1,  # "near" is read as: a tenth of a nat
        f"no batch moves the pushed arm by more than {clip_drift['largest_step']:.2f} nats, and "
        f"after 40 the KL to the start is {clip_drift['kl']:.2f}",
    )


def kl_needed(overoptimisation):
    """With too small a weight of the KL, people's reward falls."""
    tight, loose = overoptimisation["beta 0.2"]["gold"], overoptimisation["beta 0.02"]["gold"]
    return (
        loose < tight,
        f"people's reward at the proxy's optimum: {tight:.2f} with beta 0.2, {loose:.2f} with 0.02",
    )


def kl_needed_by_all(overoptimisation):
    """Any method that pushes a proxy too hard loses people's reward."""
    # The best of one sample is the start: nothing is optimised.
    start, four, many = (overoptimisation[f"best of {n}"]["gold"] for n in (1, 4, 1024))
    loose = overoptimisation["beta 0.02"]["gold"]
    return (
        many < four and loose < start,
        f"people's reward: best of 4 {four:.2f}, best of 1024 {many:.2f}; optimum at beta 0.02 "
        f"{loose:.2f}; nothing done {start:.2f}",
    )


def length_scorer(overoptimisation):
    """A reward that grows with length gets longer answers, and people like them less."""
    pushed, start = overoptimisation["beta 0.02"], overoptimisation["best of 1"]
    proxy, gold = pushed["proxy"] - start["proxy"], pushed["gold"] - start["gold"]
    return (
        proxy > 0 > gold,
        f"pushed hard, a reward that grows with length rises by {proxy:.1f}, people's changes by "
        f"{gold:+.1f}",
    )


def reference_matters(references):
    """The better DPO's reference, the better its optimum."""
    good, uniform, bad = (references[kind] for kind in ("good", "uniform", "bad"))
    return (
        bad < uniform < good,
        f"expected reward at DPO's optimum: {good:.2f} from a good reference, {uniform:.2f} from a "
        f"uniform, {bad:.2f} from a bad one (best possible {references['best']:.2f})",
    )


def blind_spots_stay(references):
    """An answer that the reference never gives stays impossible."""
    never_given = references["never_given"]
    return (
        never_given == 0,
        f"an answer that the reference never gives keeps probability {never_given:.0f}",
    )


def pairs_forget_size(reward_shapes):
    """Pairs keep the order of rewards and lose their sizes, which the optimum depends on."""
    return (
        # The pairs are the same, and the optima are more than a rounding error apart.
        reward_shapes["pairs_equal"] and reward_shapes["kl"] > 0.01,
        f"r and r³ give the same pairs, but optima {reward_shapes['kl']:.2f} nats apart",
    )


def gae_steadies(noise_of_returns):
    """GAE makes advantages less noisy than whole returns."""
    # Both cases have the same perfect critic; only lambda differs.
    gae, whole = noise_of_returns["critic, lambda 0.95"], noise_of_returns["critic, whole return"]
    return (
        gae < whole,
        f"standard deviation of the first advantage: {gae:.3f} with lambda 0.95, {whole:.3f} with "
        "the whole return",
    )


def critic_steadies(noise_of_returns):
    """A critic makes advantages less noisy."""
    none, critic = noise_of_returns["no critic"], noise_of_returns["critic, whole return"]
    return (
        critic < none,
        f"size of the first advantage where nothing can be learned: {none:.2f} without a critic, "
        f"{critic:.2f} with a perfect one",
    )


RULES = {
    "dpo_overconfident": (dpo_overconfident, ("overconfidence",)),
    "ipo_holds_back": (ipo_holds_back, ("overconfidence",)),
    "chosen_rises": (chosen_rises, ("displacement",)),
    "gold_anchors": (gold_anchors, ("displacement",)),
    "clip_remembers": (clip_remembers, ("clip_drift",)),
    "kl_needed": (kl_needed, ("overoptimisation",)),
    "kl_needed_by_all": (kl_needed_by_all, ("overoptimisation",)),
    "length_scorer": (length_scorer, ("overoptimisation",)),
    "reference_matters": (reference_matters, ("references",)),
    "blind_spots_stay": (blind_spots_stay, ("references",)),
    "pairs_forget_size": (pairs_forget_size, ("reward_shapes",)),
    "gae_steadies": (gae_steadies, ("noise_of_returns",)),
    "critic_steadies": (critic_steadies, ("noise_of_returns",)),
}
