"""The oracle of training: head, losses and their gradients, and the update rules, in plain NumPy, float64.

Shapes: n rows, T steps, I inputs, F features of a head (H, or 2 H from both directions), O outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from support.naive import (
    Array,
    Cell,
    backprop_stack,
    full_lengths,
    hidden,
    hidden_back,
    n_features,
    random_stack,
    run_stack,
    without_padding,
)

# Head: outputs = features @ kernel + bias (+ inputs @ skip), of every step ("all") or of the last k valid
# steps; "last" (or 1) takes the final state of each direction. Always (n, steps, O); "last" has one step.


def last_steps(values: Array, lengths: Array, k: int) -> Array:
    """The last k valid steps of every row of values (n, T, F), as (n, k, F)."""
    if np.any(lengths < k):
        raise ValueError(f"a row is shorter than the {k} steps that the head reads")
    return np.stack([row[length - k : length] for row, length in zip(values, lengths, strict=True)])


def last_steps_back(d_chosen: Array, lengths: Array, n_steps: int) -> Array:
    """The gradient (n, T, F) of values of which `last_steps` chose (n, k, F)."""
    d_values = np.zeros((len(d_chosen), n_steps, d_chosen.shape[2]))
    for row, length in enumerate(lengths):
        d_values[row, length - d_chosen.shape[1] : length] = d_chosen[row]
    return d_values


# Losses: the loss l of each row and step (mean over its outputs), and the gradient of l.


def squared_error(outputs: Array, y: Array) -> tuple[Array, Array]:
    """Mean of e^2, e = outputs - y."""
    error = outputs - y
    return (error**2).mean(axis=2), 2.0 * error / error.shape[2]


def absolute_error(outputs: Array, y: Array) -> tuple[Array, Array]:
    """Mean of |e|."""
    error = outputs - y
    return np.abs(error).mean(axis=2), np.sign(error) / error.shape[2]


def huber(outputs: Array, y: Array) -> tuple[Array, Array]:
    """Mean of e^2 / 2 where |e| <= 1, of |e| - 1/2 elsewhere."""
    error = outputs - y
    size = np.abs(error)
    each = np.where(size <= 1.0, error**2 / 2.0, size - 0.5).mean(axis=2)
    return each, np.clip(error, -1.0, 1.0) / error.shape[2]


def cross_entropy(outputs: Array, y: Array) -> tuple[Array, Array]:
    """-log softmax(outputs) at the class y (n, steps), an integer."""
    shifted = outputs - outputs.max(axis=2, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    is_class = np.arange(outputs.shape[2]) == np.asarray(y)[:, :, None]
    return -log_p[is_class].reshape(is_class.shape[:2]), np.exp(log_p) - is_class


def sampled_cross_entropy(outputs: Array, y: Array, classes: Array, shift: Array) -> tuple[Array, Array]:
    """-log softmax over the class y and the sample's other classes, whose outputs are less by shift (S,)."""
    each, slopes = np.zeros(outputs.shape[:2]), np.zeros(outputs.shape)
    for place in np.ndindex(each.shape):
        label, scores = y[place], outputs[place]
        counted = [j for j, c in enumerate(classes) if c != label]
        e = np.exp([scores[label], *(scores[classes[j]] - shift[j] for j in counted)])
        each[place], chances = np.log(e.sum()) - scores[label], e / e.sum()
        slopes[place][label] = chances[0] - 1.0
        for j, chance in zip(counted, chances[1:], strict=True):
            slopes[place][classes[j]] += chance
    return each, slopes


LOSSES = {f.__name__: f for f in (squared_error, absolute_error, huber, cross_entropy)}


def weighted_loss(loss: str, outputs: Array, y: Array, weights: Array | None = None) -> tuple[float, Array]:
    """sum(w l) / sum(w), w (n, steps) or all 1, and its gradient by the outputs (n, steps, O)."""
    each, d_each = LOSSES[loss](outputs, y)
    weights = np.ones(each.shape) if weights is None else np.asarray(weights, np.float64)
    share = weights / weights.sum()
    return float((share * each).sum()), share[:, :, None] * d_each


# Network: a stack, a head and a loss.


class Network(NamedTuple):
    """What is computed; theta = {"layers": [weights, ...], "head": {"kernel", "bias" and perhaps "skip"}}."""

    cells: list[Cell]
    steps: Any = "last"  # "all", "last" or k, the last k
    loss: str = "squared_error"


class Result(NamedTuple):
    """The loss with all its gradients; d_theta has the form of theta, d_states that of final_states."""

    loss: float
    outputs: Array
    final_states: list
    d_theta: dict
    d_x: Array
    d_states: list


def loss_and_gradients(
    network: Network,
    theta: dict,
    x: Array,
    y: Array,
    weights: Array | None = None,
    lengths: Any = None,
    states: list | None = None,
) -> Result:
    """Forward, loss, and backward through exactly the outputs that the loss uses.

    x (n, T, I); y (n, steps, O), classes (n, steps); weights (n, steps). With steps "all", what lies past
    a row's length has no part in the loss, whatever its weight.
    """
    cells, head = network.cells, theta["head"]
    lengths = full_lengths(x, lengths)
    x = without_padding(x, lengths)
    sequence, finals, tapes = run_stack(cells, theta["layers"], x, states, lengths)
    features, inputs = _read(network, sequence, finals, lengths), x
    if network.steps == "all":
        valid = np.arange(x.shape[1]) < lengths[:, None]
        weights = valid if weights is None else np.where(valid, weights, 0.0)
        y = np.where(valid if np.ndim(y) == 2 else valid[:, :, None], y, 0)
    else:
        inputs = last_steps(x, lengths, features.shape[1])
    outputs = features @ head["kernel"] + head["bias"]
    if "skip" in head:
        outputs = outputs + inputs @ head["skip"]
    loss, d_outputs = weighted_loss(network.loss, outputs, y, weights)
    d_head = {"kernel": _summed(features, d_outputs), "bias": d_outputs.sum(axis=(0, 1))}
    d_sequence, d_finals = _read_back(network, d_outputs @ head["kernel"].T, lengths, x.shape[1])
    d_layers, d_x, d_states = backprop_stack(cells, theta["layers"], tapes, d_sequence, d_finals)
    if "skip" in head:
        d_head["skip"] = _summed(inputs, d_outputs)
        d_inputs = d_outputs @ head["skip"].T
        d_x = d_x + (d_inputs if network.steps == "all" else last_steps_back(d_inputs, lengths, x.shape[1]))
    return Result(loss, outputs, finals, {"layers": d_layers, "head": d_head}, d_x, d_states)


def _read(network: Network, sequence: Array, finals: list, lengths: Array) -> Array:
    """The features (n, steps, F) that the head reads."""
    if network.steps == "all":
        return sequence
    if network.steps in ("last", 1):
        return hidden(network.cells[-1], finals[-1])[:, None]
    return last_steps(sequence, lengths, network.steps)


def _read_back(network: Network, d_features: Array, lengths: Array, n_steps: int) -> tuple[Array, list]:
    """The gradients of the last layer's outputs (n, T, F) and of every layer's final state."""
    d_finals: list = [None] * len(network.cells)
    if network.steps == "all":
        return d_features, d_finals
    if network.steps in ("last", 1):
        d_finals[-1] = hidden_back(network.cells[-1], d_features[:, 0])
        return np.zeros((len(d_features), n_steps, d_features.shape[2])), d_finals
    return last_steps_back(d_features, lengths, n_steps), d_finals


def _summed(a: Array, b: Array) -> Array:
    """The sum over rows and steps of the outer products, (F, O)."""
    return a.reshape(-1, a.shape[2]).T @ b.reshape(-1, b.shape[2])


def random_theta(
    network: Network,
    n_inputs: int,
    sizes: list[int],
    n_outputs: int,
    rng: np.random.Generator,
    skip: bool = False,
) -> dict:
    """Random parameters of a network with layers of these sizes."""
    width = n_features(network.cells[-1], sizes[-1])
    shapes: dict[str, tuple] = {"kernel": (width, n_outputs), "bias": (n_outputs,)}
    if skip:
        shapes["skip"] = (n_inputs, n_outputs)
    head = {key: 0.4 * rng.standard_normal(shape) for key, shape in shapes.items()}
    return {"layers": random_stack(network.cells, n_inputs, sizes, rng), "head": head}


# Update rules, on one array: (w, g, moments, step, learning_rate, ...) -> (new w, new moments). The two
# moments (mean, square) start as zeros; a rule that has only one leaves the other. The first step is 1.


Moments = tuple[Array, Array]


def adam(
    w: Array,
    g: Array,
    moments: Moments,
    step: int,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Array, Moments]:
    """Kingma and Ba (2015): both moments corrected for their zero start, eps outside the root."""
    mean = betas[0] * moments[0] + (1.0 - betas[0]) * g
    square = betas[1] * moments[1] + (1.0 - betas[1]) * g**2
    corrected_mean = mean / (1.0 - betas[0] ** step)
    corrected_square = square / (1.0 - betas[1] ** step)
    return w - learning_rate * corrected_mean / (np.sqrt(corrected_square) + eps), (mean, square)


def adamw(
    w: Array, g: Array, moments: Moments, step: int, learning_rate: float, decay: float = 0.01, **options: Any
) -> tuple[Array, Moments]:
    """Adam, with w first shrunk by learning_rate * decay * w."""
    return adam(w - learning_rate * decay * w, g, moments, step, learning_rate, **options)


def sgd(
    w: Array,
    g: Array,
    moments: Moments,
    step: int,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Array, Moments]:
    """PyTorch's form: velocity = momentum * velocity + g; Nesterov looks one step ahead."""
    velocity = momentum * moments[0] + g
    direction = g + momentum * velocity if nesterov else velocity
    return w - learning_rate * direction, (velocity, moments[1])


def rmsprop(
    w: Array,
    g: Array,
    moments: Moments,
    step: int,
    learning_rate: float,
    smoothing: float = 0.9,
    eps: float = 1e-8,
) -> tuple[Array, Moments]:
    """PyTorch's form: square = smoothing * square + (1 - smoothing) g^2; eps outside the root."""
    square = smoothing * moments[1] + (1.0 - smoothing) * g**2
    return w - learning_rate * g / (np.sqrt(square) + eps), (moments[0], square)


OPTIMIZERS: dict[str, Callable] = {rule.__name__: rule for rule in (adam, adamw, sgd, rmsprop)}


# Whole networks: every array under its name: "layers.0.kernel", "layers.1.0.bias" (forward), "head.bias".


def flatten(tree: Any, prefix: str = "") -> dict[str, Array]:
    """The arrays of a theta, or of anything of its form, by name."""
    if isinstance(tree, np.ndarray):
        return {prefix: tree}
    named: dict[str, Array] = {}
    for key, branch in tree.items() if isinstance(tree, dict) else enumerate(tree):
        named |= flatten(branch, f"{prefix}.{key}" if prefix else str(key))
    return named


def unflatten(named: dict[str, Array], like: Any, prefix: str = "") -> Any:
    """The arrays in the form of `like`: the inverse of `flatten`."""
    if isinstance(like, np.ndarray):
        return named[prefix]
    join = f"{prefix}." if prefix else ""
    if isinstance(like, dict):
        return {key: unflatten(named, branch, f"{join}{key}") for key, branch in like.items()}
    return type(like)(unflatten(named, branch, f"{join}{key}") for key, branch in enumerate(like))


def is_matrix(name: str) -> bool:
    """Whether L2 and weight decay act on a parameter: on kernels, not on biases and peepholes."""
    return name.endswith(("kernel", "skip"))


def with_l2(gradients: dict[str, Array], parameters: dict[str, Array], alpha: float) -> dict[str, Array]:
    """The gradients, with alpha * w added for every matrix w."""
    return {name: g + alpha * parameters[name] if is_matrix(name) else g for name, g in gradients.items()}


def clipped(gradients: dict[str, Array], clip: float) -> dict[str, Array]:
    """The gradients times min(1, clip / norm), where norm is that of all of them together."""
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    return {name: g * (clip / norm) for name, g in gradients.items()} if norm > clip else gradients


class Update(NamedTuple):
    """A rule by name with all of its settings; options are the rule's own (betas, decay, momentum, ...)."""

    rule: str = "adam"
    learning_rate: float = 1e-3
    alpha: float = 0.0
    clip: float | None = None
    options: dict | None = None


def update(
    how: Update, theta: dict, d_theta: dict, moments: dict[str, Moments] | None, step: int
) -> tuple[dict, dict[str, Moments]]:
    """Theta and moments after a step (the first: step 1, moments None): clipping, then L2, then the rule."""
    parameters, gradients = flatten(theta), flatten(d_theta)
    if how.clip is not None:
        gradients = clipped(gradients, how.clip)
    gradients = with_l2(gradients, parameters, how.alpha)
    if moments is None:
        moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in parameters.items()}
    new, new_moments = {}, {}
    for name, w in parameters.items():
        spared = {"decay": 0.0} if how.rule == "adamw" and not is_matrix(name) else {}
        new[name], new_moments[name] = OPTIMIZERS[how.rule](
            w, gradients[name], moments[name], step, how.learning_rate, **(how.options or {}) | spared
        )
    return unflatten(new, theta), new_moments


def numerical_gradient(f: Callable[[], float], array: Array, eps: float = 1e-5, sharp: bool = False) -> Array:
    """Central differences of f() by every element of an array that f reads; the array ends as it was.

    sharp : extrapolate those of two steps, so that the error falls with eps^4 (where layer normalisation divides by
    next to nothing, 1e-5 is not a small step).
    """
    if sharp:
        return (4.0 * numerical_gradient(f, array, eps) - numerical_gradient(f, array, 2.0 * eps)) / 3.0
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + eps
        above = f()
        array[index] = kept - eps
        below = f()
        array[index] = kept
        gradient[index] = (above - below) / (2.0 * eps)
    return gradient
