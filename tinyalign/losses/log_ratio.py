"""How far the policy has moved from its reference, which is all a loss with a reference reads."""

from tinyalign.losses.numerics import require_same_shape, stop_gradient


def log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp):
    """Log-ratios h = log π(y) − log π_ref(y) of the chosen and of the rejected answer.

    chosen_logp, rejected_logp          (B,) policy, nats
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, nats; constants to the gradient
    returns                             h_w (B,), h_l (B,), nats, any sign
    raises                              ValueError if the four shapes differ
    """
    require_same_shape(
        chosen_logp=chosen_logp,
        rejected_logp=rejected_logp,
        ref_chosen_logp=ref_chosen_logp,
        ref_rejected_logp=ref_rejected_logp,
    )
    # β times these are the implicit rewards.
    chosen = chosen_logp - stop_gradient(ref_chosen_logp)
    rejected = rejected_logp - stop_gradient(ref_rejected_logp)
    return chosen, rejected


def margin(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp):
    """Implicit-reward margin at β = 1: D = h_w − h_l, (B,), nats; arguments as in `log_ratios`."""
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    return chosen - rejected
