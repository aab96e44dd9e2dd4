"""The index of the search: the prose of every section, the terms and the symptoms."""

import json
import re

from tinyalign.errors import InputError
from tinyalign.notes.glossary import TERMS
from tinyalign.notes.pages import markup, sections
from tinyalign.notes.pages.cells import pieces, title
from tinyalign.notes.symptoms import SYMPTOMS


def index_script(paths):
    """A script that defines the list of all entries: [address, page, section, text]."""
    entries = [entry for path in paths for entry in page_entries(path)]
    entries += [["index.html#terms", "Terms", term, text] for term, (text, _) in TERMS.items()]
    entries += [
        ["index.html#symptoms", "Symptoms", symptom.says, symptom.means]
        for symptom in SYMPTOMS.values()
    ]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return f"window.searchIndex = {text};\n"


def page_entries(path):
    """The sections of a walkthrough with the anchors that its page gives them."""
    texts = [piece.text for piece in pieces(path) if piece.kind == "text"]
    body, found = sections.with_anchors("".join(map(rendered, texts)))
    opening, *parts = re.split(r"<h2 id=.*?</h2>", body, flags=re.DOTALL)
    name, page = title(path), f"{path.stem}.html"
    yield [page, name, "", plain(re.sub(r"<h1>.*?</h1>", "", opening))]
    for (anchor, heading), part in zip(found, parts, strict=True):
        yield [f"{page}#{anchor}", name, plain(heading), plain(part)]


def rendered(text):
    """A text as HTML; nothing where it has a mistake, which is named when its page is built."""
    try:
        return markup.markdown(text)
    except InputError:
        return ""


def plain(body):
    """The words of some HTML."""
    words = re.sub(r"<(math|svg)\b.*?</\1>", " ", body, flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", words)
    for mark, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        words = words.replace(mark, letter)
    return " ".join(words.split())
