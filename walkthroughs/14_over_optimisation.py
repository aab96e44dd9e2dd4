# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 · Over-optimisation
#
# A reward model is right about the answers it was trained on. Optimise it hard enough and you leave
# those answers behind. Then the reward keeps rising and the answers get worse, and nothing in the
# training curves says so. Here is a reward model with one weight, a task whose truth is a parabola,
# and the whole story in exact numbers.
#
# ## What the notes say
#
# {notes 000 24-27}
# {notes 004 383-389}
# {notes 004 696-714}
# {notes 004 849-851}
#
# "Longer = better? No!" says one of the notes, [and rewards length](errata.html#row-44) in its
# code. The scaling-law paper it cites is by [Gao, Schulman and Hilton of
# OpenAI](errata.html#row-70). Another note names reward hacking as a limit of PPO; this page shows
# that it is one of the reward, whoever optimises it. A KL penalty against it does not raise the
# hump below; it chooses where on the curve you stop.
#
# ## The task, live
#
# {source toy_envs.hackable.gold}
# {source toy_envs.hackable.fit_proxy}

# %%
import numpy as np

from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import best_of_n, expectation, kl, optimal_policy
from toy_envs import hackable

# %% [markdown]
# ## Before the run
#
# An answer is a row of $L$ exclamation marks. People's reward rises up to a peak and falls;
# ordinary answers are mostly shorter than that. The proxy is linear in $L$, fitted by Bradley and
# Terry to 400 judgements of ordinary answers. Everything is enumerable: 41 answers.
#
# Predictions. On ordinary answers longer is better more often than not, so the weight is
# positive, and the proxy's favourite is the longest answer. The gold reward of a policy that sits
# there is $0.35\cdot 40 - 0.016\cdot 40^2$. Between here and there, gold must rise and then fall:
# there is an interior best amount of optimisation.
#
# **The dial:** `JUDGEMENTS`. More data do *not* help here; the proxy's form is wrong, not its fit.
# Try 100 000.

# %%
JUDGEMENTS = 400

length = np.arange(hackable.LONGEST + 1)
ref, gold = hackable.reference(), hackable.gold(length)
weight = hackable.fit_proxy(JUDGEMENTS)
proxy = weight * length
peak = int(gold.argmax())
print(f"proxy: {weight:.4f} per mark; gold peaks at {peak}, ordinary mean {ref @ length:.2f}")
print(f"gold at the proxy's favourite, predicted for the end: {gold[-1]:.2f}")

# %% [markdown]
# ## The run
#
# Two ways to push, both exact: best of $n$ draws by the proxy, and the RLHF optimum for the proxy
# at one β after another.

# %%
DRAWS = (1, 2, 4, 8, 16, 64, 256, 1024)
BETAS = (2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02)


def measure(policy):
    return (
        float(kl(policy, ref)),
        float(expectation(policy, proxy)),
        float(expectation(policy, gold)),
    )


by_n = {n: measure(best_of_n(ref, proxy, n)) for n in DRAWS}
by_beta = {beta: measure(optimal_policy(ref, proxy, beta=beta)) for beta in BETAS}
table(
    ["push", "KL", "proxy", "gold"],
    [[f"best of {n}", *m] for n, m in by_n.items()]
    + [[f"RLHF optimum, β = {beta}", *m] for beta, m in by_beta.items()],
)

# %% [markdown]
# ## The form of the curve
#
# Gao and others (2210.10760; status: several agreeing summaries) found that gold under best-of-n
# follows $d(\alpha - \beta d)$ with $d = \sqrt{\mathrm{KL}}$. Fitted to this toy by least squares:

# %%
many = np.unique(np.round(np.geomspace(1, 1024, 60)).astype(int))
measured = np.array([measure(best_of_n(ref, proxy, n)) for n in many])
d, rise = np.sqrt(np.maximum(measured[:, 0], 0.0)), measured[:, 2] - measured[0, 2]
(alpha, minus_beta), *_ = np.linalg.lstsq(np.stack([d, d**2], axis=1), rise, rcond=None)
fitted = d * alpha + minus_beta * d**2
r_squared = 1 - np.sum((rise - fitted) ** 2) / np.sum((rise - rise.mean()) ** 2)
best_d = -alpha / (2 * minus_beta)
print(f"α {alpha:.3f}, β {-minus_beta:.3f}, R² {r_squared:.4f}; best at d = {best_d:.2f}")
best_n = max(by_n, key=lambda n: by_n[n][2])
start, top, end = by_n[1][2], by_n[best_n][2], by_n[1024][2]
print(f"gold: {start:.2f} at the start, {top:.2f} at n = {best_n}, {end:.2f} at n = 1024")

# %% [markdown]
# **An earlier measurement:** 1.65 → 1.83 at n = 4 → 0.94 at n = 1024, R² 0.995; on the RLHF path
# 1.733 at β 0.2 and −9.6 at β 0.02. The paper's other form, $d(\alpha - \beta\log d)$ for
# reinforcement learning, is not claimed here.

# %%
figure, axes = picture()
axes.plot(d, measured[:, 1] - measured[0, 1], "--", label="proxy, best of n")
axes.plot(d, rise, "o", markersize=3, label="gold, best of n")
axes.plot(d, fitted, color="0.3", label="d(α − βd)")
tilt = np.array([measure(optimal_policy(ref, proxy, beta=b)) for b in np.geomspace(0.1, 20, 50)])
tilt_d = np.sqrt(np.maximum(tilt[:, 0], 0.0))
axes.plot(tilt_d, tilt[:, 2] - measured[0, 2], ":", label="gold, RLHF optimum")
axes.axvline(best_d, color="0.7", linewidth=0.8)
axes.set(xlabel="d = √KL", ylabel="reward above the start", title="The hump")
axes.set(ylim=(-1.0, 0.9), xlim=(0, 2.6))
axes.legend(fontsize="small")
figure

# %% [markdown]
# {figure}
#
# ## Weird numbers
#
# **“Reward went up, the output is junk.”** (huggingface/trl #204, #242; open-r1 #373;
# LLaMA-Factory #4012; ARENA PR #351, which ends up spamming one character.) The proxy's curve above
# never falls. You need a second, independent measurement, or a person who reads.
#
# **“I raised β and it still happened.”** A larger β moves you back along the curve. It does not
# change the curve: what would is a better proxy, or judgements on the answers that the policy now
# writes.
#
# **“More comparisons?”** Of the same ordinary answers: no. See the dial.
#
# ## Exercises
#
# **1.** Early stopping: given gold measurements at growing KL, return the index at which to stop,
# the first from which gold only falls. It has to survive a curve that never falls.
#
# **2.** The best KL of a fitted curve $d(\alpha - \beta d)$, in nats.


# %%
def my_stop(gold_seen):
    raise NotImplementedError  # a list of numbers -> an index


def check_my_stop(solution):
    assert solution([1.0, 2.0, 3.0, 2.5, 1.0]) == 2
    assert solution([1.0, 2.0, 3.0]) == 2, "a curve that never falls"
    assert solution([3.0, 2.0, 1.0]) == 0, "a curve that only falls"
    assert solution([1.0, 2.0, 1.5, 2.5, 2.0]) == 3, "a dip is not the end"


def my_best_kl(alpha, beta):
    raise NotImplementedError


def check_my_best_kl(solution):
    for alpha, beta in ((1.0, 0.5), (0.3, 0.2), (2.0, 1.7)):
        nats = np.linspace(1e-6, 4, 400_001)
        curve = np.sqrt(nats) * (alpha - beta * np.sqrt(nats))
        assert abs(solution(alpha, beta) - nats[curve.argmax()]) < 1e-4, f"α {alpha}, β {beta}"


check_exercise(check_my_stop, my_stop)
check_exercise(check_my_best_kl, my_best_kl)

# %% [markdown]
# ## The same line in TRL
#
# None prevents this. Several reward functions can be given to `GRPOTrainer(reward_funcs=[…])`, and
# one of them can be there to be watched, with weight 0 in `GRPOConfig(reward_weights=[1.0, 0.0])`.
#
# ## What this page showed

# %%
assert weight > 0 and peak < hackable.LONGEST, "the proxy's favourite is not people's"
assert np.all(np.diff([m[1] for m in by_n.values()]) > 0), "the proxy only rises"
assert 1 < best_n < 1024 and top - end > 0.5, "an interior maximum, and a fall"
assert r_squared > 0.98, "d(α − βd)"
assert by_beta[0.02][2] < -5 < by_beta[0.2][2], "the RLHF optimum falls off the same cliff"
assert abs(by_beta[0.02][2] - gold[-1]) < 3, "towards the value predicted for the end"
print("all claims of this page hold")
