"""A page with dials on this machine: one page, one address that computes, and nothing else."""

import dataclasses
import functools
import html
import json
import threading
import urllib.parse
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.notes.dials.axes import in_words, limits, panel_svg
from tinyalign.notes.dials.frame import Bars, Panel
from tinyalign.notes.play import engine

ONE_AT_A_TIME = threading.Lock()
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    ),
}
# A panel whose limits every panel of probabilities shares.
WHOLE = Panel("", "", "", [Bars("", [1.0, 0.0, 0.0, 0.0])], engine.NAMES)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    kind: str
    text: str


@functools.cache
def page():
    """The page: its style is that of the walkthroughs."""
    here = Path(__file__).parent
    style = (here.parent / "pages" / "style.css").read_text(encoding="utf8")
    names = "".join(f"<option>{html.escape(name)}</option>" for name in engine.LEARNERS)
    text = (here / "page.html").read_text(encoding="utf8")
    return text.replace("{style}", style).replace("{learners}", names)


def answer(path, host, site, port):
    """The Answer to a request for a path, by the headers Host and Sec-Fetch-Site."""
    # Another site may give its own name the address of this machine; its requests carry that name.
    if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        return Answer(403, "text/plain", "only this machine may ask, by the address it was given\n")
    if site not in (None, "same-origin", "none"):
        return Answer(403, "text/plain", "only the page itself may ask\n")
    address = urllib.parse.urlsplit(path)
    if address.path == "/":
        return Answer(200, "text/html", page())
    if address.path != "/run":
        return Answer(404, "text/plain", "there is one page, /\n")
    try:
        words = urllib.parse.parse_qsl(address.query, keep_blank_values=True)
        settings = engine.from_words(dict(words))
    except InputError as error:
        return Answer(400, "application/json", json.dumps({"error": str(error)}))
    return Answer(200, "application/json", json.dumps(picture(settings), ensure_ascii=False))


def picture(settings):
    """What the page shows for some settings: panels as SVG, and numbers."""
    with ONE_AT_A_TIME:  # autograd counts its traces in one place for all threads
        frame = engine.frame(settings)
    panels = [
        {
            "title": panel.title,
            "svg": panel_svg(panel, limits([panel, WHOLE] if panel.names else [panel]), words),
            "legend": [mark.label for mark in panel.marks],
        }
        for panel, words in zip(frame.panels, map(in_words, frame.panels), strict=True)
    ]
    return {"panels": panels, "numbers": frame.numbers, "code": code(settings)}


def code(settings):
    """Lines of Python that run the same settings."""
    given = ", ".join(f"{name}={value!r}" for name, value in settings._asdict().items())
    return (
        "from tinyalign.notes.play import engine\n"
        f"print(engine.frame(engine.Settings({given})).numbers)"
    )


class Handler(BaseHTTPRequestHandler):
    """Answers GET and nothing else."""

    server_version, sys_version = "tinyalign", ""
    timeout = 30  # seconds that a connection may say nothing

    def do_GET(self):
        host, site = self.headers.get("Host"), self.headers.get("Sec-Fetch-Site")
        found = answer(self.path, host, site, self.server.server_port)
        body = found.text.encode()
        self.send_response(found.status)
        self.send_header("Content-Type", f"{found.kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(body)
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the reader has closed the page

    def log_message(self, *_):
        """Keep the terminal quiet: a move of a slider is no news."""


def play(open_browser=True, port=0):
    """`tinyalign play`: serve the page on this machine until Ctrl-C.

    port  0: the system chooses a free one
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise InputError(f"cannot serve on port {port}: {error.strerror}") from None
    address = f"http://127.0.0.1:{server.server_port}/"
    print(f"{address} (Ctrl-C ends it)", flush=True)
    if open_browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0
