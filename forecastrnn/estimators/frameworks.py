"""from_torch, from_keras and the ways back: a fitted estimator with the weights of a network trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from forecastrnn.data.standardize import ArrayScaler
from forecastrnn.data.targets import read_labels
from forecastrnn.estimators.parameters import layers_of
from forecastrnn.networks.frameworks.keras_weights import from_keras, to_keras
from forecastrnn.networks.frameworks.stack import Dense, Layer, WeightsOf, scaled, sides
from forecastrnn.networks.frameworks.torch_weights import from_torch, to_torch
from forecastrnn.networks.network import Network
from forecastrnn.sequences.fitting import Fitted
from forecastrnn.sequences.settings import SequenceSettings
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState

SET = ("cell", "hidden_layer_sizes", "bidirectional", "layer_norm", "standardize", "dtype")


class FromFrameworks:
    """Gives an estimator of sequences `from_torch`, `from_keras`, `to_torch` and `to_keras`."""

    _fitted: Fitted

    @classmethod
    def from_torch(
        cls, state_dict: Mapping[str, Any], *, each_step: bool = False, classes: Sequence | None = None,
        activation: str = "tanh", **parameters: Any,
    ) -> Self:  # fmt: skip
        """A fitted estimator with the weights of a network of PyTorch: layers of `nn.LSTM` or kin, one `nn.Linear`.

        Parameters
        ----------
        state_dict : mapping of str to tensor or array
            `module.state_dict()`. Several recurrent modules are layers one behind the other.
        each_step : bool
            Whether the dense layer reads the outputs at each step, not the last state alone. That of a bidirectional
            network is `torch.cat([h_n[-2], h_n[-1]], 1)`: the backward direction has read the whole sequence.
        classes : list, optional
            Of a classifier: the label of each output; None: 0, 1, ... With two labels one output may be a logit of the
            second.
        activation : {"tanh", "relu"}
            The `nonlinearity` of `nn.RNN`.
        **parameters
            Further ones of the estimator, for training that goes on with `partial_fit` or `warm_start`.

        Returns
        -------
        estimator
            Fitted, without epochs: `predict`, `stream`, `save` and all else works. X is read as it is, as there.

        Raises
        ------
        ValueError, TypeError
            For weights that are missing, left over or of a wrong shape, other numbers of classes than of outputs, and
            parameters that the weights set.

        Examples
        --------
        >>> import numpy as np
        >>> from forecastrnn import RNNRegressor
        >>> names = {"lstm.weight_ih_l0": (20, 3), "lstm.weight_hh_l0": (20, 5), "fc.weight": (1, 5), "fc.bias": (1,)}
        >>> model = RNNRegressor.from_torch({name: np.full(shape, 0.1) for name, shape in names.items()})
        >>> model.predict(np.ones((2, 7, 3))).shape
        (2,)
        """
        found = from_torch(state_dict, activation=activation)
        return imported(cls, found, each_step, classes, parameters)

    @classmethod
    def from_keras(
        cls, weights: Sequence[Any], *, each_step: bool = False, classes: Sequence | None = None,
        activation: str = "tanh", bidirectional: bool = False, **parameters: Any,
    ) -> Self:  # fmt: skip
        """A fitted estimator with the weights of a network of Keras: layers of `LSTM` and kin, and one `Dense`.

        Parameters
        ----------
        weights : list of arrays
            `model.get_weights()`.
        each_step : bool
            Whether the last recurrent layer has `return_sequences=True`.
        classes : list, optional
            Of a classifier: the label of each output; None: 0, 1, ... With two labels one output may be a logit of the
            second.
        activation : {"tanh", "relu"}
            That of `SimpleRNN`.
        bidirectional : bool
            Whether each layer is in a `Bidirectional`.
        **parameters
            Further ones of the estimator, for training that goes on with `partial_fit` or `warm_start`.

        Returns
        -------
        estimator
            Fitted, without epochs. X is read as it is, as there.

        Raises
        ------
        ValueError, TypeError
            As in `from_torch`.

        Examples
        --------
        >>> import numpy as np
        >>> from forecastrnn import RNNClassifier
        >>> weights = [np.full(shape, 0.1) for shape in ((3, 20), (5, 20), (20,), (5, 2), (2,))]
        >>> RNNClassifier.from_keras(weights, classes=["down", "up"]).predict_proba(np.ones((2, 7, 3))).shape
        (2, 2)
        """
        found = from_keras(weights, activation=activation, bidirectional=bidirectional)
        return imported(cls, found, each_step, classes, parameters)

    def to_torch(self, *, module: str = "rnn", dense_module: str = "fc") -> dict[str, np.ndarray]:
        """Weights of the fitted network as arrays of a `state_dict` of PyTorch's.

        Parameters
        ----------
        module, dense_module : str
            Names of the recurrent module and of the `nn.Linear`, in the module that has them.

        Returns
        -------
        dict of str to ndarray
            `load_state_dict({name: torch.from_numpy(value) for name, value in found.items()})` takes it. Where the
            estimator standardises, that is in the weights: the module reads X and puts out y as they are.

        Raises
        ------
        ValueError
            For categories, and for cells and layers that no module of PyTorch has.
        NotFittedError
            Before `fit`.
        """
        cells, weights, dense = _own(self)
        return to_torch(cells, weights, dense, module=module, dense_module=dense_module)

    def to_keras(self) -> list[np.ndarray]:
        """Weights of the fitted network as arrays that `set_weights` of a model of Keras takes.

        Returns
        -------
        list of ndarray
            Of the recurrent layers, and of the dense one. Standardisation is in the weights, as in `to_torch`.

        Raises
        ------
        ValueError
            For categories, and for cells and layers that Keras has not.
        NotFittedError
            Before `fit`.
        """
        return to_keras(*_own(self))


def imported(cls: Any, found: WeightsOf, each_step: bool, classes: Sequence | None, parameters: dict[str, Any]) -> Any:
    """A fitted estimator of this class."""
    if set_here := sorted(set(SET) & set(parameters)):
        raise ValueError(
            f"{set_here[0]} must not be given: the weights say what it is, and inputs are read as they are."
        )
    if found.dense is None:
        raise ValueError(
            "there is no dense layer among the weights, so nothing says what the outputs are. Give those of the whole "
            "network; forecastrnn.functional reads bare layers, for `dynamic_rnn`."
        )
    is_classifier = hasattr(cls, "predict_proba")
    if classes is not None and not is_classifier:
        raise ValueError("classes are labels of a classifier: use RNNClassifier, or leave them out.")
    labels, dense = _labelled(found.dense, classes) if is_classifier else (None, found.dense)
    estimator = cls(**parameters, **_parameters_of(found))
    estimator._validate_params()
    settings = estimator._read_settings(False)
    estimator.n_features_in_ = estimator.n_channels_in_ = len(sides(found.weights[0])[0]["kernel"])
    if labels is not None:
        estimator.classes_ = labels
    estimator._publish(_fitted_of(found._replace(dense=dense), estimator, settings, each_step), settings.device)
    return estimator


def _parameters_of(found: WeightsOf) -> dict[str, Any]:
    """What the weights say of an estimator's parameters."""
    kinds = {len(sides(layer)) for layer in found.weights}
    if len(kinds) > 1:
        raise ValueError(
            "some layers are bidirectional and others are not; an estimator has either, in all its layers."
        )
    own = [sides(layer)[0] for layer in found.weights]
    cells = set(found.cells)
    return {
        "cell": found.cells[0] if len(cells) == 1 else list(found.cells),
        "hidden_layer_sizes": tuple(len(weights["recurrent_kernel"]) for weights in own),
        "bidirectional": kinds == {2}, "standardize": False,
        "dtype": np.result_type(*(array for weights in own for array in weights.values())).name,
    }  # fmt: skip


def _fitted_of(found: WeightsOf, estimator: Any, settings: SequenceSettings, each_step: bool) -> Fitted:
    dense = cast(Dense, found.dense)
    outputs = len(dense["bias"])
    network = Network(estimator.n_channels_in_, layers_of(estimator), outputs)
    theta = np.zeros(network.size, estimator.dtype)
    views = network.views(theta)
    for number, (layer, given) in enumerate(zip(network.layers, found.weights, strict=True)):
        for prefix, own in zip(layer.directions, sides(given), strict=True):
            for name, values in own.items():
                views[f"layers.{number}.{prefix}{name}"][...] = values
    for name, values in dense.items():
        views[f"output.{name}"][...] = values
    one = 1 if hasattr(estimator, "classes_") or outputs == 1 else 2
    steps = 2 if hasattr(estimator, "classes_") else 3
    return Fitted(
        network=network, progress=Progress(theta, OptimizerState.zeros(theta, settings.rule.moments)), x_scaler=None,
        y_scaler=None, loss=settings.loss, last=0 if each_step else 1, target_ndim=steps if each_step else one, seed=0,
        dropout=settings.dropout,
    )  # fmt: skip


def _labelled(dense: Dense, classes: Sequence | None) -> tuple[np.ndarray, Dense]:
    """Labels in their order, and a dense layer with an output for each of them in that order."""
    kernel, bias = dense["kernel"], dense["bias"]
    if len(bias) == 1:  # the logit of the second of two, beside that of the first, which is 0
        kernel, bias = np.concatenate([0 * kernel, kernel], axis=1), np.append(0 * bias, bias)
    labels = np.arange(len(bias)) if classes is None else read_labels(classes, 4, "classes")
    if labels.shape != bias.shape or len(np.unique(labels)) != len(bias):
        raise ValueError(f"classes must be {len(bias)} labels, one for each output, all different. Got {classes!r:.80}")
    order = np.argsort(labels)
    return labels[order], {"kernel": kernel[:, order], "bias": bias[order]}


def _own(estimator: FromFrameworks) -> WeightsOf:
    """Weights of a fitted estimator, with what standardises in them."""
    check_is_fitted(estimator)
    fitted = estimator._fitted
    if fitted.network.embeddings:
        raise ValueError("the model reads categories: their vectors are no weights of recurrent layers.")
    views = fitted.network.views(fitted.progress.theta)
    layers: list[Layer] = fitted.network.layer_weights(fitted.progress.theta)
    dense = {name: views[f"output.{name}"] for name in ("kernel", "bias")}
    own = WeightsOf([layer.cell for layer in fitted.network.layers], layers, dense)
    turned = scaled(own, _pair(fitted.x_scaler), _pair(fitted.y_scaler))
    dtype = fitted.progress.theta.dtype
    dense = {name: array.astype(dtype) for name, array in cast(Dense, turned.dense).items()}
    return WeightsOf(turned.cells, [_in_dtype(layer, dtype) for layer in turned.weights], dense)


def _pair(scaler: ArrayScaler | None) -> tuple[np.ndarray, np.ndarray] | None:
    return None if scaler is None else (scaler.mean_, scaler.scale_)


def _in_dtype(layer: Layer, dtype: np.dtype) -> Layer:
    """What was scaled in float64 as the other weights are."""
    turned = [{name: array.astype(dtype) for name, array in own.items()} for own in sides(layer)]
    return (turned[0], turned[1]) if len(turned) == 2 else turned[0]
