"""torchtune's DPO, RSO and PPO pieces, judged as in_trl.py judges TRL's.

The package itself refuses to load without torchao, so the three files that hold the formulas are
loaded by themselves; they import nothing of the package but each other. Its `estimate_advantages`
gives whitened advantages beside its returns, so GAE is judged by what its `whiten` is given.

    PYTHONPATH=. python tests/independent/in_torchtune.py    prints the last part of docs/peers.md
"""

import sys
from importlib import metadata, util
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import torch

from tests.independent import in_trl
from tests.independent.in_trl import MEAN, Defect, Peer, because, row, verdicts, why


def load(path):
    """One file of torchtune as a module; `from torchtune import rlhf` gives the file of masks."""
    root = Path(util.find_spec("torchtune").submodule_search_locations[0])
    spec = util.spec_from_file_location(path.replace("/", "_"), root / f"{path}.py")
    module = util.module_from_spec(spec)
    with patch.dict(sys.modules, {"torchtune": SimpleNamespace(rlhf=globals().get("rewards"))}):
        spec.loader.exec_module(module)
    return module


rewards = load("rlhf/rewards")
dpo_file, ppo_file = load("rlhf/loss/dpo"), load("rlhf/loss/ppo")


def dpo(w, r, rw, rr, *, beta):
    return dpo_file.DPOLoss(beta=beta)(w, r, rw, rr)[0]


def cdpo(w, r, rw, rr, *, beta, label_smoothing):
    return dpo_file.DPOLoss(beta=beta, label_smoothing=label_smoothing)(w, r, rw, rr)[0]


def rso(w, r, rw, rr, *, beta):
    return dpo_file.RSOLoss(gamma=beta)(w, r, rw, rr)[0]


def ppo(logp, old, advantage, *, epsilon):
    """The loss with the value's part at 0: PPO's other outputs are detached."""
    still = torch.zeros_like(logp).detach()
    return ppo_file.PPOLoss(epsilon=epsilon)(old, logp, advantage, still, still, still)[0]


def value_loss(value, old, returns, *, clip):
    still = torch.zeros_like(value).detach()
    whole = ppo_file.PPOLoss(value_clip_range=clip, value_coeff=1.0)
    return whole(still, still, still, old, value, returns)[0]


def gae(reward, value, mask, *, gamma, lam):
    """Padding is zeroed by the caller, as in torchtune's recipe."""
    with patch.object(rewards, "whiten", lambda x, mask: x):
        found = rewards.estimate_advantages(value * mask, reward * mask, gamma, lam)
    return torch.stack(found)


def shaped(score, logp, ref, mask, *, beta):
    last = (mask * torch.arange(1, mask.shape[1] + 1)).argmax(dim=1)
    return rewards.get_rewards_ppo(score, logp * mask, ref * mask, beta, last)[0]


def masked_mean(x, mask):
    return rewards.masked_mean(x, mask)


def whiten(x, mask, *, shift_mean):
    return rewards.whiten(x, mask, shift_mean=shift_mean) * mask


def whiten_the_other_way(x, mask, *, shift_mean):
    return rewards.whiten(x, mask, shift_mean=not shift_mean) * mask


TINY = "rounding: masked_mean adds 1e-8 to the count"
TURNED = "defect: shift_mean is turned round, see below; with `not shift_mean` these laws hold"
PEERS = [
    Peer("DPOLoss", "dpo", dpo),
    Peer("DPOLoss, label_smoothing", "cdpo", cdpo),
    Peer("RSOLoss", "hinge", rso),
    Peer("PPOLoss, policy", "clipped_surrogate", ppo, MEAN),
    Peer("PPOLoss, value", "value_loss", value_loss, MEAN),
    Peer("estimate_advantages, before whitening", "gae", gae),
    Peer("get_rewards_ppo", "kl_shaped_reward", shaped),
    Peer("masked_mean", "token_mean", masked_mean, {},
         because(TINY, "constant_comes_out repeated_batch_changes_nothing "
                       "micro_batches_combine_by_tokens token_weights")),
    Peer("whiten", "whiten", whiten, {},
         because(TURNED, "mean_is_zero shift_and_scale_cancel shift_mean_off_adds_the_mean_back "
                         "whiten_formula")),
    Peer("whiten, `not shift_mean`", "whiten", whiten_the_other_way, {},
         because(TINY, "mean_is_zero")),
]  # fmt: skip
DEFECTS = [
    Defect(
        "torchtune: whitened advantages keep their mean",
        "`whiten` adds the mean back `if shift_mean`, where the code that it names as its source, "
        "TRL's `masked_whiten`, says `if not shift_mean`. The default is True in both, so "
        "torchtune's `estimate_advantages` hands PPO advantages of unit variance about their old "
        "mean: below 0.5 and 2, where 0 is due. The law mean_is_zero says so.",
        """import torch
from tests.independent.in_torchtune import rewards  # torchtune/rlhf/rewards.py

mask = torch.ones(1, 4, dtype=torch.bool)
for level in (0.0, 1.5):
    advantage = torch.tensor([[0.0, 1.0, 0.0, 1.0]]) + level
    whitened = rewards.whiten(advantage, mask)
    print(f"mean before {advantage.mean().item():.2f}, after {whitened.mean().item():.2f}")

reward = torch.tensor([[1.5, 2.5, 1.5, 2.5]])  # gamma 0 and no values: these are the advantages
advantages, returns = rewards.estimate_advantages(0 * reward, reward, gamma=0.0, lmbda=0.0)
print(f"estimate_advantages: mean {advantages.mean().item():.2f}")
""",
        "mean before 0.50, after 0.50\nmean before 2.00, after 2.00\n"
        "estimate_advantages: mean 2.00\n",
    )
]
PAGE = """
## torchtune {version}

Made by `python tests/independent/in_torchtune.py`, the same way. One `epsilon` clips both sides
there, so clip_high_touches_good_tokens_only, which moves
one side, does not apply.

| torchtune | judged as | declared | hold | do not apply | broken |
|---|---|---|---|---|---|
{table}

{reasons}

{cases}"""


def page():
    """torchtune's part of docs/peers.md."""
    found = [(peer, verdicts(peer, shrink=True)) for peer in PEERS]
    return PAGE.format(
        version=metadata.version("torchtune"),
        table="\n".join(row(*one) for one in found),
        reasons="\n".join(line for one in found for line in why(*one)),
        cases="\n".join(in_trl.case(d) for d in DEFECTS),
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(page().rstrip())
