"""to_onnx: a fitted estimator of sequences as a model that ONNX Runtime and others run."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from forecastrnn.estimators.exporting import exported_of
from forecastrnn.onnx_models.sequences import model_of
from forecastrnn.persistence.model_file import place_of, write_blocks


class ToOnnx:
    """Gives an estimator of sequences `to_onnx`."""

    def to_onnx(self, path: Any) -> None:
        """Write the fitted model as an ONNX file (opset 17), which ONNX Runtime runs without this package.

        Layers that ONNX has an operator for become that operator: `Elman`, `LSTM` with or without peepholes, both forms
        of `GRU`. All others, cells of your own and normalised layers, become a `Scan` over the graph of their formula.
        Standardisation, vectors of categories and labels are in the file.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            File to write, at once; one that is there is replaced.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ImportError
            Without the package onnx.
        ValueError
            For a model that reads texts as categories.
        TypeError, OSError
            For another `path`, and if the file cannot be written.

        Notes
        -----
        Inputs are `X`, float64 (batch, time, channels), or (batch, channels) with `vector_input`; and two that may be
        left out, `lengths`, int64 (batch,), and with `vector_input` `n_steps`, int64 (1,). Batch and time are free. The
        output of a regressor is `prediction`, as `predict` has it, NaN past the end of a row; those of a classifier are
        `label` and `probabilities`, which are 0 there. Weights are float32.

        Examples
        --------
        >>> import io, numpy as np
        >>> from forecastrnn import RNNRegressor
        >>> X = np.sin(np.arange(60).reshape(10, 6) * 0.7)
        >>> model = RNNRegressor(hidden_layer_sizes=4, max_iter=3, random_state=0).fit(X[:, :-1], X[:, -1])
        >>> model.to_onnx("model.onnx")  # doctest: +SKIP
        """
        check_is_fitted(self)
        place = place_of(path)
        write_blocks(path, place, [model_of(exported_of(self))])
