"""Build all pages or some into a folder, and open them in the browser."""

import getpass
import hashlib
import os
import stat
import tempfile
import webbrowser
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.notes.pages import contents, documents, downloads, errata, layout, search, source
from tinyalign.notes.pages.cells import question, title
from tinyalign.notes.pages.markup import ROOT, escape, need
from tinyalign.runs.storage import write_atomically

# In a wheel they lie in the package, in a checkout beside it.
INSTALLED = ROOT / "tinyalign" / "walkthroughs"
WALKTHROUGHS = INSTALLED if INSTALLED.is_dir() else ROOT / "walkthroughs"
LIBRARIES = ("pygments", "markdown_it", "mdit_py_plugins", "latex2mathml")
HOME = ("index.html", "All pages")
# Files besides a page for each walkthrough.
SHARED = ("style.css", "dials.js", "search.js")
FRAME = ("index.html", "search-index.js", "errata.html", *SHARED)
MARKER = ".tinyalign-pages"  # a file that only a folder of our pages holds
# Also how a page is recognised whose walkthrough has not run.
UNBUILT = "This page has not been built yet."


def walkthroughs(folder=None):
    """The files of the walkthroughs, in order."""
    folder = folder or WALKTHROUGHS
    paths = sorted(Path(folder).glob("*.py"))
    if not paths:
        raise InputError(
            f"no walkthroughs in {folder}: install the package again, from a wheel or a checkout"
        )
    return paths


def find_walkthrough(name, paths):
    """The one walkthrough that a number or a part of a name stands for."""
    # An exact name wins over a beginning, and a beginning over a part.
    for fits in (str.__eq__, str.startswith, str.__contains__):
        matches = [path for path in paths if fits(path.stem, name)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            break
    known = ", ".join(path.stem for path in matches or paths)
    raise InputError(f"{name!r} names {len(matches) or 'none'} of the walkthroughs {known}")


def build_pages(out, only=None, *, folder=None, on_page=None):
    """Write the pages of all walkthroughs, or of those named in `only`, and the index.

    out      folder, made if missing
    only     names or numbers of walkthroughs; the others get a page that says how to build them,
             unless `out` has one already
    on_page  called with the path of each walkthrough before it runs
    """
    paths, out = walkthroughs(folder), Path(out)
    chosen = paths if only is None else [find_walkthrough(name, paths) for name in only]
    # A missing library is reported now, not after the first walkthrough has run.
    for library in LIBRARIES:
        need(library)
    make_folder(out, paths)
    write_frame(out, paths)
    for path in paths:
        page = out / f"{path.stem}.html"
        if path in chosen:
            if on_page:
                on_page(path)
            build_page(path, out)
        elif not page.exists():
            write_file(page, framed(path, placeholder(path), paths))
    return out


def make_folder(out, paths):
    """Make the folder of the pages; InputError where it holds such files of somebody else's."""
    names = [*FRAME, *(f"{path.stem}.html" for path in paths)]
    try:
        out.mkdir(parents=True, exist_ok=True)
        taken = [name for name in names if os.path.lexists(out / name)]
        if taken and not (out / MARKER).exists():
            raise InputError(
                f"{out} holds {taken[0]}, which build-pages has not written and would overwrite: "
                "give another folder"
            )
        (out / MARKER).touch()  # first of all, so that what follows is known to be ours
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror or error}") from None


def write_frame(out, paths):
    """Write the files that need no walkthrough to run: style, index, errata."""
    write_scripts(out)
    write_file(out / "search-index.js", search.index_script(paths))
    for file in source.files(paths):
        body = source.file_page(file)
        write_file(out / source.address(file), layout.frame(source.shown_path(file), body, [HOME]))
    write_documents(out, paths)
    for path in paths:
        write_file(out / path.name, path.read_text(encoding="utf8"))
        write_file(out / f"{path.stem}.ipynb", downloads.notebook(path))
    write_file(out / "index.html", layout.frame("tinyalign", *contents.index(paths)))
    if body := errata.page(paths):
        write_file(out / "errata.html", layout.frame("Errata of the notes", body, [HOME]))


def write_documents(out, paths):
    """Write the documents of the repository, which stand beside its own walkthroughs only."""
    for file in documents.beside(paths):
        page = layout.frame(documents.title(file), documents.body(file), [HOME])
        write_file(out / documents.address(file), page)
        for image in documents.images(file):
            write_file(out / image.name, image.read_text(encoding="utf8"))


def write_scripts(out):
    """Write the style and the scripts of all pages."""
    for name in SHARED:
        write_file(out / name, Path(__file__).with_name(name).read_text(encoding="utf8"))


def build_page(path, out, names=None):
    """Run a walkthrough and write its page; the dict `names` receives all that it defines."""
    body = layout.body(path, {} if names is None else names)
    write_file(out / f"{path.stem}.html", framed(path, body, walkthroughs(path.parent)))


def framed(path, body, paths):
    """The page of a walkthrough around a body."""
    return layout.frame(title(path), body, navigation(path, paths), pager(path, paths))


def navigation(path, paths):
    """(address, text) of the links to the index, to both neighbours, and to the page's own file."""
    at = paths.index(path)
    links = [HOME]
    if at > 0:
        links.append((f"{paths[at - 1].stem}.html", f"← {short_name(paths[at - 1])}"))
    if at + 1 < len(paths):
        links.append((f"{paths[at + 1].stem}.html", f"{short_name(paths[at + 1])} →"))
    return [*links, (path.name, "Script"), (f"{path.stem}.ipynb", "Notebook")]


def short_name(path):
    """The number of a page, or the first word of its name."""
    return path.stem.partition("_")[0]


def pager(path, paths):
    """Links to the pages before and after, each with the question that it asks."""
    at = paths.index(path)
    links = [
        f'<a class="{kind}" href="{other.stem}.html">{escape(title(other))}'
        f"<small>{escape(question(other))}</small></a>"
        for kind, other in (
            ("before", paths[at - 1] if at else None),
            ("after", paths[at + 1] if at + 1 < len(paths) else None),
        )
        if other
    ]
    return "\n".join(links)


def placeholder(path):
    """The body of a page whose walkthrough has not run."""
    command = f"<code>tinyalign read {path.stem[:2]}</code>"
    heading = f"<h1>{escape(title(path))}</h1>"
    return f"{heading}\n<p>{UNBUILT} {command} builds it.</p>\n"


def write_file(path, text):
    """Write a file atomically, with the same bytes on every system."""
    # Two processes may build into one folder: each has a temporary file of its own.
    write_atomically(path, text.encode("utf8"))


def write(out):
    """`tinyalign build-pages`: all pages into a folder."""
    build_pages(out, on_page=print_progress)
    print(Path(out) / "index.html")
    return 0


def print_progress(path):
    """Print which walkthrough is running: it may take a minute."""
    print(f"running {path.name}", flush=True)


def read(name=None):
    """`tinyalign read`: open a page, built first where it is missing, or the index."""
    paths = walkthroughs()
    wanted = [find_walkthrough(name, paths)] if name else []
    out = cache()
    missing = [path.stem for path in wanted if not is_built(out / f"{path.stem}.html")]
    if missing or not (out / "index.html").exists():
        build_pages(out, missing, on_page=print_progress)
    page = out / (f"{wanted[0].stem}.html" if name else "index.html")
    print(page)
    webbrowser.open(page.as_uri())
    return 0


def is_built(page):
    """Whether the page exists and its walkthrough has run."""
    return page.exists() and UNBUILT not in page.read_text(encoding="utf8")


def cache():
    """This user's folder for pages built from this version of the source."""
    # Whatever a page shows or runs is part of the digest, so a change gives a new folder.
    digest = hashlib.sha256()
    folders = ("tinyalign", "toy_envs", "walkthroughs", "docs")
    for path in sorted(path for name in folders for path in (ROOT / name).rglob("*")):
        if path.suffix in (".py", ".css", ".js", ".md", ".json"):
            digest.update(path.read_bytes())
    if errata.TESTS.is_file():
        digest.update(errata.TESTS.read_bytes())
    user = Path(tempfile.gettempdir()) / f"tinyalign-pages-{getpass.getuser()}"
    user.mkdir(mode=0o700, exist_ok=True)
    require_private(user)
    out = user / digest.hexdigest()[:16]
    out.mkdir(exist_ok=True)
    return out


def require_private(folder):
    """InputError unless the folder is this user's own and nobody else can write into it.

    The folder has a name that others can guess, and its pages are opened in a browser.
    """
    status = os.lstat(folder)
    own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    if not stat.S_ISDIR(status.st_mode) or not own or status.st_mode & 0o022:
        raise InputError(
            f"{folder} is not your own, or others can write to it: remove it, or set TMPDIR to a "
            "folder of yours"
        )
