"""RNNSeq2Seq: small tasks are learned; what decoding returns, and what stays the same."""

from __future__ import annotations

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from forecastrnn import Adam, Beam, Dropout, EarlyStopping, RNNSeq2Seq
from forecastrnn.estimators.seq2seq import Decoded
from forecastrnn.sequences.decoding import Search
from forecastrnn.sequences.seq2seq_fitting import TokenCodes, decode, matches
from support import naive_decoding as naive

LETTERS = [*"abcd"]
SMALL: dict[str, Any] = {
    "hidden_layer_sizes": 5,
    "embedding_dim": 3,
    "max_iter": 3,
    "random_state": 0,
    "decoding": Beam(max_length=6),
}


def words(n: int, longest: int = 5, seed: int = 0) -> list[str]:
    rng = np.random.RandomState(seed)
    return ["".join(rng.choice(LETTERS, size=rng.randint(1, longest + 1))) for _ in range(n)]


X = words(60)
Y = [x[::-1] for x in X]


def quietly(model: RNNSeq2Seq, sources: Any, **options: Any) -> list[Any]:
    """Predictions of a model that has hardly learned when to end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.predict(sources, **options)


@pytest.fixture(scope="module")
def model() -> RNNSeq2Seq:
    """One that has learned to write short words backwards."""
    sources = words(1000)
    return RNNSeq2Seq(hidden_layer_sizes=24, batch_size=32, max_iter=25, random_state=0).fit(
        sources, [x[::-1] for x in sources]
    )


def test_words_are_written_backwards(model: RNNSeq2Seq) -> None:
    sources = words(200, seed=1)
    found = model.predict(sources)
    assert all(isinstance(row, str) for row in found)
    right = np.mean([row == x[::-1] for row, x in zip(found, sources, strict=True)])
    assert right > 0.95
    assert model.score(sources, [x[::-1] for x in sources]) == right


@pytest.mark.parametrize("options", [{"attention": None, "cell": "lstm"}, {"attention": "dot"}])
def test_lists_of_numbers_are_copied(options: dict) -> None:
    """Other attentions and cells learn too; integers come back as integers, in lists."""
    rng = np.random.RandomState(0)
    rows = [rng.randint(3, 6, size=rng.randint(1, 4)).tolist() for _ in range(600)]
    model = RNNSeq2Seq(hidden_layer_sizes=24, batch_size=32, max_iter=40, random_state=0, **options).fit(rows, rows)
    assert model.score(rows, rows) > 0.97
    assert model.predict([np.array([5, 3], np.int8), [4]]) == [[5, 3], [4]]
    assert model.target_tokens_.tolist() == [3, 4, 5]


def test_what_decode_returns(model: RNNSeq2Seq) -> None:
    found = model.decode(X, return_attention=True)
    assert isinstance(found, Decoded) and found.sequences == model.predict(X)
    assert found.log_probabilities.shape == (60,) and (found.log_probabilities < 0).all()
    assert found.ended.all() and found.ended.dtype == bool
    longest, source = max(map(len, found.sequences)), max(map(len, X))
    assert found.attention.shape == (60, longest, source)
    for row, sequence, x in zip(found.attention, found.sequences, X, strict=True):
        np.testing.assert_allclose(row[: len(sequence), : len(x)].sum(axis=1), 1, atol=1e-5)
        assert not row[len(sequence) :].any() and not row[:, len(x) :].any()
    assert model.decode(X).attention is None


@pytest.mark.parametrize("reverse", [True, False])
def test_scores_and_attention_are_those_of_the_oracle(reverse: bool) -> None:
    """Log-probabilities of what was decoded; weights in the order of the source as it was given."""
    options = SMALL | {
        "attention": "additive",
        "dtype": "float64",
        "reverse_source": reverse,
        "decoding": Beam(3, max_length=6),
    }
    model = RNNSeq2Seq(**options).fit(X, Y)
    found = model.decode(X[:10], return_attention=True)
    for s, x in enumerate(X[:10]):
        codes = [LETTERS.index(letter) for letter in x]
        codes = codes[::-1] if reverse else codes
        oracle = naive.Translator(model.weights_, ("gru", {}), 1, codes, "additive")
        symbols = tuple(LETTERS.index(letter) for letter in found.sequences[s])
        whole = (*symbols, 4) if found.ended[s] else symbols
        expected = naive.log_probability(oracle.scores, whole)
        assert found.log_probabilities[s] == pytest.approx(expected, abs=1e-9)
        for t in range(len(symbols)):
            weights = oracle.attention(symbols[:t])
            row = found.attention[s, t, : len(x)]
            np.testing.assert_allclose(row[::-1] if reverse else row, weights, atol=1e-9)


def test_wider_beams(model: RNNSeq2Seq) -> None:
    """Given for one call or for all; what is found is at least as likely."""
    sources = words(300, 9, seed=3)
    narrow, wide = model.decode(sources), model.decode(sources, beam_width=8)
    both = narrow.ended & wide.ended
    assert wide.log_probabilities[both].sum() > narrow.log_probabilities[both].sum()
    other = clone(model).set_params(decoding__width=8)
    other.__dict__.update({name: value for name, value in vars(model).items() if name.endswith("_") or name[0] == "_"})
    assert other.decode(sources).sequences == wide.sequences == quietly(model, sources, beam_width=8)
    longer = model.decode(sources, beam_width=8, length_penalty=3.0)
    assert sum(map(len, longer.sequences)) > sum(map(len, wide.sequences))


def test_a_decoder_that_does_not_end(model: RNNSeq2Seq) -> None:
    """What was cut is marked, and `predict` says so once."""
    found = model.decode(["abcd", "a", "dcba"], max_length=3)
    assert found.ended.tolist() == [False, True, False]
    assert found.sequences == ["dcb", "a", "abc"]
    short = pickle.loads(pickle.dumps(model)).set_params(decoding__max_length=3)
    with pytest.warns(UserWarning, match="2 of 3 sequences did not end within max_length=3 tokens.*ended says") as seen:
        assert short.predict(["abcd", "a", "dcba"]) == found.sequences
    assert len(seen) == 1 and seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert short.predict(["abc"]) == ["cba"]  # as long as may be, and ended
        assert short.score(["abcd", "a"], ["dcb", "a"]) == 1.0


def test_twice_the_longest_target_is_decoded() -> None:
    model = RNNSeq2Seq(**SMALL | {"decoding": Beam(max_length=None), "max_iter": 1}).fit(X, Y)
    model.weights_["decoder.output.bias"][-1] = -50.0  # never ends
    found = model.decode(["a"])
    assert len(found.sequences[0]) == 10 and not found.ended[0]


def test_threads_and_batches_of_predict_change_nothing() -> None:
    one, two = (RNNSeq2Seq(**SMALL, n_jobs=n).fit(X, Y) for n in (1, 2))
    assert one.loss_curve_ == two.loss_curve_
    found, other = one.decode(X), two.decode(X)
    assert found.sequences == other.sequences
    np.testing.assert_array_equal(found.log_probabilities, other.log_probabilities)
    alone = [one.decode([x]) for x in X[:5]]
    assert [row.sequences[0] for row in alone] == found.sequences[:5]


def test_many_threads_decode_with_one_model(model: RNNSeq2Seq) -> None:
    """Each call has a program of its own; nothing is written to the model."""
    before = dict(vars(model))
    expected = [model.decode(X[k : k + 9], beam_width=1 + k % 3).log_probabilities for k in range(24)]
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(model.decode, X[k : k + 9], beam_width=1 + k % 3) for k in range(24)]
    for call, one in zip(calls, expected, strict=True):
        np.testing.assert_array_equal(call.result().log_probabilities, one)
    assert vars(model) == before


def test_padding_and_buckets_change_nothing() -> None:
    """A mini-batch of all pairs has the same loss however they are cut into programs."""
    still = SMALL | {"max_iter": 1, "batch_size": 60, "shuffle": False}
    losses = [RNNSeq2Seq(**still, bucket_by_length=on).fit(X, Y).loss_ for on in (True, False)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_warm_start_goes_on() -> None:
    whole = RNNSeq2Seq(**SMALL | {"max_iter": 4, "early_stopping": EarlyStopping(None, patience=99)}).fit(X, Y)
    half = SMALL | {"max_iter": 2, "early_stopping": EarlyStopping(None, patience=99)}
    parts = RNNSeq2Seq(**half, warm_start=True).fit(X, Y).fit(X, Y)
    assert parts.loss_curve_ == whole.loss_curve_ and parts.n_iter_ == 4
    with pytest.raises(ValueError, match=r"X\[0\] has the token 'z'.*4 of source_tokens_. A model that"):
        parts.fit(["z"], ["a"])
    with pytest.raises(ValueError, match=r"y\[0\] has the token 'z'.*target_tokens_"):
        parts.fit(["a"], ["z"])
    for name, value in (
        ("embedding_dim", 4),
        ("attention", None),
        ("layer_norm", True),
        ("reverse_source", False),
        ("cell", "lstm"),
        ("dtype", "float64"),
    ):
        with pytest.raises(ValueError, match=f"must stay as it was: {name} changed from .* Set warm_start=False"):
            pickle.loads(pickle.dumps(parts)).set_params(**{name: value}).fit(X, Y)
    assert parts.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("decoding", 0),
        ("decoding__width", 0),
        ("decoding__length_penalty", -1),
        ("decoding__max_length", "x"),
        ("unknown", "x"),
    ],
)
def test_what_is_set_behind_fit_is_looked_at_when_it_counts(parameter: str, value: object) -> None:
    """By the names of the parameters, as in `fit`."""
    model = RNNSeq2Seq(**SMALL | {"max_iter": 1}).fit(X, Y).set_params(**{parameter: value})
    for call in (lambda: model.predict(X), lambda: model.decode(X), lambda: model.score(X, Y)):
        with pytest.raises(ValueError, match=f"The '{parameter}' parameter of RNNSeq2Seq must be"):
            call()


def test_data_in_pieces() -> None:
    """Each call is one epoch; tokens that come later are announced."""
    model = RNNSeq2Seq(**SMALL)
    for rows in (slice(0, 30), slice(30, 60), slice(0, 30)):
        model.partial_fit(X[rows], Y[rows], source_tokens="dcba", target_tokens=[*LETTERS, "z"])
    assert model.n_iter_ == 3 and model.target_tokens_.tolist() == [*LETTERS, "z"]
    assert model.partial_fit(["ab"], ["az"]).n_iter_ == 4
    with pytest.raises(ValueError, match="target_tokens must be those of the first call"):
        model.partial_fit(X, Y, target_tokens=LETTERS)
    for sources, options in ((["abz"], {}), (["abz"], {"source_tokens": "ab"})):
        with pytest.raises(ValueError, match=r"X\[0\] has the token 'z'|source_tokens must be those of the first"):
            model.partial_fit(sources, ["a"], **options)
    with pytest.raises(ValueError, match=r"y\[0\] has the token 'c' at place 0.*give the first call of partial"):
        RNNSeq2Seq(**SMALL).partial_fit(["a"], ["c"], target_tokens=["a"])
    with pytest.raises(TypeError, match=r"source_tokens\[0\] must be a sequence of tokens"):
        RNNSeq2Seq(**SMALL).partial_fit(["a"], ["c"], source_tokens=3)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        RNNSeq2Seq(**SMALL, early_stopping=True).partial_fit(X, Y)
    whole = RNNSeq2Seq(**SMALL | {"max_iter": 1}).fit(X, Y)
    assert RNNSeq2Seq(**SMALL).partial_fit(X, Y).loss_curve_ == whole.loss_curve_


def test_early_stopping_keeps_the_best_share_of_exact_matches() -> None:
    sources = words(400)
    targets = [x[::-1] for x in sources]
    options = {"hidden_layer_sizes": 16, "max_iter": 12, "early_stopping": EarlyStopping(0.25, 99)}
    model = RNNSeq2Seq(**options, random_state=0).fit(sources, targets)
    scores = model.validation_scores_
    assert len(scores) == 12 and max(scores) > scores[0]
    assert {round(score * 100, 6) % 1 for score in scores} == {0.0}  # shares of 100 pairs
    assert model.best_iter_ == 1 + int(np.argmax(scores))
    with pytest.raises(ValueError, match="early_stopping needs at least 2 pairs, got 1"):
        RNNSeq2Seq(early_stopping=True).fit(["a"], ["b"])


def test_pairs_without_weight_teach_nothing() -> None:
    sources = words(400)
    both = [*sources, *sources]
    targets = [*(x[::-1] for x in sources), *(["a"] * 400)]
    weight = np.repeat([1.0, 0.0], 400)
    model = RNNSeq2Seq(hidden_layer_sizes=24, batch_size=32, max_iter=25, random_state=0).fit(
        both, targets, sample_weight=weight
    )
    assert model.score(both, targets, sample_weight=weight) > 0.9


def test_unknown_tokens_are_refused_or_read_as_the_mean(model: RNNSeq2Seq) -> None:
    with pytest.raises(ValueError, match=r"X\[1\] has the token 'z' at place 2, which is not among the 4 of so"):
        model.predict(["ab", "cdz"])
    lenient = pickle.loads(pickle.dumps(model)).set_params(unknown="mean")
    assert lenient.predict(["abcd"]) == model.predict(["abcd"])
    table = lenient.weights_["encoder.embeddings.0.vectors"]
    np.testing.assert_allclose(table[-1], table[:-1].mean(axis=0), rtol=1e-5)
    before = lenient.decode(["azb"]).log_probabilities
    table[-1] += 1.0  # it is this row that an unknown token reads
    assert lenient.decode(["azb"]).log_probabilities != before
    assert model.score(["ab", "ab"], ["ba", "bz"]) == 0.5  # a target that cannot be put out is none


def test_scheduled_sampling_feeds_own_tokens() -> None:
    """It changes the training, from the second update on, and still learns."""
    plain, sampled = (RNNSeq2Seq(**SMALL, scheduled_sampling=share).fit(X, Y) for share in (0.0, 0.9))
    assert plain.loss_curve_ != sampled.loss_curve_
    sources = words(600)
    model = RNNSeq2Seq(hidden_layer_sizes=24, batch_size=32, max_iter=30, scheduled_sampling=0.3, random_state=0)
    assert model.fit(sources, [x[::-1] for x in sources]).score(sources, [x[::-1] for x in sources]) > 0.9


def test_dropout_and_depth_in_both_directions() -> None:
    """All options together run, and none is active in decoding."""
    model = RNNSeq2Seq(
        **SMALL | {"hidden_layer_sizes": (4, 3), "max_iter": 2}, bidirectional=True, layer_norm=True,
        dropout=Dropout(input=0.1, between=0.2, recurrent=0.1), solver=Adam(l2=1e-3, noise=0.01),
    ).fit(X, Y)  # fmt: skip
    assert quietly(model, X) == quietly(model, X)
    assert model.weights_["decoder.layers.0.recurrent_kernel"].shape == (8, 24)


def test_callbacks_see_models_and_stop() -> None:
    seen = []

    def watch(epoch: Any) -> bool:
        seen.append((epoch.loss, quietly(epoch.estimator(), X[:3])))
        return epoch.iteration == 2

    model = RNNSeq2Seq(**SMALL | {"max_iter": 9}).fit(X, Y, callback=watch)
    assert [loss for loss, _ in seen] == model.loss_curve_ and model.n_iter_ == 2
    assert seen[-1][1] == quietly(model, X[:3])


def test_it_is_an_estimator() -> None:
    """Cloned, pickled, searched over; nothing before `fit`."""
    fresh = RNNSeq2Seq(**SMALL)
    for call in (lambda: fresh.predict(X), lambda: fresh.decode(X), lambda: fresh.score(X, Y), lambda: fresh.weights_):
        with pytest.raises(NotFittedError):
            call()
    assert clone(fresh).get_params() == fresh.get_params()
    search = GridSearchCV(fresh, {"embedding_dim": [2, 3]}, cv=2).fit(X, [[*y] for y in Y])
    assert search.best_estimator_.target_tokens_.tolist() == LETTERS
    model = fresh.fit(X, Y)
    assert quietly(pickle.loads(pickle.dumps(model)), X) == quietly(model, X)
    assert type(model.weights_["encoder.embeddings.0.vectors"]) is np.ndarray


def test_a_failed_fit_leaves_the_model(model: RNNSeq2Seq) -> None:
    before = model.decode(X)
    for sources, targets in ((X, Y[:-1]), (X, ["", *Y[1:]]), (["ab", None], ["a", "b"])):
        with pytest.raises((ValueError, TypeError)):
            model.fit(sources, targets)

    def stop(epoch: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(["xyz"] * 40, ["pq"] * 40, callback=stop)
    assert model.source_tokens_.tolist() == LETTERS
    np.testing.assert_array_equal(model.decode(X).log_probabilities, before.log_probabilities)


def test_matches_are_exact() -> None:
    """Neither a longer nor a shorter sequence matches, nor padding."""
    model = RNNSeq2Seq(**SMALL).fit(X, Y)
    sources = TokenCodes(np.zeros(5, np.int64), np.ones(5, np.int64))
    found = decode(model._fitted, sources, Search(1, 4), None)
    symbols = found.symbols
    symbols[:] = [[0, 1, 4, 4], [0, 1, 0, 4], [0, 4, 4, 4], [0, 0, 4, 4], [0, 1, 4, 4]]
    found.sizes[:] = [2, 3, 1, 2, 2]
    wanted = TokenCodes(np.array([0, 1] * 4 + [0, 1, 2]), np.array([2, 2, 2, 2, 3]))
    assert matches(found, wanted).tolist() == [True, False, False, False, False]
    assert wanted.take(np.array([4, 0])).codes.tolist() == [0, 1, 2, 0, 1]
    assert wanted.reversed().codes.tolist() == [1, 0] * 4 + [2, 1, 0]


def test_sampled_softmax_learns_many_tokens() -> None:
    """Trained on a few of 120 tokens a step; with as many as there are it is the full softmax."""
    rng = np.random.RandomState(0)
    rows = [rng.randint(120, size=rng.randint(1, 4)).tolist() for _ in range(1500)]
    options = {"hidden_layer_sizes": 48, "embedding_dim": 24, "solver": Adam(0.01), "random_state": 0}
    model = RNNSeq2Seq(**options, n_sampled_tokens=40, max_iter=30).fit(rows, rows)
    assert model.score(rows, rows) > 0.9
    losses = [RNNSeq2Seq(**SMALL, n_sampled_tokens=n).fit(X, Y).loss_curve_ for n in (None, 5, 900, 3)]
    assert losses[0] == losses[1] == losses[2] != losses[3]
    with pytest.raises(ValueError, match="n_sampled_tokens and scheduled_sampling exclude one another"):
        RNNSeq2Seq(**SMALL, n_sampled_tokens=3, scheduled_sampling=0.1).fit(X, Y)
