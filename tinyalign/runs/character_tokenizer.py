"""A vocabulary of characters as tokenizer files of the transformers library, and back.

A text comes out as the ids that `models.tokenizer.encode` gives it. Where the policy has read START
in front of every prompt (`runs.dataset`), the tokenizer puts START in front of every text.
"""

from tinyalign.errors import InputError
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs.dataset import START

EOS = "<eos>"
EVERY_CHARACTER = r"[\s\S]"  # "." would skip the newline
ONE_BY_ONE = ({"Regex": EVERY_CHARACTER}, {"Regex": "(?s)."}, {"String": ""})
FOREIGN = 0xE000  # where Unicode has characters for private use


def start_id(vocabulary):
    """Token id of START, which only the vocabulary of a file holds; None for a task's."""
    place = vocabulary.alphabet.find(START)
    return None if place < 0 else place


def tokenizer_json(vocabulary):
    """The content of tokenizer.json, a dict."""
    ids = {character: i for i, character in enumerate(vocabulary.alphabet)}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [{"id": vocabulary.eos, "content": EOS, **flags, "special": True}]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added if vocabulary.ends else [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": EVERY_CHARACTER},
            "behavior": "Isolated",
            "invert": False,
        },
        "post_processor": start_in_front(start_id(vocabulary)),
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "WordLevel",
            "vocab": ids | ({EOS: vocabulary.eos} if vocabulary.ends else {}),
            "unk_token": "<unk>",  # which is no token: an unknown character is an error
        },
    }


def start_in_front(start):
    """The post-processor that puts the token START in front of a text; None without one."""
    if start is None:
        return None
    special = {"SpecialToken": {"id": START, "type_id": 0}}
    first, second = ({"Sequence": {"id": text, "type_id": 0}} for text in "AB")
    return {
        "type": "TemplateProcessing",
        "single": [special, first],
        "pair": [special, first, second],
        "special_tokens": {START: {"id": START, "ids": [start], "tokens": [START]}},
    }


def tokenizer_config(vocabulary, context):
    """The content of tokenizer_config.json, a dict.

    START is named as bos_token, since some trainers leave out what a tokenizer puts in front and
    put that there. Special tokens are left out when a completion is decoded, so a newline within
    one is lost then.
    """
    ends = {"eos_token": EOS, "pad_token": EOS} if vocabulary.ends else {}
    starts = {} if start_id(vocabulary) is None else {"bos_token": START}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        **starts,
        **ends,
    }


def read_vocabulary(tokenizer, config):
    """The Vocabulary of a tokenizer of characters, and its ids in the order of that vocabulary.

    Other special tokens than the end have no letters of their own: the token in front of every text
    becomes START, the others become characters for private use, U+E000 and after.

    tokenizer  content of tokenizer.json
    config     content of tokenizer_config.json
    returns    Vocabulary; list of V ids, id i of ours being the tokenizer's ids[i]
    raises     InputError for another tokenizer, without the folder's name
    """
    require_characters(tokenizer)
    id_of = {**tokenizer["model"]["vocab"]}
    special = {token["content"] for token in tokenizer["added_tokens"] if token.get("special")}
    id_of |= {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    if sorted(id_of.values()) != list(range(len(id_of))):
        raise InputError("its tokenizer leaves out token ids, or gives one twice")
    eos = named_token(config.get("eos_token"))
    if eos is not None and eos not in id_of:
        raise InputError(f"its end-of-sequence {eos!r} is not among its tokens")
    in_front = token_in_front(tokenizer.get("post_processor"))
    alphabet, ids = "", []
    for token, i in sorted(id_of.items(), key=lambda item: item[1]):
        if token != eos:
            alphabet += character(token, i, special, in_front)
            ids.append(i)
    if len(set(alphabet)) < len(alphabet):
        raise InputError(f"its token in front, {in_front!r}, is not the newline that it also has")
    return Vocabulary(alphabet, eos is not None), ids + ([] if eos is None else [id_of[eos]])


def character(token, i, special, in_front):
    """The character that stands for a token of the tokenizer; InputError where none can."""
    if len(token) == 1:
        return token
    if token not in special:
        raise InputError(f"its token {token!r} has several characters, want one in each")
    return START if token == in_front else chr(FOREIGN + i)


def require_characters(tokenizer):
    """InputError unless every token of a text is one of its characters, as they stand there."""
    model, split = tokenizer["model"], tokenizer.get("pre_tokenizer")
    known = model["type"] == "WordLevel" or (model["type"] == "BPE" and not model.get("merges"))
    alone = model["type"] == "BPE" if split is None else is_one_by_one(split)
    if not known or not alone or tokenizer.get("normalizer"):
        raise InputError(
            f"its tokenizer ({model['type']}) does not read a text character by character"
        )


def is_one_by_one(split):
    """Whether a pre-tokenizer cuts a text into its characters."""
    isolated = split.get("behavior") == "Isolated" and not split.get("invert")
    return split["type"] == "Split" and isolated and split.get("pattern") in ONE_BY_ONE


def named_token(token):
    """The text of a token in tokenizer_config.json, where it is a string or a dict; or None."""
    return token["content"] if isinstance(token, dict) else token


def token_in_front(processor):
    """The token that a post-processor puts in front of every text, or None.

    raises  InputError where it does anything else
    """
    if processor is None:
        return None
    parts = [next(iter(part.items())) for part in processor.get("single", [])]
    kinds = [kind for kind, _ in parts]
    if processor["type"] == "TemplateProcessing" and kinds == ["SpecialToken", "Sequence"]:
        return parts[0][1]["id"]
    if processor["type"] == "TemplateProcessing" and kinds == ["Sequence"]:
        return None
    raise InputError("its tokenizer adds more to a text than a token in front")
