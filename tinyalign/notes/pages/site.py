"""Files in a folder: all pages or some, and a browser that opens them."""

import getpass
import hashlib
import os
import tempfile
import webbrowser
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.notes.pages import contents, errata, layout
from tinyalign.notes.pages.cells import title
from tinyalign.notes.pages.markup import ROOT, escape, need

WALKTHROUGHS = ROOT / "walkthroughs"
LIBRARIES = ("pygments", "markdown_it", "mdit_py_plugins", "latex2mathml")
HOME = ("index.html", "All pages")
UNBUILT = "This page has not been built yet."


def walkthroughs(folder=None):
    """The files of the walkthroughs, in order."""
    folder = folder or WALKTHROUGHS
    found = sorted(Path(folder).glob("*.py"))
    if not found:
        raise InputError(
            f"no walkthroughs in {folder}: they are in the repository, not in the installed "
            "package; clone it and install it with pip install -e '.[pages]'"
        )
    return found


def choose(name, paths):
    """The one walkthrough that a number or a part of a name means."""
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [path for path in paths if fits(path.stem, name)]
        if len(found) == 1:
            return found[0]
        if found:
            break
    known = ", ".join(path.stem for path in found or paths)
    raise InputError(f"{name!r} names {len(found) or 'none'} of the walkthroughs {known}")


def build_pages(out, only=None, *, folder=None, on_page=None):
    """Write the pages of all walkthroughs, or of those named in `only`, and the index.

    out      folder, made if missing
    only     names or numbers of walkthroughs; the others get a page that says how to build them,
             unless `out` has one already
    on_page  called with the path of each walkthrough before it runs
    """
    paths, out = walkthroughs(folder), Path(out)
    chosen = paths if only is None else [choose(name, paths) for name in only]
    for library in LIBRARIES:
        need(library)  # now, and not after the first walkthrough has run
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, want a folder")
    out.mkdir(parents=True, exist_ok=True)
    write_frame(out, paths)
    for path in paths:
        page = out / f"{path.stem}.html"
        if path in chosen:
            if on_page:
                on_page(path)
            build_page(path, out)
        elif not page.exists():
            put(page, layout.frame(title(path), unbuilt(path), neighbours(path, paths)))
    return out


def write_frame(out, paths):
    """What needs no walkthrough to run: the style, the index, the errata."""
    put(out / "style.css", Path(__file__).with_name("style.css").read_text(encoding="utf8"))
    put(out / "index.html", layout.frame("tinyalign", *contents.index(paths)))
    if body := errata.page(paths):
        put(out / "errata.html", layout.frame("Errata of the notes", body, [HOME]))


def build_page(path, out, names=None):
    """Run a walkthrough and write its page; `names`, if given, receives all that it defines."""
    body = layout.body(path, {} if names is None else names)
    links = neighbours(path, walkthroughs(path.parent))
    put(out / f"{path.stem}.html", layout.frame(title(path), body, links))


def neighbours(path, paths):
    """Links to the index, the page before and the page after."""
    at = paths.index(path)
    links = [HOME]
    if at > 0:
        links.append((f"{paths[at - 1].stem}.html", f"← {title(paths[at - 1])}"))
    if at + 1 < len(paths):
        links.append((f"{paths[at + 1].stem}.html", f"{title(paths[at + 1])} →"))
    return links


def unbuilt(path):
    """The body of a page whose walkthrough has not run."""
    command = f"<code>tinyalign read {path.stem[:2]}</code>"
    heading = f"<h1>{escape(title(path))}</h1>"
    return f"{heading}\n<p>{UNBUILT} {command} builds it.</p>\n"


def put(path, text):
    """A file with the same bytes on every system, there as a whole or not at all."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(text, encoding="utf8", newline="\n")
    half.replace(path)


def write(out):
    """`tinyalign build-pages`: all pages into a folder."""
    build_pages(out, on_page=announce)
    print(Path(out) / "index.html")
    return 0


def announce(path):
    """A walkthrough may run for a minute: say which."""
    print(f"running {path.name}", flush=True)


def read(name=None):
    """`tinyalign read`: open a page, or the index and all pages; builds what is missing."""
    paths = walkthroughs()
    wanted = [choose(name, paths)] if name else paths
    out = cache()
    missing = [path.stem for path in wanted if not built(out / f"{path.stem}.html")]
    if missing or not (out / "index.html").exists():
        build_pages(out, missing, on_page=announce)
    page = out / (f"{wanted[0].stem}.html" if name else "index.html")
    print(page)
    webbrowser.open(page.as_uri())
    return 0


def built(page):
    """Whether there is a page, and one whose walkthrough has run."""
    return page.exists() and UNBUILT not in page.read_text(encoding="utf8")


def cache():
    """A folder of this user for the pages of this very source."""
    digest = hashlib.sha256()
    folders = ("tinyalign", "toy_envs", "walkthroughs", "docs")
    for path in sorted(path for name in folders for path in (ROOT / name).rglob("*")):
        if path.suffix in (".py", ".css", ".md", ".json"):
            digest.update(path.read_bytes())
    if errata.TESTS.is_file():
        digest.update(errata.TESTS.read_bytes())
    user = Path(tempfile.gettempdir()) / f"tinyalign-pages-{getpass.getuser()}"
    user.mkdir(mode=0o700, exist_ok=True)
    out = user / digest.hexdigest()[:16]
    out.mkdir(exist_ok=True)
    return out
