"""A fit whose process was killed goes on from its checkpoint, and ends with the bits of one that was not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config

from forecastrnn import Checkpoint, ModelFileError, RNNForecaster, RNNRegressor, keeping, load
from forecastrnn.estimators import resuming
from forecastrnn.persistence import replacing
from support.resume_cases import KINDS, SMALL, Deadly, digest
from support.same_bits import X, Y


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deadly]:
    """Every update is written."""
    with Deadly.everywhere() as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_fit_ends_with_the_same_bits(kind: str, deadly: Deadly, tmp_path: Path) -> None:
    """Killed early and, once more, late."""
    fit, path = KINDS[kind], tmp_path / "run.ckpt"
    right = digest(fit(None))
    rng = np.random.default_rng(len(kind))
    assert deadly.within(fit, path, int(rng.integers(1, 9))) is None
    model = deadly.within(fit, path, int(rng.integers(9, 25)))
    assert digest(model or deadly.within(fit, path, 0)) == right
    assert not list(tmp_path.iterdir())


def test_each_write_of_a_fit_leads_to_the_same_bits(deadly: Deadly, tmp_path: Path) -> None:
    """With the state that truncated BPTT carries on, wherever it is killed."""
    fit, path = KINDS["carried"], tmp_path / "run.ckpt"
    right = digest(fit(None))
    deadly.within(fit, path, 0)
    for last in range(1, deadly.made):
        assert deadly.within(fit, path, last) is None
        assert digest(deadly.within(fit, path, 0)) == right


def test_half_a_file_of_a_killed_write_goes(tmp_path: Path) -> None:
    """Though the fit that goes on ends before it writes."""
    handle, temporary = replacing._create(str(tmp_path))
    handle.close()
    KINDS["carried"](str(tmp_path / "run.ckpt"))
    assert not list(tmp_path.iterdir()), temporary


def test_what_was_drawn_by_chance_is_kept(deadly: Deadly, tmp_path: Path) -> None:
    """random_state=None, where the second run would draw another seed and other rows to hold out."""

    def fit(kept: Any) -> RNNRegressor:
        return RNNRegressor(**SMALL | {"random_state": None}, early_stopping=True).fit(X, Y, checkpoint=kept)

    np.random.seed(5)  # noqa: NPY002
    right = fit(None)
    np.random.seed(5)  # noqa: NPY002
    assert deadly.within(fit, tmp_path / "run.ckpt", 3) is None
    assert deadly.within(fit, tmp_path / "run.ckpt", 0).loss_curve_ == right.loss_curve_


def test_less_is_trained_again(deadly: Deadly, tmp_path: Path) -> None:
    """Epochs that the first run has finished run no more."""
    seen: list[int] = []

    def fit(kept: Any) -> RNNRegressor:
        return RNNRegressor(**SMALL).fit(X, Y, checkpoint=kept, callback=lambda epoch: seen.append(epoch.iteration))

    deadly.within(fit, tmp_path / "run.ckpt", 10)  # three updates an epoch
    deadly.within(fit, tmp_path / "run.ckpt", 0)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_another_fit_is_refused(deadly: Deadly, tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    deadly.within(lambda kept: RNNRegressor(**SMALL).fit(X, Y, checkpoint=kept), path, 2)
    kept = path.read_bytes()
    changed = SMALL | {"hidden_layer_sizes": 5, "batch_size": 8}
    told = r"another fit \(batch_size 7, now 8, hidden_layer_sizes 4, now 5; data the same\): delete it or name another"
    with pytest.raises(ValueError, match=rf"run.ckpt belongs to {told}"):
        RNNRegressor(**changed).fit(X, Y, checkpoint=path)
    assert path.read_bytes() == kept


def test_other_data_are_refused(deadly: Deadly, tmp_path: Path) -> None:
    def fit(kept: Any, y: np.ndarray = Y) -> RNNRegressor:
        return RNNRegressor(**SMALL).fit(X, y, checkpoint=kept)

    deadly.within(fit, tmp_path / "run.ckpt", 2)
    told = r"another fit \(parameters the same; data differ\): delete it or name another"
    with pytest.raises(ValueError, match=told):
        fit(tmp_path / "run.ckpt", Y + 1e-9)
    model = RNNRegressor(**SMALL | {"n_jobs": 1, "verbose": False}).fit(X, Y, checkpoint=tmp_path / "run.ckpt")
    assert model.loss_curve_ == fit(None).loss_curve_, "what changes no bit may change"


def test_a_file_of_another_kind_stays(tmp_path: Path) -> None:
    model, path = RNNRegressor(**SMALL).fit(X, Y), tmp_path / "model.rnn"
    model.save(path)
    for content in (path.read_bytes(), b"", b"some text", path.read_bytes()[:-1]):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="model.rnn is no checkpoint.*delete it or name another") as caught:
            model.fit(X, Y, checkpoint=path)
        assert "Save" not in str(caught.value) and "save" not in str(caught.value), "the cure of a model"
        assert path.read_bytes() == content


def test_a_damaged_one_is_refused(deadly: Deadly, tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    deadly.within(KINDS["regressor"], path, 2)
    whole = path.read_bytes()
    for at in np.linspace(0, len(whole) - 1, 23).astype(int):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ModelFileError, match="no checkpoint that can be read"):
            KINDS["regressor"](path)
    path.write_bytes(whole)
    with pytest.raises(ModelFileError, match=r"run.ckpt: it holds what a fit has kept.* as checkpoint="):
        load(path)


@pytest.mark.parametrize("bad", ["missing/run.ckpt", "."])
def test_a_place_that_cannot_be_written_is_told_at_once(bad: str, tmp_path: Path) -> None:
    model = RNNRegressor(**SMALL).fit(X, Y)
    before = digest(model)
    with pytest.raises(OSError, match="directory"):
        model.fit(X, Y, checkpoint=tmp_path / bad, callback=lambda epoch: pytest.fail("it was trained"))
    assert digest(model) == before


def test_a_full_disk_ends_the_fit_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, path = RNNRegressor(**SMALL).fit(X, Y), tmp_path / "run.ckpt"
    before = digest(model)

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resuming, "write_checkpoint", full)
    with pytest.raises(OSError, match="No space left on device: the checkpoint cannot be written, and the fit ends"):
        model.fit(X, Y, checkpoint=Checkpoint(path, every=0))
    assert digest(model) == before and not path.exists()


@pytest.mark.parametrize(
    ("bad", "error"),
    [(3, TypeError), ("", TypeError), (Checkpoint("a", -1.0), ValueError), (Checkpoint("a", "60"), ValueError)],
)
def test_what_is_no_checkpoint(bad: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="checkpoint"):
        RNNRegressor(**SMALL).fit(X, Y, checkpoint=bad)


def test_a_fit_within_a_callback_is_its_own(deadly: Deadly, tmp_path: Path) -> None:
    """Nothing of it gets into the checkpoint of the fit around it."""

    def fit(kept: Any) -> RNNRegressor:
        def other(epoch: object) -> None:
            RNNRegressor(**SMALL | {"max_iter": 2}).fit(X, Y)

        return RNNRegressor(**SMALL).fit(X, Y, checkpoint=kept, callback=other)

    assert deadly.within(fit, tmp_path / "run.ckpt", 7) is None
    assert digest(deadly.within(fit, tmp_path / "run.ckpt", 0)) == digest(fit(None))


@pytest.mark.parametrize("kind", ["windows", "windows that go on"])
def test_windows_side_by_side_are_kept_as_they_come_in(kind: str, deadly: Deadly, tmp_path: Path) -> None:
    """Killed behind a window, with other workers than the run that goes on."""
    path, right = tmp_path / "run.ckpt", digest(KINDS[kind](None))
    with parallel_config("threading", n_jobs=2), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tasks which were still being processed")  # by joblib, if they are late
        assert deadly.within(KINDS[kind], path, 1) is None
    assert digest(deadly.within(KINDS[kind], path, 0)) == right
    with parallel_config("threading", n_jobs=2):
        assert digest(deadly.within(KINDS[kind], path, 0)) == right
        assert deadly.made == (3 if kind == "windows" else 2)
    assert not list(tmp_path.iterdir())


def test_a_minute_must_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short fit writes nothing, and leaves nothing."""
    monkeypatch.setattr(resuming, "write_checkpoint", lambda *args: pytest.fail("it was written"))
    RNNForecaster(n_members=1, max_steps=5).fit([3.0, 4.0, 5.0, 4.0] * 9, checkpoint=tmp_path / "run.ckpt")
    assert not list(tmp_path.iterdir())


def test_it_is_a_group() -> None:
    kept = Checkpoint("run.ckpt", every=5.0)
    assert repr(kept) == "Checkpoint(path='run.ckpt', every=5.0)"
    assert kept.with_params({"every": 9.0}) == Checkpoint("run.ckpt", 9.0)


def test_writes_are_rare_where_they_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the time that they take: 2% of all at most."""
    now, spent = [0.0], 0.0
    monkeypatch.setattr(keeping.time, "monotonic", lambda: now[0])
    keeper = keeping.Keeper(1.0, lambda records: now.__setitem__(0, now[0] + 0.5), {})
    for _ in range(10_000):
        now[0] += 0.1
        if keeper.is_due():
            keeper.write()
            spent += 0.5
    assert 15.0 < spent <= 0.02 * now[0]
