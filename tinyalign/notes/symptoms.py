"""What a reader may see on a screen, what it means, and the page that explains it."""

from typing import NamedTuple


class Symptom(NamedTuple):
    """One symptom; `tinyalign explain` looks for those that a log can show."""

    says: str  # as somebody would say it
    means: str  # what it is, and what to do: one or two sentences
    page: str  # number of the page that explains it


SYMPTOMS = {  # name -> symptom
    "stuck_at_log_2": Symptom(
        "My loss is 0.693 and stays there.",
        "0.693 is log 2: the loss sees no difference between chosen and rejected. The policy "
        "does not change, or the policy and the reference are one model, or chosen equals "
        "rejected after tokenisation.",
        "08",
    ),
    "starts_off_log_2": Symptom(
        "My DPO loss does not start at 0.693.",
        "At the first step the policy is the reference, and DPO costs log 2 there. Another "
        "number means that the reference is another model or is scored in another way.",
        "08",
    ),
    "both_rewards_fall": Symptom(
        "The rewards of chosen and of rejected answers both fall.",
        "This is likelihood displacement. A loss on a difference, such as DPO's, allows it; under "
        "a loss on single answers, such as KTO's, the push on rejected answers can pull similar "
        "chosen ones down. A likelihood term on chosen answers works against it.",
        "10",
    ),
    "accuracy_at_half": Symptom(
        "My reward accuracy stays at 0.5.",
        "The policy orders the pairs by chance: nothing is learned, or the labels are noise.",
        "08",
    ),
    "margin_runs_away": Symptom(
        "My margin grows without end and the loss goes to 0.",
        "Every comparison has one winner in the data, so DPO asks for an infinite margin. IPO, "
        "label smoothing or fewer passes bound the margin.",
        "09",
    ),
    "accuracy_out_of_range": Symptom(
        "My accuracy is above 1.",
        "A share lies between 0 and 1. A larger number is a sum over devices or over a batch, "
        "or a percentage.",
        "03",
    ),
    "negative_kl": Symptom(
        "My KL is negative.",
        "A KL divergence is at least 0, and so is its estimate k3. The estimate k1 can be "
        "negative on one batch; if its average stays negative, the samples were not drawn from "
        "the policy that scores them.",
        "04",
    ),
    "kl_runs_away": Symptom(
        "My KL grows and grows.",
        "The policy leaves its reference. A larger beta or a smaller learning rate holds the "
        "policy; a reward that keeps rising with the KL may be exploited.",
        "14",
    ),
    "never_stops": Symptom(
        "My completions never stop, they always have the longest length.",
        "The model never learned the end-of-sequence token: the token is masked out of the "
        "loss, PAD and EOS are one token, or the limit on the length is too small.",
        "02",
    ),
    "longer_and_longer": Symptom(
        "My completions get longer and longer.",
        "A loss that is averaged in each completion punishes a long wrong answer less per token. "
        "A reward model may also prefer length. Where longer answers are better, the growth is "
        "honest.",
        "19",
    ),
    "loss_starts_at_zero": Symptom(
        "GRPO's loss starts at 0.",
        "This is no fault. The advantages of a group sum to 0 and the first ratio is 1, so the "
        "value of the loss is 0; its gradient is not.",
        "13",
    ),
    "silent_groups": Symptom(
        "The standard deviation of my reward is 0.",
        "All answers of a group have one reward, so the group teaches nothing. Choose prompts of "
        "medium difficulty, or draw larger groups.",
        "13",
    ),
    "entropy_collapse": Symptom(
        "My entropy falls to 0.",
        "The policy repeats one answer and explores no more. A smaller learning rate, an entropy "
        "bonus or a higher upper clip keeps variety.",
        "13",
    ),
    "clip_never_used": Symptom(
        "My clip fraction is always 0.",
        "With one gradient step a rollout the ratio is 1, and nothing can be clipped: this is no "
        "fault. With several steps it means that the steps are very small.",
        "07",
    ),
    "clip_too_often": Symptom(
        "My clip fraction is large.",
        "The policy moves too far on one rollout: take fewer passes or a smaller learning rate. "
        "The narrow clip of GSPO cuts off much more than that of PPO.",
        "07",
    ),
    "value_loss_explodes": Symptom(
        "My value loss explodes.",
        "The critic cannot follow the returns: their scale is large or changes, or the learning "
        "rate is too high. The advantages are noise until the critic fits.",
        "07",
    ),
    "not_a_number": Symptom(
        "My loss is NaN.",
        "A logarithm of 0, a division by the standard deviation of equal rewards, a mask without "
        "tokens, or a learning rate that is too high.",
        "16",
    ),
    "gradient_explodes": Symptom(
        "My gradient norm explodes.",
        "The learning rate is too high, or one batch is very unusual. The clip on the norm hides "
        "it: look at the norm before the clip.",
        "02",
    ),
    "reward_flat": Symptom(
        "My reward does not rise.",
        "The groups may be silent, the learning rate may be too small, or the reward cannot be "
        "reached from where the model starts.",
        "15",
    ),
    "reward_exploited": Symptom(
        "My reward rises while the held-out score falls.",
        "This is over-optimisation: the policy exploits the reward. Stop earlier, or raise beta.",
        "14",
    ),
    "over_fitting": Symptom(
        "My training loss falls while the held-out loss rises.",
        "The model learns the training set by heart. Stop earlier or use more data.",
        "02",
    ),
}
