"""`tinyalign play`: any settings, the optimum beside them, and no answer to strangers."""

import json
import socket
import threading
import urllib.request

import numpy as np
import pytest

from tinyalign.errors import InputError
from tinyalign.notes.play import engine, server
from tinyalign.optimum import kl, optimal_policy


def distance(**settings):
    """KL to the optimum at the end of a run."""
    settings = engine.Settings(**settings)
    best = optimal_policy(engine.REF, engine.REWARD, beta=settings.beta)
    return float(kl(engine.run(settings)[-1], best))


def test_runs_arrive_at_their_optimum_and_noise_keeps_them_away():
    assert distance(rate=2.0) < 1e-3 < 0.05 < distance(rate=2.0, noise=0.3)
    start = float(kl(engine.REF, optimal_policy(engine.REF, engine.REWARD, beta=0.5)))
    for learner in [*engine.LEARNERS][1:3]:
        assert distance(learner=learner, rate=0.1, K=32) < 0.1 * start, learner


def test_a_term_in_the_reward_gives_no_gradient_of_its_own():
    """With β large and all rewards alike, KL in the reward still pulls back to the reference."""
    slope = engine.LEARNERS["RLOO, KL in the reward"](engine.Settings(beta=5.0, K=64))
    away = np.log([0.97, 0.01, 0.01, 0.01])
    pull = sum(slope(away, np.random.default_rng(seed)) for seed in range(20))
    assert pull[0] > 0, "descent lowers the answer that is too likely"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"beta": "0"}, "want 0.01 to 10"),
        ({"beta": "nan"}, "want 0.01 to 10"),
        ({"K": "2.5"}, "want a whole number"),
        ({"K": "1e9"}, "want a whole number"),
        ({"beta": "0,5"}, "want a number"),
        ({"learner": "magic"}, "want one of"),
        ({"steps": "9"}, "want one of"),
    ],
)
def test_settings_out_of_range_are_sentences(words, complaint):
    with pytest.raises(InputError, match=complaint):
        engine.from_words(words)


def ask(path, host="127.0.0.1:8000", site=None):
    return server.answer(path, host, site, 8000)


def test_strangers_get_no_answer():
    """Another name for this machine, another port, another site; no file is served."""
    for host in (None, "", "evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:80"):
        assert ask("/", host).status == 403, host
    assert ask("/run?beta=1", site="cross-site").status == 403
    for path in ("/page.html", "/../server.py", "/style.css", "//run", "/run/"):
        assert ask(path).status == 404, path
    assert ask("/", "localhost:8000").status == 200 and ask("/run?beta=x").status == 400
    assert "beta is '', want a number" in ask("/run?beta=&rate=0.5").text


def test_what_the_page_gets_is_what_the_engine_computed():
    words = {"learner": "RLOO, k3 in the loss", "beta": "0.7", "rate": "0.2", "noise": "0.1"}
    found = ask("/run?" + urllib.parse.urlencode(words))
    shown = json.loads(found.text)
    assert shown["numbers"] == engine.frame(engine.from_words(words)).numbers
    assert shown["panels"][0]["legend"] == ["reference", "policy", "optimum"]
    assert "Settings(learner='RLOO, k3 in the loss', beta=0.7" in shown["code"]


def test_over_a_socket(monkeypatch):
    """The headers say that nothing else may be loaded; the name of the host is checked."""
    running = server.ThreadingHTTPServer(("127.0.0.1", 0), server.Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{running.server_port}/"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    # A browser may open a connection and say nothing on it.
    idle = socket.create_connection(("127.0.0.1", running.server_port))
    with opener.open(address, timeout=10) as page:
        assert b"Turn the dials" in page.read()
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        opener.open(urllib.request.Request(address, headers={"Host": "evil.example"}))
    idle.close()
    running.shutdown()
    thread.join()
    running.server_close()
