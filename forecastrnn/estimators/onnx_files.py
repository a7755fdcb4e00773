"""to_onnx and from_onnx: a fitted estimator of sequences as a model of ONNX, and one made of such a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from forecastrnn.estimators.exporting import exported_of
from forecastrnn.estimators.frameworks import imported
from forecastrnn.networks.frameworks.onnx_weights import network_of
from forecastrnn.networks.frameworks.stack import WeightsOf
from forecastrnn.onnx_models.sequences import model_of
from forecastrnn.persistence.model_file import place_of, write_blocks


class OnnxFiles:
    """Gives an estimator of sequences `to_onnx` and `from_onnx`."""

    @classmethod
    def from_onnx(
        cls, model: Any, *, each_step: bool = False, classes: Sequence | None = None,
        values: Mapping[str, Any] | None = None, **parameters: Any,
    ) -> Self:  # fmt: skip
        """A fitted estimator with the weights of a model of ONNX: nodes of LSTM or kin, and one dense layer.

        Parameters
        ----------
        model : path, bytes, binary file or onnx.ModelProto
            The model, as `forecastrnn.functional.from_onnx` takes it. One that `to_onnx` has written is none: use
            `save` and `load`.
        each_step : bool
            Whether the dense layer reads the outputs at each step, not the last state alone.
        classes : list, optional
            Of a classifier: the label of each output; None: 0, 1, ... With two labels one output may be a logit of the
            second.
        values : mapping of str to array, optional
            Weights that are inputs of the graph, by their names there.
        **parameters
            Further ones of the estimator, for training that goes on with `partial_fit` or `warm_start`.

        Returns
        -------
        estimator
            Fitted, without epochs. X is (batch, time, channels), whatever the layout there, and is read as it is.

        Raises
        ------
        ValueError, TypeError
            For what `forecastrnn.functional.from_onnx` refuses, no dense layer, a link behind it that the estimator
            has not, other numbers of classes than of outputs, and parameters that the weights set.
        ImportError
            Without the package onnx.
        """
        found, link = network_of(model, values)
        _check_link(cls, found, link)
        return imported(cls, found, each_step, classes, parameters)

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
            For a model that reads texts in some channels and numbers in others.
        TypeError, OSError
            For another `path`, and if the file cannot be written.

        Notes
        -----
        Inputs are `X`, float64, or texts where categories are texts, (batch, time, channels), or (batch, channels) with
        `vector_input`; and two that may be left out, `lengths`, int64 (batch,), and with `vector_input` `n_steps`,
        int64 (1,). Batch and time are free. The output of a regressor is `prediction`, as `predict` has it, NaN past
        the end of a row; those of a classifier are `label` and `probabilities`, which are 0 there. Weights are float32.

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


def _check_link(cls: type, found: WeightsOf, link: str) -> None:
    """A classifier has a Softmax, which of one logit is the Sigmoid; a regressor has none."""
    if not link or found.dense is None:
        return
    if not hasattr(cls, "predict_proba"):
        raise ValueError(f"the model ends with a {link}, as classifiers do: use RNNClassifier.")
    if (link == "Sigmoid") != (len(found.dense["bias"]) == 1):
        raise ValueError(
            f"the model ends with a {link} of {len(found.dense['bias'])} outputs, which is no probability of one class."
        )
