"""What an array's name says: whose it is and what it holds, in the words of many projects."""

from tinyalign.laws.binding.parameter_names import parts, weighs_kl

WORDS = {  # what a name can say -> the words that say so
    "chosen": "chosen win winner winning w yw preferred positive pos better good accepted",
    "rejected": "rejected reject lose loser losing l yl dispreferred negative neg worse bad",
    "ref": "ref reference base init initial teacher",
    "old": "old behavior behaviour behav sampling sampled rollout prev previous",
    "proximal": "proximal prox",
    "advantage": "advantage advantages adv advs",
    "reward": "reward rewards rw score scores",
    "value": "value values vpred vpreds vf",
    "returns": "returns return ret rets",
    "mask": "mask masks",
    "new": "new now cur curr current updated",
    "nll": "nll nlls",
    "desirable": "desirable label labels thumb thumbs",
    "z0": "kl z0 zref",
    "logp": "logp logps logprob logprobs lp lps logits logit",
}
SAYS = {word: role for role, words in WORDS.items() for word in words.split()}
# what says that the tokens were drawn with it, where another policy is old too
DRAWN = {
    "rollout", "vllm", "sglang", "sampler", "sampling", "sampled", "inference", "engine",
    "generator", "generation", "gen", "behavior", "behaviour", "behav", "mu",
}  # fmt: skip
# in a loss of pairs two letters are enough
SHORT = {"r": ["rejected"], "rw": ["ref", "chosen"], "rr": ["ref", "rejected"]}
SHORT["rl"] = SHORT["rr"]
# self-play: real answers against those of the last policy
SHORT |= {"real": ["chosen"], "generated": ["rejected"], "opponent": ["ref"]}
SIDES = {"chosen", "rejected"}
SCORES = ("score", "scores")  # of a model too: rewards only where nothing else is called so


def roles(name, of_pairs=False):
    """All that a name says, as a set: ref_chosen_logps says ref, chosen and logp."""
    if weighs_kl(name):  # kl_coef is the weight of a KL, and no KL
        return frozenset()
    words = [half for word in parts(name) for half in _halves(word)]
    # log_probs is one word in two parts
    said = {"logp"} if "log" in words and {"prob", "probs", "p"} & set(words) else set()
    # z0 and z_ref are one word each
    joined = name.lower().replace("_", "")
    for word in (*words, *([joined] if SAYS.get(joined) == "z0" else [])):
        said |= {SAYS[word]} if word in SAYS else set()
        # r_w is the reward of the chosen answer
        short = of_pairs and word in SHORT and not (word == "r" and SIDES & said_by(words))
        said |= set(SHORT[word]) if short else set()
    return frozenset(said - ({"reward"} if of_pairs and "rw" in words else set()))


def said_by(words):
    return {SAYS[w] for w in words if w in SAYS}


def roles_of(names, of_pairs=False):
    """{name: all that it says} for names that stand together."""
    said = {n: roles(n, of_pairs) for n in names}
    scores = [n for n in names if "reward" in said[n] and set(SCORES) & set(parts(n))]
    rewards = [n for n in names if "reward" in said_by(set(parts(n)) - set(SCORES))]
    return said | {n: said[n] - {"reward"} for n in scores if rewards and n not in rewards}


def _halves(word):
    """newlogprob is two words."""
    for first in ("new", "old", "ref"):
        rest = word.removeprefix(first)
        if rest != word and rest in SAYS:
            return [first, rest]
    return [word]


def _beside_new(arrays, theirs):
    """What the names say, where new is ours, and what stands beside a new one is the old."""
    new = {said - {"new"} for said in theirs.values() if "new" in said}
    old = {said for said in new if any(roles(a) == said | {"old"} for a in arrays)}
    return {
        n: said - {"new"} if "new" in said else said | {"old"} if said in old else said
        for n, said in theirs.items()
    }


def _tell_engines_apart(ours, theirs):
    """Of two that are old the tokens were drawn with one; what a trainer computed is the other."""
    first, last = ("old_logp", "rollout_logp")
    if last not in ours:
        first, last = ("proximal_logp", "old_logp")
    drawn = [n for n, said in theirs.items() if set(parts(n)) & DRAWN and "logp" in said]
    if not drawn or not {first, last} <= set(ours):
        return
    rest = [n for n, said in theirs.items() if "logp" in said and n not in drawn]
    old = rest if last == "rollout_logp" else [n for n in rest if {"old", "proximal"} & theirs[n]]
    ours |= {last: frozenset({"drawn"}), first: frozenset({"trainer"})}
    theirs |= dict.fromkeys(drawn, frozenset({"drawn"})) | dict.fromkeys(
        old, frozenset({"trainer"})
    )


def match_by_name(arrays, names):
    """{our array: their name} where a name says the same as ours, and no other name does."""
    of_pairs = any("rejected" in roles(a) for a in arrays)
    # p beside q says no more than first and second
    names = _without_p_and_q(names)
    ours = {a: roles(a) for a in arrays}
    theirs = _beside_new(arrays, roles_of(names, of_pairs))
    _tell_engines_apart(ours, theirs)
    found = {}
    # what it holds is mostly left out: chosen for chosen_logp; or has another word: chosen_reward
    for heard in (frozenset, _without_logp, whose):
        for array in arrays:
            if array in found:
                continue
            want = heard(ours[array])
            hears = heard if heard is whose else frozenset
            same = [n for n in names if n not in found.values() and hears(theirs[n]) == want]
            if want and len(same) == 1:
                found[array] = same[0]
    return found


def _without_logp(said):
    return said - {"logp"} if len(said) > 1 else said


def whose(said):
    """What tells the arrays of a pair apart, whatever they hold; of all others, what they hold."""
    return said - ({"logp", "reward", "value", "advantage"} if SIDES & said else {"logp"})


def _without_p_and_q(names):
    letters = [{"p", "q"} & set(parts(n)) for n in names]
    both = {"p"} in letters and {"q"} in letters
    return [n for n, said in zip(names, letters, strict=True) if not (both and said)]


def contradicts(array, name, arrays, names):
    """Whether a name, among others, says that it is another of our arrays than this one."""
    of_pairs = any("rejected" in roles(a) for a in arrays)
    said = whose(roles_of(names, of_pairs)[name])
    return any(said == whose(roles(a)) for a in arrays if a != array) and bool(said)


def policy_among(names):
    """The policy's own log-probs, or what is nearest to them."""
    return min(names, key=lambda n: (roles(n) != {"logp"}, "logp" not in roles(n)))


def says_nothing(name, arrays):
    """Whether a name tells none of our arrays from the others."""
    return not roles(name, any("rejected" in roles(a) for a in arrays)) - {"logp"}
