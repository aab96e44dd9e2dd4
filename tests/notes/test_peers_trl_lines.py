"""Every line of TRL that a page quotes is constructed, in the version of TRL that is installed."""

import ast
import importlib
import pkgutil
import re

import pytest

from tinyalign.notes.pages import site

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
trl = pytest.importorskip("trl")


def quoted_lines():
    """(page, class, keywords) for each `SomeConfig(…)` in the prose; … stands for any value."""
    for page in site.walkthroughs():
        text = re.sub(r"\n# ?", " ", page.read_text(encoding="utf8"))
        for line in re.findall(r"`(\w+Config\([^`]*\))`", text):
            call = ast.parse(line.replace("…", "..."), mode="eval").body
            yield page.stem, call.func.id, {k.arg: ast.literal_eval(k.value) for k in call.keywords}


def config_class(name):
    """The class of this name, in trl itself or in one of its experimental parts."""
    if hasattr(trl, name):
        return getattr(trl, name)
    folder = importlib.import_module("trl.experimental").__path__
    for part in pkgutil.iter_modules(folder):
        module = importlib.import_module(f"trl.experimental.{part.name}")
        if hasattr(module, name):
            return getattr(module, name)
    raise AssertionError(f"TRL {trl.__version__} has no {name}")


@pytest.mark.parametrize(("page", "name", "keywords"), list(quoted_lines()))
def test_trl_accepts_a_line_that_a_page_quotes(page, name, keywords, tmp_path):
    """Its class and keywords exist and its values are accepted; SimPO comes without CPO's loss."""
    known = {key: value for key, value in keywords.items() if value is not ...}
    config = config_class(name)(output_dir=str(tmp_path), use_cpu=True, bf16=False, **known)
    assert all(hasattr(config, key) for key in keywords)
    # DPOConfig makes a list of one loss.
    assert all(getattr(config, key) in (value, [value]) for key, value in known.items())
    if keywords.get("loss_type") == "simpo":
        assert config.cpo_alpha == 0, "this line trains CPO's likelihood term too"
