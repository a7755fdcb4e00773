"""save and load of all estimators: parameters and fitted state to a model file, and back."""

from __future__ import annotations

from collections.abc import Container
from copy import copy
from dataclasses import replace
from importlib import import_module
from typing import Any, Self

import numpy as np

from forecastrnn._version import __version__
from forecastrnn.estimators.candidate_settings import candidates_of
from forecastrnn.estimators.device_choice import check_devices
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.groups.calendars import Calendar, Holidays
from forecastrnn.estimators.groups.intervals import Conformal
from forecastrnn.estimators.groups.losses import LOSS_OF
from forecastrnn.estimators.groups.schedules import OneCycle, Steps
from forecastrnn.estimators.interval_settings import intervals_of
from forecastrnn.estimators.named_parameters import check_numbers
from forecastrnn.estimators.old_names import flat_parameters, modernise
from forecastrnn.estimators.parameters import layers_of
from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.cells import CELLS
from forecastrnn.networks.losses import KNOWN_LOSSES
from forecastrnn.persistence.checkpoint_file import CLASS as CHECKPOINT
from forecastrnn.persistence.codec import TEXT, Part, State, choice
from forecastrnn.persistence.model_file import ASK, ModelFile, open_model, write_model
from forecastrnn.persistence.plain_values import IMPORT_IT, check_known, decode, encode
from forecastrnn.training.optimizers import SOLVERS

TENSORS_OF = "embedding_weights"  # a parameter that may be large: its state keeps it
STATES = {
    "RNNClassifier": "sequences.state",
    "RNNForecaster": "forecasting.state",
    "RNNRegressor": "sequences.state",
    "RNNSeq2Seq": "sequences.seq2seq_state",
}  # of each class that can be saved
# Not in the first files: with these values they are left out, so that earlier versions read what does not need them.
_LATER = {"freq": None, "alias": "RNN", "intervals": None, "short": "raise", "bounds": "auto", "long_run_mean": "auto",
          "older_means": "auto", "calendar": None, "candidates": "network", "verbose": "auto",
          "class_weight": None, "start": None}  # fmt: skip
_NAMED: list[tuple[str, str, Container[str]]] = [
    ("cell", "cell", CELLS), ("loss", "loss", KNOWN_LOSSES), ("update rule", "solver", SOLVERS),
]  # fmt: skip
# What no flat parameter says: a course with numbers of its own, intervals, a calendar, likelihoods.
GROUPS = (OneCycle, Steps, Conformal, Calendar, Holidays, *LOSS_OF.values())
# What else goes wrong where parts of a file do not fit together; a file that is damaged, all the same.
_UNFIT = (ArithmeticError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError)
_HEADER = {"class": choice(*STATES), "written_by": TEXT}


class SavedToFile:
    """Gives an estimator `save` and `load`."""

    def save(self, path: Any) -> None:
        """Write the fitted estimator to a file: parameters, weights, optimizer, scalers, all that it needs.

        `load` gives it back in any process: predictions, streams and a warm start have the same bits. The file is no
        pickle: loading it runs no code. It is written beside `path` and then put there at once, so that whatever
        interrupts it, an earlier file stays whole; what a killed process has left there, the next save clears. A cell
        of your own is kept as the graph of its formula, and so loads where its class is not.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            File to write; one that is there is replaced. Into an open file, such as `io.BytesIO()` or a pipe, the model
            is written from where it stands; it is left open, and what is in it then is as safe as it makes it.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            For another `path`, or a file that is open for text. For what a file cannot keep: a `random_state` that is
            neither an int nor None, a subclass, names of series that are neither texts, numbers nor times.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile, numpy as np
        >>> from forecastrnn import RNNRegressor
        >>> X = np.sin(np.arange(60).reshape(10, 6) * 0.7)
        >>> model = RNNRegressor(hidden_layer_sizes=4, max_iter=3, random_state=0).fit(X[:, :-1], X[:, -1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/model.rnn")
        ...     again = RNNRegressor.load(f"{folder}/model.rnn")
        >>> bool((again.predict(X[:, :-1]) == model.predict(X[:, :-1])).all())
        True
        """
        save_estimator(self, path)

    @classmethod
    def load(cls, path: Any) -> Self:
        """Read an estimator of this class from a file that `save` wrote.

        Parameters
        ----------
        path : str, os.PathLike, binary file or bytes
            What `save` was given; or the bytes of such a file, as `forecastrnn.load` takes them.

        Returns
        -------
        estimator
            Fitted, of this class.

        Raises
        ------
        ModelFileError, OSError
            As `forecastrnn.load` raises them; ModelFileError also where the file holds another estimator.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> RNNForecaster.load("no such file")
        Traceback (most recent call last):
            ...
        FileNotFoundError: [Errno 2] No such file or directory: 'no such file'
        """
        return load_estimator(path, {cls.__name__: cls})


def _state_of(name: str) -> State:
    """What knows the state of a class; that of series needs pandas, and comes when it is used."""
    found: State = import_module(f"forecastrnn.{STATES[name]}").STATE
    return found


def save_estimator(estimator: Any, path: Any) -> None:
    """Write a fitted estimator to a model file."""
    check_is_fitted(estimator)
    name = type(estimator).__name__
    if name not in STATES or not type(estimator).__module__.startswith("forecastrnn."):
        raise TypeError(f"save keeps {', '.join(STATES)}, not {name}: a file cannot hold the code of a subclass.")
    check_parameters(estimator)
    given = flat_parameters(estimator)
    kept = {key: value for key, value in given.items() if key != TENSORS_OF and not _is_later(key, value)}
    parameters = {key: _encode_parameter(key, value) for key, value in kept.items()}
    flat = copy(estimator)
    vars(flat).update(given)
    state, tensors, values = _state_of(name).write(flat, name)
    header = {"class": name, "written_by": __version__, "parameters": parameters, "state": state}
    write_model(path, header, tensors, {tensor.name: values[tensor.name] for tensor in tensors})


def _is_later(name: str, value: Any) -> bool:
    """Whether a parameter came behind the first files, and has the value that stands for its absence."""
    return name in _LATER and type(value) is type(_LATER[name]) and bool(value == _LATER[name])


def _encode_parameter(name: str, value: Any) -> Any:
    """For the header; a generator has a state that others may share, so of random_state only a seed can be kept."""
    if name == "random_state" and isinstance(value, np.random.RandomState):
        raise TypeError(
            f"random_state={value!r} cannot be saved: a model file keeps an int or None. Call "
            "set_params(random_state=0), or another seed, before save; it counts from the next fit on."
        )
    if name == "freq" and not (value is None or isinstance(value, str | int)):
        from forecastrnn.persistence.axis_records import encode_freq  # brings pandas with it

        return {"freq": encode_freq(value)}
    if isinstance(value, Calendar) and value.events is not None:
        from forecastrnn.persistence.calendar_records import encode_events

        return {"calendar": encode(replace(value, events=None), name), "events": encode_events(value.events)}
    if name == "bounds" and isinstance(value, list | tuple):
        value = tuple(None if one is not None and np.isinf(one) else one for one in value)  # no bound is None in a file
    if name == "class_weight" and isinstance(value, dict):
        return {"labels": encode(list(value), name), "weights": encode(list(value.values()), name)}
    return encode(value, name)


def _decode_parameter(name: str, raw: object) -> Any:
    if name == "freq" and isinstance(raw, dict):
        from forecastrnn.persistence.axis_records import decode_freq

        return decode_freq(raw.get("freq"))
    if name == "calendar" and isinstance(raw, dict) and "events" in raw and "calendar" in raw:
        from forecastrnn.persistence.calendar_records import decode_events

        return replace(_decode_parameter(name, raw["calendar"]), events=decode_events(raw["events"]))
    if name == "class_weight" and isinstance(raw, dict):
        return dict(zip(*(map(decode, raw[key]) for key in ("labels", "weights")), strict=True))
    return decode(raw, GROUPS)


def check_parameters(estimator: Any) -> None:
    """Parameters as `fit` would have them: they may have been set since."""
    estimator._check_params()
    check_numbers(estimator)
    check_devices(estimator, len(layers_of(estimator)))
    if "intervals" in estimator.get_params(deep=False):
        intervals_of(estimator)
        candidates_of(estimator)


def load_estimator(path: Any, classes: dict[str, type]) -> Any:
    """The estimator in a model file, which must be one of `classes` by name."""
    with open_model(path) as file:
        try:
            return _restore(file, classes)
        except ModelFileError as error:
            if str(error).startswith(file.path):
                raise
            what_to_do = "" if IMPORT_IT in str(error) else f" {ASK}"
            raise ModelFileError(f"{file.path}: {str(error).rstrip('.')}.{what_to_do}") from error
        except _UNFIT as error:
            what = f"{type(error).__name__}: {str(error)[:200]}"
            raise ModelFileError(f"{file.path}: what is in it does not fit together ({what}). {ASK}") from error


def _restore(file: ModelFile, classes: dict[str, type]) -> Any:
    if isinstance(file.header, dict) and file.header.get("class") == CHECKPOINT:
        raise ModelFileError(
            f"{file.path}: it holds what a fit has kept to go on, no model. Give it to the same fit, as checkpoint=."
        )
    header = Part(file.header, "the header")
    name, written_by = (kind.read(header, word) for word, kind in _HEADER.items())
    if name not in classes:
        raise ModelFileError(
            f"{file.path}: it holds {name}, not {' or '.join(classes)}. Load it with {name}.load or forecastrnn.load."
        )
    estimator = _with_parameters(classes[name], header.take("parameters", dict), written_by)
    state = _state_of(name)
    tensors, make = state.read(header.take("state", dict), name)
    header.close()
    state.restore(estimator, **make(file.read(tensors)))
    modernise(estimator)  # embedding_weights are tensors
    return estimator


def _check_names(estimator: Any) -> None:
    """Cell, loss and update rule are known here, where a file names them."""
    for what, parameter, table in _NAMED:
        value = getattr(estimator, parameter, None)
        for name in value if isinstance(value, list | tuple) else [value]:
            if isinstance(name, str):
                check_known(what, name, table)


def _with_parameters(kind: Any, raw: Any, written_by: str) -> Any:
    """An unfitted estimator; parameters that the file does not know are as before there were any."""
    estimator = kind()
    if not isinstance(raw, dict):
        raise ModelFileError("the file has no parameters")
    known = flat_parameters(estimator).keys() | {"tol"}  # of forecasters that have one of their own
    odd = [name for name in raw if name not in known]
    if odd:
        raise ModelFileError(
            f"{kind.__name__} has no parameter {odd[0][:40]!r}: the file was written by version {written_by[:20]}, "
            "this one is older"
        )
    for name, value in _LATER.items():
        if name in known:
            setattr(estimator, name, value)
    for name, value in raw.items():
        setattr(estimator, name, _decode_parameter(name, value))
    _check_names(estimator)
    try:
        check_parameters(estimator)
        modernise(estimator)
        check_parameters(estimator)
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"a parameter is not a possible one: {str(error)[:200]}") from error
    return estimator
