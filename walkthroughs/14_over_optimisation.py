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
# ## The question
#
# A reward model was trained on human judgements, and it is right about most of them. Now a policy
# is trained to please it. The reward rises and rises. Do the answers get better and better?
#
# ## The idea
#
# A reward model is a *proxy*. It was fitted to answers of a certain kind, and there it is nearly
# right. Optimisation moves the policy away from these answers, to places where nobody gave a
# judgement. There the proxy continues its rule, and people no longer agree with it. So the proxy's
# reward rises, people's reward (*gold*) first rises and then falls, and no training curve shows it.
#
# The cause is the reward and not the optimiser: best of $n$ and reinforcement learning fall off the
# same cliff. This page has a proxy with one weight and a task whose truth is a parabola, so the
# whole story has exact numbers.
#
# ```
# reward |                      . proxy
#        |                .
#        |          .  _ _
#        |      . -        -  _
#        |   . -               -  gold
#        | .-
#        +-----------------------------> distance from the start
#          judged answers | nobody has judged these
# ```
#
# ## The formula
#
# An answer is a row of $L$ exclamation marks, with $L$ from 0 to 40. People's reward and the proxy
# are
#
# $$\mathrm{gold}(L) = 0.35\,L - 0.016\,L^2 \qquad \mathrm{proxy}(L) = w\,L$$
#
# * $w$ is fitted by the law of Bradley and Terry to judgements of ordinary answers, which are
#   mostly short.
#
# Gao, Schulman and Hilton found that gold under best of $n$ follows a simple curve:
#
# $$d\,(\alpha - \beta d) \qquad d = \sqrt{\mathrm{KL}}$$
#
# * $d$ is the distance from the start, the root of the KL in nats.
# * $\alpha$ is the first gain, and $\beta$ (not the $\beta$ of a KL penalty) is the rate at which
#   the gain is lost.
#
# {source toy_envs.hackable.gold}
# {source toy_envs.hackable.fit_proxy}
#
# ## Predict
#
# **1.** A team collects 250 times more judgements of the same ordinary answers. What happens to the
# fall of gold?
#
# * (a) it disappears
# * (b) it becomes half as deep
# * (c) it stays
#
# **2.** Another team doubles the weight of the KL penalty. What happens?
#
# * (a) the curve of gold against distance becomes higher
# * (b) the policy stops earlier on the same curve
#
# <details><summary>The answers</summary>
#
# **1.** (c). The proxy has the wrong *form*, a line in place of a parabola. More data of the same
# kind fix the fit and not the form.
#
# **2.** (b). A KL penalty chooses where on the curve you stop. It does not change the curve.
#
# </details>
#
# ## Run
#
# ### The proxy
#
# **The dial:** `JUDGEMENTS`. Try 100 000.

# %%
import numpy as np

from tinyalign.notes.lesson import check_exercise, picture, table
from tinyalign.optimum import best_of_n, expectation, kl, optimal_policy
from toy_envs import hackable

# %%
JUDGEMENTS = 400

length = np.arange(hackable.LONGEST + 1)
ref, gold = hackable.reference(), hackable.gold(length)
weight = hackable.fit_proxy(JUDGEMENTS)
more = hackable.fit_proxy(250 * JUDGEMENTS)
proxy = weight * length
peak = int(gold.argmax())
print(f"proxy: {weight:.4f} per mark, {more:.4f} with 250 times the judgements")
print(f"gold peaks at {peak} marks; ordinary answers have {ref @ length:.2f} on average")
print(f"gold at the proxy's favourite, {length[-1]} marks: {gold[-1]:.2f}")

# %% [markdown]
# ### Two ways to push
#
# Both are exact. One is best of $n$ draws by the proxy. The other is the best policy for the proxy,
# at one KL weight after another.

# %%
DRAWS = (1, 2, 4, 8, 16, 64, 256, 1024)
BETAS = (2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02)


def measure(policy):
    return (
        max(float(kl(policy, ref)), 0.0),  # rounding may leave −1e-16
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
# ### The form of the curve

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
# ### What do the answers look like?

# %%
shown = []
for beta in (2.0, 0.5, 0.1, 0.02):
    policy = optimal_policy(ref, proxy, beta=beta)
    likeliest = int(policy.argmax())
    shown.append([beta, "Good" + "!" * likeliest, policy @ proxy, policy @ gold])
table(["β", "the likeliest answer", "proxy", "gold"], shown)


# %% [markdown]
# ## What it shows
#
# **Gold rises and then falls, and the proxy only rises.** The best amount of optimisation lies in
# the interior: a few draws for best of $n$, a medium weight for the KL. The end is where the
# proxy's favourite predicts it.
#
# **The simple curve fits.** $d(\alpha - \beta d)$ explains more than 98 % of the variation here.
# The paper's other form, with a logarithm for reinforcement learning, is not tested on this page.
#
# **More judgements do not help.** With 250 times more judgements of the same kind, the weight is
# still positive, so the proxy's favourite is still the longest answer. Judgements of the answers
# that the policy writes *now* would help.
#
# ## What goes wrong in practice
#
# **“Reward went up, the output is junk.”** (huggingface/trl #204, #242; open-r1 #373; LLaMA-Factory
# #4012; ARENA PR #351, where the model ends by repeating one character.) The proxy's curve never
# falls. You need a second, independent measurement, or a person who reads samples.
#
# **“I raised β and it still happened.”** A larger $\beta$ moves you back along the curve and does
# not change it. A better proxy changes it.
#
# **“Shall I collect more comparisons?”** Of the same ordinary answers, no.
#
# ### The same line in TRL
#
# No line prevents this. `GRPOTrainer` accepts several reward functions. One of them can be there to
# be watched, with weight 0 in `GRPOConfig(reward_weights=[1.0, 0.0])`.

# %% [markdown]
# ## Turn the dial
#
# The proxy likes exclamation marks. Before you turn: at which n do people like the answers best?
# At which β? Does the proxy's curve tell you?

# %%
from tinyalign.notes.dials import dial, hump

dial(
    hump.frame,
    {"n": (1, 2, 4, 8, 16, 64, 256, 1024), "β": (2.0, 1.0, 0.5, 0.3, 0.2, 0.15, 0.1)},
    start=(4, 0.5),
    try_it=hump.TRY,
)

# %% [markdown]
# <details><summary>The answer</summary>
#
# People like n = 4 and β = 0.2 best; beyond them gold falls, and the answers are rows of
# exclamation marks. The proxy's curve only rises and tells nothing.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Write a function in the cell below, or type `tinyalign exercise 14.1`: the command writes a file
# to fill in, and says what is wrong with it.
#
# **1.** Early stopping: given gold measurements at growing KL, return the index of the best one,
# the first where several are equal. A dip is not the end, and the curve may never fall.
#
# <details><summary>Hint 1</summary>
#
# Look at all measurements, not at neighbours only.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `np.argmax` returns the first place of the largest number.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_stop(gold_seen):
#     return int(np.argmax(np.array(gold_seen)))
# ```
#
# </details>
#
# **2.** The best KL, in nats, of a fitted curve $d(\alpha - \beta d)$, where $d$ is the square
# root of the KL.
#
# <details><summary>Hint 1</summary>
#
# The curve is a parabola in $d$. Where is its top?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The top is at $d = \alpha / (2\beta)$. The question asks for the KL, and $d$ is its root.
#
# </details>
#
# <details><summary>The solution</summary>
#
# ```python
# def my_best_kl(alpha, beta):
#     return (alpha / (2 * beta)) ** 2
# ```
#
# </details>
#
# **3. On paper.** The gold reward follows $d(\alpha - \beta d)$ with $\alpha = 1$ and
# $\beta = 0.25$, and $d$ is the square root of the KL. At which KL is it best, and at which KL is
# all of the gain lost again?
#
# <details><summary>The answer</summary>
#
# Best at $d = 2$, a KL of 4 nats; the gain is 1. It is back at 0 at $d = 4$, a KL of 16 nats.
#
# </details>
#
# **4. Open ended.** You see the proxy reward and the KL and have no gold reward. Which cheap
# measurements would you add in order to stop in time?
#
# <details><summary>What to look for</summary>
#
# A few answers read by people at growing KL, a second reward model trained on other data, the
# disagreement of several, or the length and the variety of answers.
#
# </details>

# %%
from tinyalign.notes.exercises.counting import check_my_best_kl, check_my_stop


def my_stop(gold_seen):
    raise NotImplementedError  # a list of numbers -> an index


def my_best_kl(alpha, beta):
    raise NotImplementedError  # two numbers -> one number


check_exercise(check_my_stop, my_stop)
check_exercise(check_my_best_kl, my_best_kl)

# %% [markdown]
# ## What you may have read
#
# {notes 000 24-27}
# {notes 004 383-389}
# {notes 004 696-714}
# {notes 004 849-851}
#
# <details><summary>Sentences from lecture notes, the verdict, and why</summary>
#
# * “Longer = better? No!”: true, and [the same notes reward length](errata.html#row-44) in their
#   code.
# * “Scaling Laws for Reward Model Overoptimization” is ascribed to Anthropic: [the
#   authors](errata.html#row-70) are Gao, Schulman and Hilton of OpenAI.
# * Reward hacking is listed as a limit of PPO: half true. It is a limit of the *reward*, and each
#   method that optimises it meets it.
#
# </details>
#
# ## Further reading
#
# * Gao, Schulman and Hilton 2022, arXiv:2210.10760: scaling laws of over-optimisation.
# * Rafailov and others 2024, arXiv:2406.02900: the same curve for DPO and its relatives.
# * Singhal and others 2023, arXiv:2310.03716: how much of the reward is length.
#
# ### The claims of this page, tested

# %%
assert weight > 0 and more > 0 and peak < hackable.LONGEST, "the proxy's favourite is not people's"
assert np.all(np.diff([m[1] for m in by_n.values()]) > 0), "the proxy only rises"
assert 1 < best_n < 1024 and top - end > 0.5, "an interior maximum, and a fall"
assert r_squared > 0.98, "d(α − βd)"
assert by_beta[0.02][2] < -5 < by_beta[0.2][2], "the RLHF optimum falls off the same cliff"
assert abs(by_beta[0.02][2] - gold[-1]) < 3, "towards the value predicted for the end"
assert min(m[0] for m in by_n.values()) == 0, "no KL is negative"
print("all claims of this page hold")
