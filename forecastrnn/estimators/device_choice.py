"""Where an estimator fits and predicts: what its parameter `device` means."""

from __future__ import annotations

from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn.engine.devices import CPU, is_name, log_once, resolve, resolve_if_there
from forecastrnn.estimators.parameters import NamedParameters, layers_of, refuse


def needs_cpu(estimator: NamedParameters) -> str:
    """The option of an estimator for which there are no kernels of a GPU yet; empty if it has none."""
    return "" if getattr(estimator, "global_model", True) else "global_model=False"


def device_of(estimator: NamedParameters, n_layers: int | None = None) -> str:
    """The device to fit on, "cpu" or "cuda:0" and so on; "auto" takes a GPU where there is one that can do it."""
    check_devices(estimator, n_layers)
    what, names = needs_cpu(estimator), {estimator.device} if isinstance(estimator.device, str) else {*estimator.device}
    if not what or names == {CPU}:
        return resolve(estimator.device)
    if not names <= {CPU, "auto"}:
        raise ValueError(
            f'device={estimator.device!r}: {what} runs on the CPU only. Use device="cpu", or device="auto" to take a '
            "GPU where one can be used."
        )
    log_once(f'device="auto" takes the CPU: {what} has no kernels of a GPU')
    return CPU


def check_devices(estimator: NamedParameters, n_layers: int | None = None) -> None:
    """One name, or a list with the name of a device for each layer."""
    if is_name(estimator.device):
        return
    if not isinstance(estimator.device, (list, tuple)):
        refuse(estimator, "device", "'cpu', 'cuda', 'cuda:1' and so on, 'auto', or a list of these, one for each layer")
    n = n_layers or len(layers_of(estimator))
    if len(estimator.device) != n:
        refuse(estimator, "device", f"one name or a list of {n}, one for each of hidden_layer_sizes")
    for number, name in enumerate(estimator.device):
        if not is_name(name):
            raise InvalidParameterError(
                f"device[{number}] of {type(estimator).__name__} must be 'cpu', 'cuda', 'cuda:1' and so on, or 'auto'. "
                f"Got {name!r}."
            )


def device_to_predict(estimator: NamedParameters) -> str:
    """The device for predictions: a model that was fitted on a GPU also predicts where there is none."""
    check_devices(estimator)  # it may have been set behind fit, as `global_model` may: what it was tells the model
    model = getattr(estimator, "_model", None)
    return CPU if model is not None and model.settings.is_local else resolve_if_there(estimator.device)
