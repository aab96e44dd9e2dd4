"""Known answers: where losses end when nothing is sampled."""

from tinyalign.notes.claims.verdicts.differences import difference, judge_less
from tinyalign.notes.claims.verdicts.finding import Claim, judge_by_convention, judge_fact


def reference_matters(references):
    """The better DPO's reference, the better its optimum."""
    good, uniform, bad = (references[kind] for kind in ("good", "uniform", "bad"))
    return judge_fact(
        bad < uniform < good,
        f"expected reward at DPO's optimum: {good:.2f} from a good reference, {uniform:.2f} from a "
        f"uniform one, {bad:.2f} from a bad one (best possible {references['best']:.2f})",
    )


def bias_stays(references):
    """What the reference prefers stays in DPO's optimum."""
    bad, uniform, never = (references[kind] for kind in ("bad", "uniform", "never_given"))
    return judge_fact(
        bad < uniform and never < 0.05,
        f"expected reward at DPO's optimum: {bad:.2f} from a reference that prefers bad answers, "
        f"{uniform:.2f} from a uniform one; an answer that the reference never gives keeps "
        f"probability {never:.0f}",
    )


def gold_anchors(displacement):
    """TPO's gold answer prevents drift: of the likelihood of good answers, or of the policy."""
    tpo, dpo = displacement["tpo"], displacement["dpo"]
    return judge_by_convention(
        [tpo["gold"] > 0 and tpo["chosen"] > 0 > dpo["chosen"], tpo["kl"] < 0.1],
        "whether drift means that good answers become unlikely, or that the policy leaves its "
        "start",
        f"log-probability of gold {tpo['gold']:+.1f} and of chosen {tpo['chosen']:+.1f} nats with "
        f"the gold term, {dpo['gold']:+.1f} and {dpo['chosen']:+.1f} without; KL to the start "
        f"{tpo['kl']:.2f} and {dpo['kl']:.2f}",
    )


def critic_steadies(noise_of_returns):
    """A critic makes advantages less noisy."""
    none, critic = noise_of_returns["no critic"], noise_of_returns["critic, whole return"]
    return judge_fact(
        critic < none,
        f"size of the first advantage where nothing can be learned: {none:.2f} without a critic, "
        f"{critic:.2f} with a critic that knows the values",
    )


def gae_steadies(noise_of_returns):
    """GAE makes advantages less noisy than whole returns."""
    # Both cases have the same perfect critic; only lambda differs.
    gae, whole = noise_of_returns["critic, lambda 0.95"], noise_of_returns["critic, whole return"]
    return judge_fact(
        gae < whole,
        f"standard deviation of the first advantage: {gae:.3f} with GAE at λ = 0.95, {whole:.3f} "
        "with the whole return, at the same critic",
    )


def ppo_controls_drift(tied_ppo):
    """A larger weight of PPO's KL keeps the policy nearer to its start."""
    gap = difference(tied_ppo, "kl 1.0", "kl 0.1")
    return judge_less(gap, "KL to the start with a weight of 1 against 0.1", 0.1, " nats")


def pairs_forget_size(reward_shapes):
    """Pairs keep the order of rewards and lose their sizes, which the optimum depends on."""
    return judge_fact(
        # The pairs are the same, and the optima are more than a rounding error apart.
        reward_shapes["pairs_equal"] and reward_shapes["kl"] > 0.01,
        "rewards r and r³ give the same pairs, and the optima that PPO aims at are "
        f"{reward_shapes['kl']:.2f} nats apart",
        "0.01 nats",
    )


def dpo_overconfident(overconfidence):
    """DPO goes to certainty on one pair."""
    # 0.99 stands for certainty, which DPO approaches without ever stopping.
    dpo, ipo = overconfidence["1.0"]["dpo"], overconfidence["1.0"]["ipo"]
    return judge_fact(
        dpo > 0.99,
        f"probability of an answer that is always preferred, at strength 1: DPO {dpo:.3f}, IPO "
        f"{ipo:.3f}",
    )


def ipo_holds_back(overconfidence):
    """IPO ends at a lower probability than DPO at every strength."""
    rows = [overconfidence[strength] for strength in ("0.1", "0.5", "1.0")]
    ipo, dpo = (", ".join(f"{row[name]:.3f}" for row in rows) for name in ("ipo", "dpo"))
    return judge_fact(
        all(row["ipo"] < row["dpo"] for row in rows),
        "probability of an answer that is always preferred, at strengths 0.1, 0.5, 1: "
        f"IPO {ipo}; DPO {dpo}",
    )


CLAIMS = (
    Claim(
        "dpo-reference-quality", "000", 24, "Stability · DPO",
        "More stable than PPO but still sensitive to quality of reference model.",
        "DPO's optimum gets worse with its reference.",
        reference_matters, ("references",),
    ),
    Claim(
        "tpo-no-drift", "000", 24, "Stability · TPO",
        "**Most stable** among preference methods: gold term prevents drift; no ref-model "
        "artifacts.",
        "The gold term prevents drift.",
        gold_anchors, ("displacement",),
    ),
    Claim(
        "dpo-inherits-bias", "000", 27, "Key Limitation · DPO",
        "Dependence on reference model; sequence-level only; may inherit SFT biases.",
        "What the reference prefers stays in DPO's optimum.",
        bias_stays, ("references",),
    ),
    Claim(
        "critic-reduces-noise", "001", 88, "PPO Philosophy",
        "Don't change the policy too much at once, and use a learned baseline to reduce noise",
        "A baseline that predicts the return makes advantages less noisy.",
        critic_steadies, ("noise_of_returns",),
    ),
    Claim(
        "ppo-drift", "002", 20, "PPO · Pros", "Good control over policy drift.",
        "The weight of PPO's KL penalty sets how far the policy moves from its start.",
        ppo_controls_drift, ("tied_ppo",),
    ),
    Claim(
        "dpo-less-flexible", "002", 50, "DPO · Cons",
        "Less flexible than PPO for arbitrary reward functions.",
        "PPO can tell rewards apart that give DPO the same pairs.",
        pairs_forget_size, ("reward_shapes",),
    ),
    Claim(
        "gae-variance", "003", 20, "Proximal Policy Optimization",
        "**Advantage Estimation**: Uses GAE (Generalized Advantage Estimation) for variance "
        "reduction",
        "GAE's advantages are less noisy than the whole return's.",
        gae_steadies, ("noise_of_returns",),
    ),
    Claim(
        "dpo-overconfident", "004", 13, "Why This Matters",
        "DPO can be **overconfident** (ignores uncertainty in preferences)",
        "Where one answer is always preferred, DPO goes to certainty.",
        dpo_overconfident, ("overconfidence",),
    ),
    Claim(
        "ipo-overconfident-labels", "004", 465, "GRPO's Relatives · IPO",
        "More robust to overconfident preferences than DPO.",
        "Where labels never doubt, IPO stops short of DPO.",
        ipo_holds_back, ("overconfidence",),
    ),
    Claim(
        "ipo-conservative", "004", 486, "GRPO's Relatives · IPO",
        "# IPO is more conservative - prevents overconfidence",
        "Where one answer is always preferred, IPO stops at a set margin, and DPO goes further.",
        ipo_holds_back, ("overconfidence",),
    ),
)  # fmt: skip
