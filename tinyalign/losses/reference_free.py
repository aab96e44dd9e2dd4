"""Preference losses without a reference model. What anchors the policy, if anything, is an NLL."""

import autograd.numpy as np

from tinyalign.losses.numerics import log_odds, log_sigmoid, require_in, require_same_shape


def simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375):
    """Simple Preference Optimization: −log σ(β·(a_w − a_l) − γ), a = mean log-prob per token.

    chosen_avg_logp, rejected_avg_logp  (B,) policy, mean per completion token, EOS included, nats
    beta                                number > 0, per nat
    gamma                               number, no unit; the target margin, not multiplied by beta
    returns                             (B,) nats, > 0; log 2 at a_w − a_l = γ/β
    raises                              ValueError if the shapes differ or beta ≤ 0

    Optimum: no closed form on the bandit, unless γ = 0 (then as `cpo` with alpha = 0).
    Source: Meng et al. 2024, arXiv:2405.14734.
    Differs: nothing; princeton-nlp's code takes γ/β (here 0.55) where this takes γ.
    """
    require_same_shape(chosen_avg_logp=chosen_avg_logp, rejected_avg_logp=rejected_avg_logp)
    require_in("(0, inf)", beta=beta)
    require_in("(-inf, inf)", gamma=gamma)
    # Means, not sums: a sum would favour short answers, which no reference corrects here.
    return -log_sigmoid(beta * (chosen_avg_logp - rejected_avg_logp) - gamma)


def conservative_simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375, flip=0.1):
    """SimPO with label smoothing: −(1−ε)·log σ(z) − ε·log σ(−z), z = β·(a_w − a_l) − γ.

    chosen_avg_logp, rejected_avg_logp  (B,) policy, mean per completion token, EOS included, nats
    beta                                number > 0, per nat
    gamma                               number, no unit; the target margin, not multiplied by beta
    flip                                ε in [0, 1), how often a label is wrong; 0 is SimPO
    returns                             (B,) nats, > 0; log 2 at a_w − a_l = γ/β
    raises                              ValueError if the shapes differ or a number is out of range

    Optimum of one pair always labelled the same way: a_w − a_l = (γ + log((1−ε)/ε))/β.
    Source: Meng et al. 2024, arXiv:2405.14734; smoothing as in Mitchell 2023 (cDPO).
    Differs: TRL's CPOTrainer has it as `label_smoothing`; the paper has none.
    """
    require_in("[0, 1)", flip=flip)
    right = simpo(chosen_avg_logp, rejected_avg_logp, beta=beta, gamma=gamma)
    # −log σ(−z) is SimPO of the swapped pair at −γ.
    wrong = simpo(rejected_avg_logp, chosen_avg_logp, beta=beta, gamma=-gamma)
    return (1 - flip) * right + flip * wrong


def odds_ratio(chosen_avg_logp, rejected_avg_logp):
    """ORPO's odds-ratio term: −log σ(log odds(e^{a_w}) − log odds(e^{a_l})), odds(p) = p/(1−p).

    chosen_avg_logp, rejected_avg_logp  (B,) policy, mean per completion token, nats, ≤ 0
    returns                             (B,) nats, > 0; log 2 at a_w = a_l
    raises                              ValueError if the shapes differ

    Source: Hong et al. 2024, arXiv:2403.07691.
    Differs: nothing; a mean within 1e-30 of 0 counts as −1e-30, so that the odds stay finite.
    Community notes: 004, lines 569–578 feed it sums and use log1p(−exp), infinite near p = 1.
    See walkthroughs/errata.json, errata row 60.
    """
    require_same_shape(chosen_avg_logp=chosen_avg_logp, rejected_avg_logp=rejected_avg_logp)
    # log_odds stays finite where an answer is almost certain; log p − log(1 − p) would not.
    return -log_sigmoid(log_odds(chosen_avg_logp) - log_odds(rejected_avg_logp))


def orpo(chosen_avg_logp, rejected_avg_logp, chosen_nll, *, lam=0.1):
    """Odds Ratio Preference Optimization: NLL(chosen) + λ·`odds_ratio`(chosen, rejected).

    chosen_avg_logp, rejected_avg_logp  (B,) policy, mean per completion token, nats, ≤ 0
    chosen_nll                          (B,) mean negative log-likelihood per token of the chosen
                                        answer, nats, ≥ 0
    lam                                 λ ≥ 0, no unit; 0 is supervised fine-tuning
    returns                             (B,) nats, ≥ 0
    raises                              ValueError if the shapes differ or lam < 0

    Optimum: no closed form on the bandit.
    Source: Hong et al. 2024, arXiv:2403.07691.
    Differs: nothing; TRL's and the authors' code take the NLL over prompt and completion.
    Community notes: 004, line 549 shortens the title, lines 569–578 the maths.
    See walkthroughs/errata.json, errata rows 59, 60.
    """
    require_same_shape(chosen_avg_logp=chosen_avg_logp, chosen_nll=chosen_nll)
    require_in("[0, inf)", lam=lam)
    return chosen_nll + lam * odds_ratio(chosen_avg_logp, rejected_avg_logp)


def cpo(chosen_logp, rejected_logp, chosen_nll, *, beta=0.1, alpha=1.0):
    """Contrastive Preference Optimization: −log σ(β·(logp_w − logp_l)) + α·NLL(chosen).

    chosen_logp, rejected_logp  (B,) policy, summed over completion tokens, nats, ≤ 0
    chosen_nll                  (B,) mean negative log-likelihood per token of the chosen answer
    beta                        number > 0, per nat
    alpha                       number ≥ 0, no unit; 0 is DPO with a uniform reference
    returns                     (B,) nats, > 0
    raises                      ValueError if shapes differ or a number is out of range

    Optimum, alpha = 0 and Bradley–Terry labels: π ∝ e^{r/β}; else no closed form on the bandit.
    Source: Xu et al. 2024, arXiv:2401.08417.
    Differs: the mean over pairs is left to the caller.
    """
    require_same_shape(chosen_logp=chosen_logp, rejected_logp=rejected_logp, chosen_nll=chosen_nll)
    require_in("(0, inf)", beta=beta)
    require_in("[0, inf)", alpha=alpha)
    return -log_sigmoid(beta * (chosen_logp - rejected_logp)) + alpha * chosen_nll


def conservative_cpo(chosen_logp, rejected_logp, chosen_nll, *, beta=0.1, alpha=1.0, flip=0.1):
    """CPO with label smoothing: −(1−ε)·log σ(z) − ε·log σ(−z) + α·NLL(chosen), z = β·(w − l).

    chosen_logp, rejected_logp  (B,) policy, summed over completion tokens, nats, ≤ 0: w and l
    chosen_nll                  (B,) mean negative log-likelihood per token of the chosen answer
    beta                        number > 0, per nat
    alpha                       number ≥ 0, no unit
    flip                        ε in [0, 1), how often a label is wrong; 0 is CPO
    returns                     (B,) nats, > 0
    raises                      ValueError if shapes differ or a number is out of range

    Optimum of one pair always labelled the same way, alpha = 0: w − l = log((1−ε)/ε)/β.
    Source: Xu et al. 2024, arXiv:2401.08417; smoothing as in Mitchell 2023 (cDPO).
    Differs: TRL's CPOTrainer has it as `label_smoothing`; the paper has none.
    """
    require_in("[0, 1)", flip=flip)
    right = cpo(chosen_logp, rejected_logp, chosen_nll, beta=beta, alpha=alpha)
    wrong = cpo(rejected_logp, chosen_logp, chosen_nll, beta=beta, alpha=alpha)
    return (1 - flip) * right + flip * wrong


def slic(chosen_logp, rejected_logp, sft_nll, *, delta=1.0, lam=1.0):
    """Sequence Likelihood Calibration: max(0, δ − logp_w + logp_l) + λ·NLL(SFT target).

    chosen_logp, rejected_logp  (B,) policy, summed over completion tokens, nats, ≤ 0
    sft_nll                     (B,) negative log-likelihood of the SFT target, nats, ≥ 0; the
                                paper sums it over tokens
    delta                       number ≥ 0, nats; the margin at which the hinge stops
    lam                         number ≥ 0, no unit
    returns                     (B,) nats, ≥ 0
    raises                      ValueError if shapes differ or a number is out of range

    Optimum: no closed form on the bandit.
    Source: Zhao et al. 2023, arXiv:2305.10425.
    Differs: the mean over pairs is left to the caller.
    """
    require_same_shape(chosen_logp=chosen_logp, rejected_logp=rejected_logp, sft_nll=sft_nll)
    require_in("[0, inf)", delta=delta, lam=lam)
    return np.maximum(delta - chosen_logp + rejected_logp, 0.0) + lam * sft_nll


def tpo(chosen_logp, rejected_logp, gold_nll, *, beta=0.01, alpha=1.0):
    """Triple Preference Optimization: −log σ(β·(logp_w − logp_l)) + α·NLL(gold).

    chosen_logp, rejected_logp  (B,) policy, summed over completion tokens, nats, ≤ 0
    gold_nll                    (B,) mean negative log-likelihood per token of the gold answer
    beta                        number > 0, per nat
    alpha                       number ≥ 0, no unit
    returns                     (B,) nats, > 0
    raises                      ValueError if shapes differ or a number is out of range

    Nothing compares gold with chosen: gold enters through its likelihood alone.
    Optimum, alpha = 0: as `cpo`; else no closed form on the bandit.
    Source: Saeidi et al. 2024, arXiv:2405.16681.
    Differs: the mean over triples is left to the caller.
    Community notes: 000, line 22 says that gold ≻ win ≻ lose is enforced.
    See walkthroughs/errata.json, errata rows 3, 4, 6.
    """
    require_same_shape(chosen_logp=chosen_logp, rejected_logp=rejected_logp, gold_nll=gold_nll)
    require_in("(0, inf)", beta=beta)
    require_in("[0, inf)", alpha=alpha)
    return -log_sigmoid(beta * (chosen_logp - rejected_logp)) + alpha * gold_nll


def tpo_l(chosen_avg_logp, rejected_avg_logp, gold_nll, *, beta=2.0, gamma=0.5, alpha=1.0):
    """Length-controlled TPO: −log σ(β·(a_w − a_l) − γ) + α·NLL(gold): SimPO plus a gold answer.

    chosen_avg_logp, rejected_avg_logp  (B,) policy, mean per completion token, nats, ≤ 0
    gold_nll                            (B,) mean negative log-likelihood per token, gold answer
    beta                                number > 0, per nat
    gamma                               number, no unit; the target margin, not multiplied by beta
    alpha                               number ≥ 0, no unit; 0 is SimPO
    returns                             (B,) nats, > 0
    raises                              ValueError if shapes differ or a number is out of range

    Optimum: no closed form on the bandit.
    Source: Saeidi et al. 2024, arXiv:2405.16681.
    Differs: the mean over triples is left to the caller.
    """
    require_same_shape(chosen_avg_logp=chosen_avg_logp, gold_nll=gold_nll)
    require_in("[0, inf)", alpha=alpha)
    return simpo(chosen_avg_logp, rejected_avg_logp, beta=beta, gamma=gamma) + alpha * gold_nll
