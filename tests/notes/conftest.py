"""What the browser tests of pages and of dials share."""

import chromium
import pytest


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all pages of a file of tests, with a new and empty profile."""
    if not chromium.program():
        pytest.fail("these tests need the program chromium")
    chrome = chromium.Browser(tmp_path_factory.mktemp("profile"))
    yield chrome
    chrome.close()
