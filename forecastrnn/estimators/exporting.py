"""export_numpy: a fitted estimator of sequences as a module that needs NumPy alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from forecastrnn.data.standardize import ArrayScaler
from forecastrnn.data.targets import no_label
from forecastrnn.networks.exported import Exported
from forecastrnn.numpy_predictor.writing import write
from forecastrnn.sequences.fitting import Fitted


class ExportedToNumpy:
    """Gives an estimator of sequences `export_numpy`."""

    _fitted: Fitted

    def export_numpy(self, folder: str | os.PathLike) -> Path:
        """Write the fitted model as a Python module and an archive of arrays, for places that have NumPy alone.

        The module is a few hundred readable lines: the loops over time, the formula of each cell as straight-line code,
        and `predict` (and `predict_proba` of a classifier). It imports NumPy and nothing else, no forecastrnn, and
        reads the archive beside it, in which there is no code.

        Parameters
        ----------
        folder : str or path
            Where `predictor.py` and `weights.npz` are written; made if it is not there. What has these names is
            replaced.

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

        Notes
        -----
        Predictions agree to 1e-12 with dtype="float64", and with "float32" as far as its rounding goes. X must be what
        the model was fitted on, finite numbers or categories; what is wrong with it is said with its place.

        Examples
        --------
        >>> import runpy, tempfile, numpy as np
        >>> from forecastrnn import RNNRegressor
        >>> X = np.sin(np.arange(60).reshape(10, 6) * 0.7)
        >>> model = RNNRegressor(hidden_layer_sizes=4, max_iter=3, random_state=0).fit(X[:, :-1], X[:, -1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     predictor = runpy.run_path(str(model.export_numpy(folder)))
        >>> bool(np.allclose(predictor["predict"](X[:, :-1]), model.predict(X[:, :-1])))
        True
        """
        check_is_fitted(self)
        return write(exported_of(self), folder)


def exported_of(estimator: Any) -> Exported:
    """What is written of a regressor or classifier."""
    fitted, classes = estimator._fitted, getattr(estimator, "classes_", None)
    coding = fitted.coding
    arrays = _scales("x", fitted.x_scaler, fitted.network.n_inputs)
    arrays |= _scales("y", fitted.y_scaler, fitted.network.n_outputs)
    if classes is not None:
        arrays |= {"classes": plain_labels(classes), "no_class": _no_class(plain_labels(classes))}
    arrays |= {f"categories.{k}": plain_labels(one) for k, one in enumerate(coding.categories if coding else ())}
    settings = {"CATEGORICAL": coding.columns if coding else (), "LAST": fitted.last,
                "TARGET_DIMENSIONS": fitted.target_ndim, "REPEATS": fitted.repeats}  # fmt: skip
    return Exported(
        title=type(estimator).__name__, network=fitted.network, theta=fitted.progress.theta, arrays=arrays,
        settings=settings, classes=classes is not None,
    )  # fmt: skip


def _no_class(classes: np.ndarray) -> np.ndarray:
    """What stands below the mask, behind the end of a row."""
    return np.array(no_label(classes), classes.dtype)


def _scales(name: str, scaler: ArrayScaler | None, columns: int) -> dict[str, np.ndarray]:
    """Mean and spread of columns, 0 and 1 where they are not standardised."""
    pair = (np.zeros(columns), np.ones(columns)) if scaler is None else (scaler.mean_, scaler.scale_)
    return dict(zip((f"{name}.mean", f"{name}.scale"), pair))


def plain_labels(labels: np.ndarray) -> np.ndarray:
    """Labels without Python's objects, which an archive would have to pickle."""
    return np.array(labels.tolist()) if labels.dtype == object else labels
