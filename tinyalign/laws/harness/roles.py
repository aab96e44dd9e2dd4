"""What an array's name says: whose it is and what it holds, in the words of many projects."""

from tinyalign.laws.harness.parameter_names import parts

WORDS = {  # what a name can say -> the words that say so
    "chosen": "chosen win winner w yw preferred positive pos better accepted",
    "rejected": "rejected reject lose loser l yl dispreferred negative neg worse",
    "ref": "ref reference base init initial",
    "old": "old behavior behaviour sampling sampled rollout prev previous",
    "advantage": "advantage advantages adv advs",
    "reward": "reward rewards score scores",
    "value": "value values vpred vpreds vf",
    "returns": "returns return ret rets",
    "mask": "mask masks",
    "nll": "nll nlls",
    "logp": "logp logps logprob logprobs lp lps logits logit",
}
SAYS = {word: role for role, words in WORDS.items() for word in words.split()}
# in a loss of pairs two letters are enough
SHORT = {"r": ["rejected"], "rw": ["ref", "chosen"], "rr": ["ref", "rejected"]}
SHORT["rl"] = SHORT["rr"]


def roles(name, of_pairs=False):
    """All that a name says, as a set: ref_chosen_logps says ref, chosen and logp."""
    words = parts(name)
    # log_probs is one word in two parts
    said = {"logp"} if "log" in words and {"prob", "probs", "p"} & set(words) else set()
    for word in words:
        said |= {SAYS[word]} if word in SAYS else set()
        said |= set(SHORT.get(word, ())) if of_pairs else set()
    return frozenset(said)


def match_by_name(arrays, names):
    """{our array: their name} where a name says the same as ours, and no other name does."""
    of_pairs = any("rejected" in roles(a) for a in arrays)
    ours = {a: roles(a) for a in arrays}
    theirs = {n: roles(n, of_pairs) for n in names}
    found = {}
    # what it holds is mostly left out: chosen for chosen_logp
    for short in (False, True):
        for array, said in ours.items():
            if array in found:
                continue
            want = said - {"logp"} if short and len(said) > 1 else said
            same = [n for n in names if n not in found.values() and theirs[n] == want]
            if want and len(same) == 1:
                found[array] = same[0]
    return found


def contradicts(array, name, arrays):
    """Whether a name says that it is another of our arrays than this one."""
    of_pairs = any("rejected" in roles(a) for a in arrays)
    said = roles(name, of_pairs) - {"logp"}
    return any(said == roles(a) - {"logp"} for a in arrays if a != array) and bool(said)


def says_nothing(name, arrays):
    """Whether a name tells none of our arrays from the others."""
    return not roles(name, any("rejected" in roles(a) for a in arrays)) - {"logp"}
