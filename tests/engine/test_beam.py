"""The kernels of beam search against a naive one, on scores that depend on the last symbol alone."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.engine.program import Program
from support import naive_decoding as naive
from support.beam_tables import Search, tables


@pytest.mark.parametrize("alpha", [0.0, 0.8])
@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_a_beam_is_that_of_the_naive_search(k: int, alpha: float) -> None:
    scores = tables(40, 5)
    for table, (logp, symbols, ended) in zip(scores, Search(scores, k, 6, alpha).run(), strict=True):
        expected = naive.chosen(naive.beam(naive.markov(table), k, 6, alpha))
        assert (symbols, ended) == expected[2:]
        assert logp == pytest.approx(expected[1], abs=1e-12)


def test_a_beam_of_one_is_the_greedy_search() -> None:
    scores = tables(60, 6, seed=1)
    for table, (logp, symbols, ended) in zip(scores, Search(scores, 1, 8).run(), strict=True):
        expected = naive.greedy(naive.markov(table), 8)
        assert (symbols, ended) == expected[2:]
        assert logp == pytest.approx(expected[1], abs=1e-12)


def test_the_widest_beam_finds_the_best_of_all() -> None:
    """With room for every hypothesis nothing is lost, and no narrower beam is better."""
    scores, most = tables(25, 3, seed=2), 4
    found = {k: Search(scores, k, most).run() for k in (1, 2, 4, 40)}
    for s, table in enumerate(scores):
        every = naive.all_ended(naive.markov(table), 3, most)
        logp, symbols, ended = found[40][s]
        assert ended and symbols == max(every, key=every.__getitem__)
        assert logp == pytest.approx(max(every.values()), abs=1e-12)
        assert all(found[k][s][0] <= logp + 1e-12 for k in (1, 2, 4) if found[k][s][2])


def test_equal_scores_keep_their_order() -> None:
    """The first symbol of the first hypothesis comes first."""
    ((logp, symbols, ended),) = Search(np.zeros((1, 4, 4)), 4, 2).run()
    assert (symbols, ended) == ((3,), True)  # all others have a second factor 1/4
    assert logp == pytest.approx(np.log(0.25))
    search = Search(np.zeros((1, 4, 4)), 3, 2)
    search.step(0)
    assert search.at["symbols"].array[0].tolist() == [0, 1, 2]
    search.step(1)
    assert search.at["parents"].array[1].tolist() == [0, 0, 0]
    assert search.at["symbols"].array[1].tolist() == [0, 1, 2]


def test_what_has_settled_stays() -> None:
    """A source whose best hypothesis has ended and cannot be overtaken changes no more."""
    table = np.full((1, 3, 3), -9.0)
    table[0, :, 2] = 9.0  # ends at once
    search = Search(table, 2, 5)
    search.step(0)
    assert search.at["done"].array.tolist() == [1]
    before = search.at["length"].array.copy()
    search.step(1)
    np.testing.assert_array_equal(search.at["logp"].array[2], search.at["logp"].array[1])
    np.testing.assert_array_equal(search.at["length"].array, before)
    assert search.at["parents"].array[1].tolist() == [0, 1]


def test_a_length_penalty_favours_longer_hypotheses() -> None:
    scores = tables(200, 5, seed=3)
    sizes = [np.mean([len(s) for _, s, _ in Search(scores, 8, 10, alpha).run()]) for alpha in (0.0, 1.0)]
    assert sizes[1] > sizes[0]


def test_in_float32() -> None:
    """The same hypotheses; log-probabilities within the error of float32's exponential."""
    scores = tables(40, 21, seed=4).astype(np.float32)
    for single, double in zip(Search(scores, 4, 6, dtype="float32").run(), Search(scores, 4, 6).run(), strict=True):
        assert single[1:] == double[1:]
        assert single[0] == pytest.approx(double[0], abs=6 * 2e-6)


def test_the_way_back() -> None:
    """Each symbol's row before its step leads to the log-probabilities along the way."""
    scores, k, most = tables(30, 5, seed=5), 4, 6
    search = Search(scores, k, most)
    for s, (_, symbols, _) in enumerate(search.run()):
        rows, logp = search.found["rows"].array[s], search.at["logp"].array
        assert set(rows) <= set(range(s * k, s * k + k))
        for t in range(len(symbols)):
            expected = naive.log_probability(naive.markov(scores[s]), symbols[:t])
            assert logp[t, rows[t]] == pytest.approx(expected, abs=1e-12)


def test_states_follow_their_hypotheses() -> None:
    program = Program("float64", 1)
    source = program.bind("source", np.arange(20.0).reshape(4, 5))
    which = program.bind("which", np.array([[3, 3, 0, 2], [1, 0, 0, 0]]))
    out = program.buffer("out", (4, 6))
    program.emit("select_rows", 0, source=source, out=out, which=which, B=4, F=3, lds=5, ldo=6)
    for step in (0, 1):
        program.run(step, 1, 1)
        np.testing.assert_array_equal(out.array[:, :3], source.array[which.array[step], :3])
    assert not out.array[:, 3:].any()
