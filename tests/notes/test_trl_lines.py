"""Opt-in (`-m peers`): each line of TRL that a page quotes can be constructed, word for word.

A configuration with a keyword that TRL has dropped, or from a module that is gone, fails here.
"""

import importlib
import re

import pytest

from tinyalign.notes.pages import site

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

EXPERIMENTAL = ("cpo", "gkd", "orpo", "tpo")
QUOTED = re.compile(r"`(\w+Config)\(([^`]*)\)`")


def quoted_lines(path):
    """(class, keywords) of every configuration that the prose of a walkthrough quotes."""
    lines = path.read_text(encoding="utf8").splitlines()
    prose = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    return QUOTED.findall(prose)


def config_class(name):
    """The class of this name, in TRL itself or in one of its experimental modules."""
    modules = ["trl", *(f"trl.experimental.{module}" for module in EXPERIMENTAL)]
    for module in map(importlib.import_module, modules):
        if hasattr(module, name):
            return getattr(module, name)
    raise AssertionError(f"TRL has no {name}")


@pytest.mark.parametrize("page", site.walkthroughs(), ids=lambda page: page.stem)
def test_a_quoted_line_of_trl_can_be_constructed(page, tmp_path):
    pytest.importorskip("trl")
    for name, keywords in quoted_lines(page):
        wanted = eval(f"dict({keywords})", {})
        config = config_class(name)(
            output_dir=str(tmp_path), bf16=False, report_to=[], use_cpu=True, **wanted
        )
        for keyword, value in wanted.items():
            # TRL makes a list of a single loss type.
            assert getattr(config, keyword) in (value, [value]), (name, keyword)


def test_simpo_with_the_default_weight_would_be_another_loss(tmp_path):
    """TRL adds an SFT term to SimPO unless `cpo_alpha` is 0, as page 11 says."""
    pytest.importorskip("trl")
    default = config_class("CPOConfig")(output_dir=str(tmp_path), bf16=False, use_cpu=True)
    assert default.cpo_alpha == 1.0


def test_the_lines_are_found():
    """Most pages quote one; otherwise the pattern above would test nothing."""
    assert sum(bool(quoted_lines(page)) for page in site.walkthroughs()) >= 10
