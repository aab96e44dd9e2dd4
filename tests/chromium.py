"""A headless Chromium to look at pages with, spoken to in the DevTools protocol over a pipe.

The pages are files, and everything that they ask the browser for is written down.
"""

import base64
import importlib.metadata
import itertools
import json
import os
import select
import shutil
import subprocess

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]
AXE = "axe-playwright-python"  # it carries axe.min.js; .ci/run installs it alone, pinned
PATIENCE = 120  # seconds that an answer may take on a busy machine


def program():
    """Where Chromium is, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def axe_source():
    """The text of axe-core, or None where it is not installed."""
    try:
        files = importlib.metadata.files(AXE)
    except importlib.metadata.PackageNotFoundError:
        return None
    (file,) = [file for file in files if file.name == "axe.min.js"]
    return file.locate().read_text(encoding="utf8")


class Browser:
    """One tab, with what its page asked for (`requests`) and complained about (`complaints`)."""

    def __init__(self, profile):
        down, write = os.pipe()
        self.pipe, up = os.pipe()
        command = [program(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        # Chromium reads commands from descriptor 3 and writes what it has to say to 4.
        redirected = ["bash", "-c", f'exec "$@" 3<&{down} 4>&{up}', "bash", *command]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(redirected, pass_fds=(down, up), **quiet)
        os.close(down)
        os.close(up)
        self.writer = os.fdopen(write, "wb")
        self.numbers, self.heard, self.session = itertools.count(1), b"", {}
        self.requests, self.complaints, self.loaded = [], [], False
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        tab = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self.session = {"sessionId": tab["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **params):
        """Send a command and return the answer to it."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params, **self.session}
        self.writer.write(json.dumps(message).encode() + b"\0")
        self.writer.flush()
        while (answer := self.receive()).get("id") != number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def receive(self):
        """The next message, an answer or an event; events are written down."""
        while b"\0" not in self.heard:
            if not select.select([self.pipe], [], [], PATIENCE)[0]:
                raise TimeoutError("Chromium says nothing")
            chunk = os.read(self.pipe, 1 << 20)
            if not chunk:
                raise RuntimeError("Chromium is gone")
            self.heard += chunk
        text, _, self.heard = self.heard.partition(b"\0")
        message = json.loads(text)
        self.write_down(message.get("method"), message.get("params", {}))
        return message

    def write_down(self, event, params):
        """Requests, and whatever would stand on the console."""
        if event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(params)
        elif event == "Page.loadEventFired":
            self.loaded = True

    def show(self, page, *, width, dark, height=900):
        """Load a file in a window of this width, in light or in dark."""
        self.look(width=width, dark=dark, height=height)
        self.requests, self.complaints, self.loaded = [], [], False
        self.send("Page.navigate", url=page.as_uri())
        while not self.loaded:
            self.receive()

    def look(self, *, width, dark, height=900, media="screen"):
        """The same page in a window of this width, in light or in dark, on a screen or in print."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def ask(self, expression):
        """The value of some JavaScript, awaited where it is a promise."""
        options = {"returnByValue": True, "awaitPromise": True}
        answer = self.send("Runtime.evaluate", expression=expression, **options)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key):
        """Press and let go a key by its name, such as "Tab" or "ArrowRight"."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowLeft": 37}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code, **text}
        self.send("Input.dispatchKeyEvent", type="keyDown", **about)
        self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    def photograph(self, clip=None):
        """A PNG of the window, or of a part of the page: a dict of x, y, width and height."""
        part = {"clip": {**clip, "scale": 1}, "captureBeyondViewport": True} if clip else {}
        return base64.b64decode(self.send("Page.captureScreenshot", **part)["data"])

    def close(self):
        """End the browser."""
        self.session = {}
        self.send("Browser.close")
        self.process.wait(timeout=PATIENCE)
        self.writer.close()
        os.close(self.pipe)
