"""export_numpy of an encoder and a decoder of tokens."""

from __future__ import annotations

import os
from pathlib import Path

from sklearn.utils.validation import check_is_fitted

from forecastrnn.estimators.exporting import plain_labels
from forecastrnn.estimators.seq2seq_estimator import PairEstimator
from forecastrnn.networks.exported import ExportedPair
from forecastrnn.numpy_predictor.pair_text import text_of_pair
from forecastrnn.numpy_predictor.writing import write_files


class PairsToNumpy(PairEstimator):
    """Gives an estimator of pairs `export_numpy`."""

    def export_numpy(self, folder: str | os.PathLike) -> Path:
        """Write the fitted model as a Python module and an archive of arrays, for places that have NumPy alone.

        The module's `predict(X, max_length=None)` gives what `predict` of the estimator gives, by the same beam; it
        takes sources one by one, and is not for speed.

        Parameters
        ----------
        folder : str or path
            Where `predictor.py` and `weights.npz` are written, as by `RNNRegressor.export_numpy`.

        Returns
        -------
        Path
            Of the module.

        Raises
        ------
        NotFittedError
            Before `fit`.
        OSError
            If the files cannot be written.

        Examples
        --------
        >>> import runpy, tempfile
        >>> from forecastrnn import RNNSeq2Seq
        >>> X = ["abc", "cab", "bca"]
        >>> model = RNNSeq2Seq(hidden_layer_sizes=8, max_iter=2, random_state=0).fit(X, [x[::-1] for x in X])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     predictor = runpy.run_path(str(model.export_numpy(folder)))
        >>> predictor["predict"](X) == model.decode(X).sequences
        True
        """
        check_is_fitted(self)
        pair = exported_of(self)
        arrays = pair.network.views(pair.theta) | dict(pair.arrays)
        reader, writer = pair.network.reader, pair.network.writer
        return write_files(arrays, text_of_pair(pair.title, reader, writer, pair.settings), folder)


def exported_of(estimator: PairEstimator) -> ExportedPair:
    """What is written of an encoder and a decoder."""
    fitted, search = estimator._fitted, estimator._search()
    sides = {"source_tokens": fitted.source_tokens, "target_tokens": fitted.target_tokens}
    settings = {
        "ATTENTION": fitted.network.attention, "REVERSES": fitted.reverse, "RAISES": estimator.unknown == "raise",
        "WRITES_STR": fitted.writes_str, "BEAM_WIDTH": int(search["beam_width"]),
        "LENGTH_PENALTY": float(search["length_penalty"]), "MAX_LENGTH": estimator._most(fitted, None) - 1,
    }  # fmt: skip
    return ExportedPair(
        title=type(estimator).__name__, network=fitted.network, theta=fitted.progress.theta,
        arrays={name: plain_labels(tokens) for name, tokens in sides.items()}, settings=settings,
    )  # fmt: skip
