"""The program of an exam's README.md that trains with TRL."""

from tinyalign.exam.methods import METHODS

PROGRAM = """{first}from datasets import load_dataset
from transformers import {kind}, AutoTokenizer
{imports}

model = {kind}.from_pretrained("model"{heads})
tokenizer = AutoTokenizer.from_pretrained("model")
data = load_dataset("json", data_files="data.jsonl", split="train")
config = {config}(
    output_dir="trained",
{settings}
    max_steps={steps}, save_steps={often}, save_only_model=True,
    per_device_train_batch_size={batch}, learning_rate={rate}, adam_beta2=0.99,
    lr_scheduler_type="linear", max_grad_norm=100.0, weight_decay=0.0,
    gradient_checkpointing=False, bf16=False, use_cpu=True, report_to=[], seed=1,
)
{trainer}(
{arguments}
    args=config, train_dataset=data, processing_class=tokenizer,
).train()
"""

# trainer: where its names come from, its settings, whether it takes the model object
TRL = {
    "sft": ("trl", "SFT", "max_length=None, completion_only_loss=True"),
    "dpo": ("trl", "DPO", "max_length=None, beta={beta}"),
    "cdpo": ("trl", "DPO", "max_length=None, beta={beta}, label_smoothing={flip}"),
    "ipo": ("trl", "DPO", 'max_length=None, beta={tau}, loss_type="ipo"'),
    "simpo": ("trl.experimental.cpo", "CPO",
        'max_length=None, beta={beta}, loss_type="simpo", simpo_gamma={gamma}, cpo_alpha=0.0'),
    "orpo": ("trl.experimental.orpo", "ORPO", "max_length=None, beta={lam}"),
    "kto": ("trl", "KTO", "max_length=None, beta={beta}"),
    "reward": ("trl", "Reward", "max_length=None"),
    "rloo": ("trl", "RLOO", "beta={beta}, num_generations={num_generations}"),
    "grpo": ("trl", "GRPO", "beta={beta}, num_generations={num_generations}, "
        'scale_rewards="none", loss_type="dr_grpo"'),
}  # fmt: skip
STEPS = {False: 160, True: 300}  # by whether the method samples
# TRL's IPO divides by the length, so that it has twice as far to go. SimPO's and ORPO's losses are
# of means, whose slopes are smaller: 160 updates end half-way between two verdicts.
LONG = {"ipo": 320, "simpo": 320, "orpo": 320}
SAMPLER = "max_completion_length={length}, temperature=1.0, top_p=1.0, top_k=0"

SCORES = """

def write_scores(folder, name):
    scorer = AutoModelForSequenceClassification.from_pretrained(folder)
    exam, scores = json.load(open("exam.json")), dict()
    for prompt in exam["prompts"]:
        texts = [prompt + answer + tokenizer.eos_token for answer in exam["answers"]]
        with torch.no_grad():
            logits = scorer(**tokenizer(texts, padding=True, return_tensors="pt")).logits[:, 0]
        scores[prompt] = dict(zip(exam["answers"], logits.tolist()))
    json.dump(scores, open(name, "w"))


write_scores("trained/checkpoint-HALF", "earlier_scores.json")
write_scores("trained/checkpoint-LAST", "scores.json")
"""


def longest(paper):
    """Tokens of the longest answer."""
    return paper.mask.shape[1]


def steps_of(paper):
    """How many updates the program makes."""
    return LONG.get(paper.method, STEPS[METHODS[paper.method].samples])


def rate_of(paper):
    """The learning rate at the start."""
    return 3e-3 if METHODS[paper.method].samples and longest(paper) == 1 else 1e-3


def lines_for_trl(paper):
    """The program to paste."""
    module, name, settings = TRL[paper.method]
    samples, last = METHODS[paper.method].samples, steps_of(paper)
    if samples:
        settings += ", " + SAMPLER
    imports = f"from {module} import {name}Config, {name}Trainer"
    program = PROGRAM.format(
        **kind_of_model(paper),
        imports=imports + ("\n\nfrom reward import reward" if samples else ""),
        config=f"{name}Config",
        trainer=f"{name}Trainer",
        settings="    " + settings.format(**paper.settings, length=longest(paper)) + ",",
        arguments="    model=model, reward_funcs=reward," if samples else "    model=model,",
        steps=last,
        often=last // 4,
        batch=batch_of(paper),
        rate=rate_of(paper),
    )
    if paper.method != "reward":
        return program
    return program + SCORES.replace("HALF", str(last // 2)).replace("LAST", str(last))


def kind_of_model(paper):
    """How the program imports and loads the model: a reward model has one output."""
    if paper.method != "reward":
        return {"first": "", "kind": "AutoModelForCausalLM", "heads": ""}
    kind, heads = "AutoModelForSequenceClassification", ", num_labels=1"
    return {"first": "import json\n\nimport torch\n", "kind": kind, "heads": heads}


def batch_of(paper):
    """Completions of an update, in whole groups, or lines."""
    if METHODS[paper.method].samples:
        group = paper.settings.get("num_generations", 1)
        return 256 // group * group
    return min(400, len(METHODS[paper.method].rows(paper)))
