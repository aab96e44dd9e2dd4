"""Model folders of the transformers library, written and read without it: GPT-2 of characters.

config.json, model.safetensors, tokenizer.json and tokenizer_config.json, as
AutoModelForCausalLM and AutoTokenizer load them. `models.gpt2` says which array is which.
"""

import json
from pathlib import Path

import numpy as np

from tinyalign.engine.backend import FLOAT
from tinyalign.engine.ops.layers import EPS
from tinyalign.errors import InputError
from tinyalign.models import gpt2
from tinyalign.runs.character_tokenizer import (
    read_vocabulary,
    start_id,
    tokenizer_config,
    tokenizer_json,
)
from tinyalign.runs.storage import write_atomically

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
WRITER = {"written_by": "tinyalign export"}  # in config.json
# What changes the function that a GPT-2 computes: what ours computes, the default first.
FUNCTION = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),  # one formula, two names
    "layer_norm_epsilon": (EPS,),
    "tie_word_embeddings": (True,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}
SIZES = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head")
MASKS = (".attn.bias", ".attn.masked_bias")  # that old versions saved; they are no weights


def write_model_folder(folder, params, vocabulary):
    """Write a transformer and its tokenizer as a folder that transformers loads.

    folder      Path; made where it is missing
    params      of models.transformer; values and number type are kept, bit for bit
    vocabulary  tokenizer.Vocabulary of its tokens
    raises      InputError if the folder holds anything but what this function wrote
    """
    from safetensors.numpy import save

    folder = Path(folder)
    require_own(folder)
    arrays = {name: np.ascontiguousarray(a) for name, a in gpt2.to_gpt2(params).items()}
    contents = {
        "config.json": model_config(params, vocabulary),
        "tokenizer.json": tokenizer_json(vocabulary),
        "tokenizer_config.json": tokenizer_config(vocabulary, params["pos"].shape[0]),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            text = json.dumps(content, indent=1, ensure_ascii=False)
            write_atomically(folder / name, text.encode())
        write_atomically(folder / "model.safetensors", save(arrays, {"format": "pt"}))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None


def require_own(folder):
    """InputError unless a folder is missing, empty, or what `write_model_folder` wrote."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    config = folder / "config.json"
    own = config.is_file() and {path.name for path in folder.iterdir()} <= set(FILES)
    content = read_json(config) if own else {}
    # Where a trainer has saved into the folder, transformers has added its version.
    if not WRITER.items() <= content.items() or "transformers_version" in content:
        raise InputError(
            f"{folder} is there and holds something else than an exported model: name a new folder"
        )


def model_config(params, vocabulary):
    """The content of config.json, a dict."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **gpt2.sizes(params),
        **{name: values[0] for name, values in FUNCTION.items()},
        # The library's default is 0.1: a trainer would train another function than ours.
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "bos_token_id": start_id(vocabulary),
        "eos_token_id": vocabulary.eos,
        "pad_token_id": vocabulary.eos,  # so the table needs no row that ours has not
        "dtype": str(params["tok"].dtype),
        **WRITER,
    }


def is_model_folder(folder):
    """Whether a folder's config.json is that of a model, and not of a run."""
    path = Path(folder) / "config.json"
    return path.is_file() and "model_type" in read_json(path)


def read_model_folder(folder):
    """A GPT-2-shaped model with a tokenizer of characters: (params, Vocabulary).

    params   of models.transformer, on the device, float32
    raises   InputError, one sentence, for any other model or tokenizer, and for a folder that is
             incomplete or damaged
    """
    folder = Path(folder)
    config = read_json(folder / "config.json")
    files = [read_json(folder / name) for name in ("tokenizer.json", "tokenizer_config.json")]
    try:
        sizes = read_sizes(config)
        vocabulary, ids = read_vocabulary(*files)
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise InputError(f"{folder} has a damaged config or tokenizer file ({error!r})") from None
    except InputError as error:
        raise InputError(f"{folder} cannot be imported: {error}") from None
    arrays = read_weights(folder / "model.safetensors", sizes)
    if len(ids) != sizes["vocab_size"]:
        raise InputError(
            f"{folder} has {len(ids)} tokens in its tokenizer, but its model has "
            f"{sizes['vocab_size']}: want one folder saved with both"
        )
    table = "transformer.wte.weight"
    arrays[table] = arrays[table][ids]  # our end-of-sequence is the last token
    return gpt2.from_gpt2(arrays, sizes["n_head"]), vocabulary


def read_json(path):
    """The object in a JSON file; InputError where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: want a JSON object")
    return content


def read_sizes(config):
    """The sizes in a config.json, `n_inner` among them; InputError unless it computes as ours."""
    if config.get("model_type") != "gpt2":
        raise InputError(f"it is a {config.get('model_type')!r}, want the shape of GPT-2")
    for name, values in FUNCTION.items():
        if config.get(name, values[0]) not in values:
            raise InputError(f"its {name} is {config[name]!r}, want {values[0]!r}")
    sizes = {name: config[name] for name in SIZES}
    sizes["n_inner"] = config.get("n_inner") or 4 * config["n_embd"]
    if not all(type(size) is int and size > 0 for size in sizes.values()):
        raise InputError(f"its sizes are {sizes}, want whole numbers above 0")
    if sizes["n_embd"] % sizes["n_head"]:
        raise InputError("its n_head does not divide its n_embd")
    return sizes


def read_weights(path, sizes):
    """{GPT-2's name: float32 array} of a safetensors file; InputError unless all are as they must.

    sizes  as `read_sizes` gives them
    """
    from safetensors import SafetensorError, deserialize

    try:
        entries = deserialize(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}; want all weights in that one file"
        ) from None
    except SafetensorError as error:
        raise InputError(f"{path} is damaged or was cut short ({error})") from None
    arrays = {full_name(name): to_float(entry) for name, entry in entries}
    arrays = {name: array for name, array in arrays.items() if not name.endswith(MASKS)}
    head = arrays.pop("lm_head.weight", None)
    want = gpt2.shapes(sizes)
    for name in sorted(want.keys() ^ arrays.keys()):
        raise InputError(f"{path} {'has no' if name in want else 'has a strange'} weight {name}")
    for name, array in arrays.items():
        if array.shape != want[name]:
            raise InputError(f"{path}: {name} has shape {array.shape}, want {want[name]}")
        if not np.isfinite(array).all():
            raise InputError(f"{path}: {name} holds NaN or infinity")
    if head is not None and not np.array_equal(head, arrays["transformer.wte.weight"]):
        raise InputError(f"{path}: its output head is not its embedding table, ours is")
    return arrays


def full_name(name):
    """The name that a weight has in a whole language model: of a trunk the prefix is left out."""
    return name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}"


def to_float(entry):
    """An entry of a safetensors file as a float32 array."""
    kind, data = entry["dtype"], entry["data"]
    if kind == "BF16":  # the upper half of a float32
        bits = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return bits.view(FLOAT).reshape(entry["shape"])
    types = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}
    array = np.frombuffer(data, types.get(kind, "u1"))
    if kind not in types:  # a mask of truth values, which `read_weights` drops, or a strange weight
        return array
    return array.astype(FLOAT).reshape(entry["shape"])
