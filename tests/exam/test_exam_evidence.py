"""The yes and no that a verdict rests on, at numbers on both sides of each limit, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from planted import paper_for

from tinyalign.exam import evidence, lines, picture, suspects, verdict
from tinyalign.exam.grade import Reading, optimum, read_checkpoint


def line(unexplained, slope=1.0):
    return lines.Line(slope, np.array([slope]), 0.0, unexplained, np.zeros((1, 2)))


def policy(*rows):
    """Log-probabilities of answers of one token, of one prompt a row: (P, K, 1)."""
    return np.log(np.array(rows, float))[:, :, None]


def reading(rows=((0.5, 0.5), (0.5, 0.5)), unexplained=0.0, **fields):
    """A checkpoint that stands where it should, but for what is named."""
    whole = {"kl": 0.0, "kls": np.zeros(len(rows)), "moved": 1.0, "mass": 1.0, "scale": 1.0}
    return Reading(**whole | fields, right=line(unexplained), token_logp=policy(*rows))


def test_a_policy_is_right_that_is_near_straight_and_of_the_right_slope():
    assert evidence.is_right(reading())
    assert evidence.is_right(reading(kl=0.009, unexplained=0.019, scale=1.03))
    for wrong in ({"kl": 0.011}, {"unexplained": 0.021}, {"scale": 1.05}):
        assert not evidence.is_right(reading(**wrong)), wrong


def test_scattered_points_leave_the_slope_less_certain():
    """Two prompts and three answers have 2·2 − 1 = 3 degrees: 4·√(0.012/3) = 0.253."""
    rows = np.full((2, 3), 1 / 3)
    for scale, scattered in ((1.24, True), (0.76, True), (1.26, False), (0.74, False)):
        assert bool(evidence.is_at(1.0, reading(rows, 0.012, scale=scale))) is scattered
        assert not evidence.is_at(1.0, reading(rows, 0.0, scale=scale))
    assert evidence.is_at(2.0, reading(rows, 0.012, scale=2.4))
    assert not evidence.is_at(2.0, reading(rows, 0.012, scale=1.0))


def test_a_slope_is_compared_with_that_of_the_later_checkpoint():
    """(0.97 − 1)/1 is steady; to go from 1 to 1.2 is no more than drift, from 1 to 0.8 is more."""
    for before, now, steady, had in (
        (1.02, 1.0, True, True), (0.98, 1.0, True, True), (1.04, 1.0, False, True),
        (1.0, 1.17, False, True), (1.0, 1.2, False, False), (1.0, 0.8, False, False),
        (1.0, 0.88, False, True), (1.0, 0.86, False, False),
    ):  # fmt: skip
        pair = reading(scale=now), reading(scale=before)
        assert (evidence.is_steady(*pair), evidence.had_that_slope(*pair)) == (steady, had)
    assert not evidence.is_steady(reading(), reading(unexplained=0.03))
    assert evidence.had_that_slope(reading(), reading(unexplained=0.09))
    assert not evidence.had_that_slope(reading(), reading(unexplained=0.11))


def test_a_distance_is_the_kl_from_the_later_policy_to_the_earlier():
    """Means over prompts, on the answers renormalised."""
    now, before = reading([[0.4, 0.1], [0.5, 0.5]]), reading([[0.5, 0.5], [0.5, 0.5]])
    far = 0.8 * np.log(0.8 / 0.5) + 0.2 * np.log(0.2 / 0.5)
    assert evidence.distance(now, before) == pytest.approx(far / 2)
    assert evidence.distance(now, now) == 0


def test_settled_is_a_share_of_what_the_later_checkpoint_has_moved():
    near, there = reading([[0.52, 0.48]], moved=1.0), reading([[0.5, 0.5]], moved=0.1)
    gone = evidence.distance(near, there)
    assert evidence.SETTLED * 0.1 < gone < evidence.SETTLED
    assert verdict.is_settled(near, there) and not verdict.is_settled(there, near)
    assert not verdict.is_settled(near, near)  # the same policy twice shows nothing


def test_who_rests_off_every_line_is_unknown_and_who_still_moves_is_not_judged(monkeypatch):
    """Nearer to the optimum than before is on its way there, farther is undecided."""
    for name in ("named_mistake", "on_shape"):
        monkeypatch.setattr(verdict, name, lambda *_: None)
    for name in ("unknown", "movement"):
        monkeypatch.setattr(verdict.sentences, name, lambda *_, name=name: name)
    near, there = reading([[0.52, 0.48]], moved=1.0, kl=0.5), reading([[0.5, 0.5]], moved=0.1)
    assert verdict.on_two(None, near, there, [])[:3] == ("unknown", "unknown", 1)
    assert verdict.on_two(None, there, near, [])[:3] == ("not trained enough", "movement", 2)
    farther = there._replace(kl=0.6)
    assert verdict.on_two(None, farther, near, [])[:3] == ("undecided", "movement", 2)
    assert verdict.on_two(None, farther, near._replace(kl=0.6), [])[0] == "undecided"
    assert verdict.on_two(None, near, near, [])[0] == "undecided"


def test_a_deviations_line_is_clear_where_it_leaves_much_less_unexplained():
    assert evidence.is_clear(line(0.01), line(0.041))
    assert not evidence.is_clear(line(0.01), line(0.039))
    assert not evidence.is_clear(line(0.021), line(1.0))  # not straight itself
    assert evidence.is_clear(line(0.0), line(0.00041))
    assert not evidence.is_clear(line(0.0), line(0.00039))  # that little is rounding


def test_a_collapse_is_one_answer_in_every_prompt_where_the_optimum_has_several(monkeypatch):
    fair = np.log([[0.6, 0.4], [0.9, 0.1]])
    monkeypatch.setattr(evidence, "optimum", lambda paper: fair)
    assert evidence.has_collapsed(None, reading([[0.98, 0.02], [0.01, 0.99]]))
    assert not evidence.has_collapsed(None, reading([[0.98, 0.02], [0.1, 0.9]]))
    fair = np.log([[0.6, 0.4], [0.98, 0.02]])
    assert not evidence.has_collapsed(None, reading([[0.98, 0.02], [0.01, 0.99]]))


@pytest.mark.parametrize(
    ("method", "rows", "lost"),
    [
        ("grpo", [[0.018, 0.682, 0.3], [0.4, 0.3, 0.3]], ["a"]),  # 0.018 < 0.05·0.4
        ("grpo", [[0.022, 0.678, 0.3], [0.4, 0.3, 0.3]], []),
        ("grpo", [[0.4, 0.6, 1e-9], [0.4, 0.6, 1e-9]], ["c"]),  # of the second prompt
        ("dpo", [[0.001, 0.699, 0.3], [0.4, 0.3, 0.3]], []),  # DPO does not sample: nothing is lost
    ],
)
def test_an_answer_is_lost_that_is_sampled_much_less_than_at_the_optimum(
    method, rows, lost, monkeypatch
):
    """An answer that is rare there too, such as c of the first prompt, is not missed."""
    fair = np.log([[0.4, 0.596, 0.004], [0.4, 0.59, 0.01]])
    monkeypatch.setattr(evidence, "optimum", lambda paper: fair)
    paper = SimpleNamespace(method=method, answers=["a", "b", "c"])
    assert evidence.lost_answers(paper, reading(rows)) == lost


def test_a_slope_runs_away_that_has_passed_the_right_one_and_grows():
    now, before = reading(scale=1.5, unexplained=0.05), reading(scale=1.2)
    assert evidence.is_running_away(now, before, [])
    assert evidence.is_running_away(now, before, [(None, line(0.06))])
    assert not evidence.is_running_away(now, before, [(None, line(0.06)), (None, line(0.04))])
    assert not evidence.is_running_away(now, reading(scale=1.09), [])
    assert not evidence.is_running_away(now, reading(scale=1.46), [])
    assert not evidence.is_running_away(reading(scale=1.5, unexplained=0.11), before, [])


@pytest.mark.parametrize(
    ("kls", "wrong"),
    [((0.0, 0.02, 0.0), True), ((0.0, 0.0, 0.0), False), ((0.02, 0.02, 0.0), False)],
)
def test_short_prompts_are_wrong_where_every_longest_one_is_right(kls, wrong):
    paper = SimpleNamespace(prompts=["abc", "a", "b"])
    now = reading(np.full((3, 2), 0.5), kls=np.array(kls))
    assert bool(evidence.has_wrong_short_prompts(paper, now)) is wrong
    assert not evidence.has_wrong_short_prompts(SimpleNamespace(prompts=["a", "b", "c"]), now)


def test_a_deviation_is_likely_that_is_much_nearer_than_the_right_line():
    fits = [("first", line(0.02)), ("second", line(0.03))]
    assert evidence.likely(reading(unexplained=0.09), fits) == "first"
    assert evidence.likely(reading(unexplained=0.07), fits) is None
    assert evidence.likely(reading(unexplained=1.0), [("first", line(0.11))]) is None
    assert not evidence.likely(reading(unexplained=1.0), [])


def test_a_line_is_fitted_by_least_squares_with_one_constant_for_each_prompt():
    """Weights decide how much an answer counts; a slope that is given is held."""
    score = np.array([[0.0, 1.0, 3.0], [1.0, 2.0, 2.0]])
    logp = (0.5 * score + np.array([[7.0], [-2.0]]))[:, :, None]
    paper = SimpleNamespace(reference=np.zeros_like(logp))
    weight = np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]])
    asked = (paper, logp, lines.sum_of_log_ratios, score, weight)
    found = lines.fit_line(*asked)
    assert found.slope == pytest.approx(0.5) and found.slopes == pytest.approx([0.5, 0.5])
    assert found.miss == pytest.approx(0, abs=1e-9) and found.unexplained < 1e-12
    np.testing.assert_allclose(found.predicted, logp[:, :, 0])
    held = lines.fit_line(*asked, slope=0.0)  # a level: nothing of the variance is explained
    mean = np.sum(weight * logp[:, :, 0], axis=1, keepdims=True)
    variance = np.mean(np.sum(weight * (logp[:, :, 0] - mean) ** 2, axis=1))
    assert held.unexplained == pytest.approx(1) and held.miss == pytest.approx(np.sqrt(variance))
    assert held.slope == 0 and held.slopes == pytest.approx([0.5, 0.5])
    np.testing.assert_allclose(held.predicted, np.broadcast_to(mean, score.shape))


def test_a_picture_has_the_right_line_and_that_of_the_mistake(monkeypatch):
    """Where a mistake has another optimum, the statistic is drawn against it, at slope 1."""
    drawn = []
    monkeypatch.setattr(picture, "straight_lines", lambda *asked: drawn.append(asked))
    paper, tree, _ = paper_for("dpo")
    now = read_checkpoint(paper, tree.token_logp(tree.logits_of(np.exp(optimum(paper)))))
    named = {suspect.name: suspect for suspect in suspects.suspects_for(paper)}
    for name in (None, "no reference", "label smoothing"):
        picture.draw(paper, now, verdict.say("right", "", drawn=named.get(name)), "there.svg")
    (right,), (_, free), (_, held) = (panels for panels, *_ in drawn)
    ratio = (now.token_logp - paper.reference).sum(axis=2)
    assert right[0] == "as it should be" and right[3] == pytest.approx(now.right.slope)
    np.testing.assert_allclose(right[2], ratio)
    assert (free[0], free[3]) == ("no reference", None)
    np.testing.assert_allclose(free[1], paper.reward)
    np.testing.assert_allclose(free[2], now.token_logp.sum(axis=2))
    assert (held[0], held[3]) == ("label smoothing", 1.0)
    np.testing.assert_allclose(held[1], named["label smoothing"].point(paper, now.token_logp))
    assert all(others == [paper.prompts, paper.answers, "there.svg"] for _, *others in drawn)
