"""Pages: text left, code right, the same bytes every time, errors that say where."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from course import build_course, check_page, text_of

from tinyalign import cli
from tinyalign.errors import InputError
from tinyalign.notes import pages
from tinyalign.notes.pages import cells, contents, errata, front, markup, site, source

ROOT = Path(__file__).parents[2]


def test_every_page_is_well_formed_and_needs_nothing_else(course):
    out = build_course(course)
    names = {path.name for path in out.iterdir()}
    own = {
        f"{stem}.{kind}" for stem in ("00_first", "01_second") for kind in ("html", "py", "ipynb")
    }
    copied = "source_tinyalign_losses_preference.html"
    assert names - own == {site.MARKER, copied, *site.FRAME} - {"errata.html"} and own < names
    for path in out.glob("*.html"):
        text = check_page(path)
        # In no tag but links to papers and issues; the prose may name one.
        text = re.sub(r'<a href="https://(arxiv.org/abs|github.com)/[^>]*>', "<a>", text)
        assert "http" not in re.sub(r">[^<]*<", "><", text)
    assert "//" not in (out / "style.css").read_text(encoding="utf8").replace("https://", "")
    assert "url(" not in (out / "style.css").read_text(encoding="utf8")


def test_a_rebuild_has_the_same_bytes(course):
    first, again = build_course(course, "first"), build_course(course, "again")
    for path in first.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_a_rebuild_in_another_process_has_the_same_bytes(course):
    """Hash seeds and the layout of the memory leave no trace."""
    code = (
        "import sys; from tinyalign.notes.pages import build_pages as b; b(*sys.argv[1:2], ['00'], "
    )
    code += "folder=sys.argv[2])"
    outs = [course.parent / name for name in ("here", "there")]
    for out in outs:
        subprocess.run([sys.executable, "-c", code, str(out), str(course)], check=True)
    assert text_of(outs[0]) == text_of(outs[1]) == text_of(build_course(course))


def test_what_stands_where(course):
    """Prose left; source, code, output right, and the figure beside the cell that drew it."""
    text = text_of(build_course(course))
    rows = text.split('<div class="row')
    assert len(rows) == 5
    (loss,) = [row for row in rows if "The loss</h2>" in row]
    prose, shown = loss.split('<div class="evidence">')
    assert "It is short." in prose and "{source" not in text and "{figure}" not in text
    order = ["def</span>", "preference.py, line", "picture", "1 &lt; 2 &amp; 3", "<svg"]
    assert all(part in shown for part in order)
    assert shown.index("preference.py") < shown.index("1 &lt; 2") < shown.index("<svg")
    assert "After the figure." in rows[-1] and "second cell" in rows[-1]


def test_mathematics_is_mathml(course):
    text = text_of(build_course(course))
    assert text.count("<math") == 3 and 'display="block"' in text
    assert "<mfrac>" in text and "$" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    assert "xmlns" not in text


def test_text_is_escaped(course):
    text = text_of(build_course(course))
    assert "<b>" not in text and "&lt;b&gt;tag" in text
    assert "<title>00 · Less &lt; more &amp; &quot;quotes&quot;</title>" in text


def test_notes_are_places_not_quotations(course):
    text = text_of(build_course(course))
    assert "<li>note 004, lines 467–478</li><li>note 001, line 3</li>" in text


def test_a_figure_says_what_it_shows(course):
    assert 'aria-label="Plot: A fall. loss against step. a line."' in text_of(build_course(course))


def test_source_is_the_live_source():
    """The very lines of the file, docstring and all."""
    shown = re.sub(r"<[^>]+>", "", source.source_block("tinyalign.losses.log_ratio.margin"))
    file = (ROOT / "tinyalign" / "losses" / "log_ratio.py").read_text(encoding="utf8")
    for line in shown.replace("arguments, returns, source\n", "").splitlines()[1:]:
        assert line.replace("&#39;", "'").replace("&quot;", '"').replace("&gt;", ">") in file


@pytest.mark.parametrize(
    ("prose", "complaint"),
    [
        ("{picture}", "{picture} is no directive"),
        ("{source tinyalign.losses.nothing}", "there is no tinyalign.losses.nothing"),
        ("{source tinyalign.nothing.dpo}", "there is no tinyalign.nothing.dpo"),
        ("{source os.path.join}", "not a full name"),
        ("{source tinyalign.methods.METHODS}", "neither a function nor a class"),
        ("{source}", "say what to show"),
        ("{notes 004}", "want {notes FILE FIRST-LAST}"),
        ("{figure}", "no cell above leaves a Figure"),
        (r"$\nosuchcommand x$", "formula"),
        (r"$\frac$", "formula"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(course, prose, complaint):
    file = course / "00_first.py"
    file.write_text(f"# %% [markdown]\n# # 00 · Title\n#\n# {prose}\n", encoding="utf8")
    with pytest.raises(InputError, match=re.escape(complaint)) as raised:
        build_course(course)
    line = re.match(r"00_first\.py, line (\d+): ", str(raised.value))[1]
    assert line == "4" or (line == "2" and "formula" in complaint)  # a formula: where its part is


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("x = 1\n1 / 0", "line 5: ZeroDivisionError: division by zero"),
        ("import warnings\nwarnings.warn('old')", "line 5: UserWarning: old"),
        ("x = 1\nassert x == 2, 'no'", "line 5: AssertionError: no"),
        ("x = 1\nx =", "line 5: SyntaxError"),
    ],
)
def test_a_cell_that_fails_is_named_with_its_line(course, code, complaint):
    file = course / "01_second.py"
    file.write_text(f"# %% [markdown]\n# # 01 · Title\n# %%\n{code}\n", encoding="utf8")
    with pytest.raises(InputError, match=re.escape(f"01_second.py, {complaint}")):
        build_course(course)


def test_a_file_without_a_cell_is_refused_by_name(tmp_path):
    (tmp_path / "00_empty.py").write_text("print(1)\n")
    with pytest.raises(InputError, match=r"00_empty\.py has no cells: a cell starts with"):
        cells.cells(tmp_path / "00_empty.py")


def test_a_part_of_the_pages_has_no_dead_links(course):
    """The others say how they are built; a page that is there already stays."""
    out = build_course(course, only=["01"])
    assert site.UNBUILT in text_of(out) and "tinyalign read 00" in text_of(out)
    for path in out.glob("*.html"):
        check_page(path)
    build_course(course, only=["first"])
    assert site.UNBUILT not in text_of(out) + text_of(out, "01_second")


def test_names_of_walkthroughs(course):
    paths = site.walkthroughs(course)
    assert (
        site.find_walkthrough("00", paths).stem
        == site.find_walkthrough("first", paths).stem
        == "00_first"
    )
    for name, count in (("nothing", "none"), ("s", "2")):
        with pytest.raises(InputError, match=f"names {count} of the walkthroughs"):
            site.find_walkthrough(name, paths)


def test_without_walkthroughs_it_says_where_they_are(tmp_path):
    with pytest.raises(InputError, match="install the package again"):
        pages.build_pages(tmp_path / "out", folder=tmp_path)


def test_without_the_libraries_it_says_how_to_get_them(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "latex2mathml", None)
    with pytest.raises(InputError, match=r"pip install -e '.\[pages\]'"):
        build_course(course)
    assert not (course.parent / "pages").exists()


def test_the_command_opens_a_page(course, monkeypatch, tmp_path, capsys):
    opened = []
    monkeypatch.setattr(site, "WALKTHROUGHS", course)
    monkeypatch.setattr(site.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(site.webbrowser, "open", opened.append)
    for said in ("running 00_first.py\n", ""):  # the second time it is there
        assert cli.main(["read", "first"]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(said) and printed.count("\n") == 1 + bool(said)
        page = Path(printed.splitlines()[-1])
        assert opened.pop() == page.as_uri() and page.name == "00_first.html"
    assert cli.main(["read"]) == 0
    printed = capsys.readouterr().out  # the index is there at once: it builds no page
    assert "running" not in printed and opened[0].endswith("index.html")
    assert cli.main(["read", "nothing"]) == 2
    assert cli.main(["build-pages", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "01_second.html").is_file()


def test_the_index_has_all_there_is(tmp_path):
    """Pages, paths, symptoms, terms, methods, errata where there are some, the kill matrix."""
    paths = site.walkthroughs()
    body, _ = contents.index(paths)
    for path in paths:
        assert f'href="{path.stem}.html"' in body
    numbers = {path.stem[:2] for path in paths}
    assert all(number in numbers for _, _, path in contents.PATHS for number in path)
    assert set(front.PAGES) == numbers and len(contents.TERMS) >= 40
    pointed = [page for _, page in contents.TERMS.values()]
    pointed += [symptom.page for symptom in contents.SYMPTOMS.values()]
    pointed += [number for page in front.PAGES.values() for number in page.needs]
    assert set(pointed) <= numbers and body.count("After this page you can") == len(paths)
    assert "Direct Preference Optimization" in body and "dpo_without_reference" in body
    assert "looks for those that a log can show" in body
    assert 'id="errata"' in body and "evidence" in errata.page(paths)


@pytest.mark.slow
def test_a_real_walkthrough_becomes_a_page(tmp_path):
    first, again = (pages.build_pages(tmp_path / name, ["08"]) for name in ("first", "again"))
    for path in first.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
        if path.suffix == ".html":
            check_page(path)
    text = text_of(first, "08_dpo_is_the_same_optimum")
    assert "all claims of this page hold" in text and "<svg" in text and "<math" in text


def test_a_fold_hides_its_text_until_it_is_opened():
    text = (
        "Which?\n\n<details><summary>The *answer*</summary>\n\nb, since\n\n* z\n\n</details>\n\n<b>"
    )
    shown = markup.markdown(text)
    assert "<details>\n<summary>The <em>answer</em></summary>\n<p>b, since</p>" in shown
    assert shown.index("<li>z</li>") < shown.index("</details>") < shown.index("&lt;b&gt;")
    with pytest.raises(InputError, match="a fold wants the lines"):
        markup.markdown("<details><summary>X</summary>\n\nno end")


def test_a_drawing_between_fences_is_no_code():
    """Words of Python in it have no colours; after ```python they have."""
    drawing = markup.markdown("```\nfrom a  is <- b\n```")
    assert "from a  is &lt;- b</code></pre>" in drawing and "<span" not in drawing
    assert "<span" in markup.markdown("```python\nfrom a import b\n```")
