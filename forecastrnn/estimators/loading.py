"""Estimators from model files, whichever they hold."""

from __future__ import annotations

from typing import Any

import forecastrnn
from forecastrnn.estimators.saving import STATES, load_estimator


def load(path: Any) -> Any:
    """Read a fitted estimator from a file that its `save` wrote.

    Nothing in the file is run: it holds numbers and texts, which are checked, and no names of code. Still, predictions
    are as trustworthy as the file's origin.

    Parameters
    ----------
    path : str, os.PathLike, binary file or bytes
        The file, or its bytes. One that is open, such as a socket or a member of an archive, is read from where it
        stands to the end of the model, and stays open.

    Returns
    -------
    RNNRegressor, RNNClassifier, RNNForecaster or RNNSeq2Seq
        Its predictions, streams and warm starts have the bits of the estimator that was saved.

    Raises
    ------
    ModelFileError
        A ValueError: the file is no model file, is damaged, or is of a newer version.
    OSError
        If the file cannot be read: FileNotFoundError, IsADirectoryError, PermissionError.
    TypeError
        For another `path`, or a file that is open for text.

    Examples
    --------
    >>> import tempfile, forecastrnn
    >>> from forecastrnn.datasets import load_airline
    >>> y = load_airline()
    >>> model = forecastrnn.RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/airline.rnn")
    ...     again = forecastrnn.load(f"{folder}/airline.rnn")
    >>> again.predict(12).equals(model.predict(12))
    True
    """
    return load_estimator(path, {name: getattr(forecastrnn, name) for name in STATES})
