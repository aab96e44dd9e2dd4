"""Methods are tested with the recipes of their families, whatever a search has chosen since."""

import pytest

from tinyalign.runs import recipes


class NothingSearched:
    """Stands in for runs.tuned."""

    @staticmethod
    def entry_for(row, config, model_name):
        return None


@pytest.fixture(scope="module", autouse=True)
def family_recipes():
    """No searched settings: they have tests of their own, and change with every search.

    Of one module, so that the patch ends with the folder: without __init__.py a fixture of a
    package lasts for the session, and its patch would meet other folders' tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "tuned", NothingSearched)
        yield
