"""The oracle itself: its gradients by central differences, its numbers beside PyTorch's."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from support import naive
from support.naive_training import (
    LOSSES,
    Network,
    Update,
    clipped,
    flatten,
    loss_and_gradients,
    numerical_gradient,
    random_theta,
    unflatten,
    update,
    weighted_loss,
)

ELMANS = [("rnn", {"activation": name}) for name in ("tanh", "relu", "logistic")]
LSTM, PEEPHOLE_LSTM = ("lstm", {}), ("lstm", {"peepholes": True})
GRU, GRU_BEFORE = ("gru", {"reset_after": True}), ("gru", {"reset_after": False})
PLAIN = [*ELMANS, LSTM, PEEPHOLE_LSTM, GRU, GRU_BEFORE]
CELLS = PLAIN + [(name, options | {"layer_norm": True}) for name, options in PLAIN]
BOTH_WAYS = [("bidirectional", cell) for cell in (ELMANS[0], PEEPHOLE_LSTM, GRU)]
N, T, D, H = 3, 5, 2, 4  # rows, steps, inputs, units
ROUNDING: Any = {"rtol": 1e-12, "atol": 1e-14}  # a product's last bits depend on its number of rows


def check_gradients(f: Any, arrays: dict, gradients: dict, sharp: bool = False) -> None:
    """Every named gradient agrees with central differences, to 1e-7 of the largest of all of them."""
    assert arrays.keys() == gradients.keys()
    scale = max(np.abs(g).max() for g in gradients.values())
    assert scale > 1e-3
    for name, array in arrays.items():
        error = np.abs(numerical_gradient(f, array, sharp=sharp) - gradients[name]).max()
        assert error < 1e-7 * scale, name


def random_state(cell: Any, rng: np.random.Generator) -> Any:
    """A state of N rows and H units."""
    if cell[0] == "bidirectional":
        return random_state(cell[1], rng), random_state(cell[1], rng)
    h = rng.standard_normal((N, H))
    return (rng.standard_normal((N, H)), h) if cell[0] == "lstm" else h


RAGGED = [5, 1, 3]  # one row is full, so that few cells are enough without lengths


@pytest.mark.parametrize(
    ("cell", "lengths"), [*((cell, RAGGED) for cell in CELLS + BOTH_WAYS), (LSTM, None), (BOTH_WAYS[2], None)], ids=str
)
def test_backprop_of_a_layer(cell: Any, lengths: Any) -> None:
    """Gradients of weights, inputs and initial state, from those of all outputs and of the final state."""
    rng = np.random.default_rng(1)
    arguments = {
        "weights": naive.random_weights(cell, D, H, rng),
        "x": rng.standard_normal((N, T, D)),
        "state": random_state(cell, rng),
    }
    d_outputs = rng.standard_normal((N, T, naive.n_features(cell, H)))
    d_final = random_state(cell, rng)

    def total() -> float:
        outputs, final, _ = naive.run(cell, **arguments, lengths=lengths)
        parts, factors = flatten((outputs, final)), flatten((d_outputs, d_final))
        return float(sum((parts[name] * factors[name]).sum() for name in parts))

    _, _, tape = naive.run(cell, **arguments, lengths=lengths)
    d = naive.backprop(cell, arguments["weights"], arguments["x"], tape, d_outputs, d_final)
    found = flatten(dict(zip(arguments, d, strict=True)))
    check_gradients(total, flatten(arguments), found, sharp="layer_norm" in cell[1])


STACKS = [([LSTM], None), ([GRU_BEFORE, PEEPHOLE_LSTM], [5, 2, 3]), ([BOTH_WAYS[0], BOTH_WAYS[2]], [5, 2, 3])]


@pytest.mark.parametrize("steps", ["all", "last", 2])
@pytest.mark.parametrize(("cells", "lengths"), STACKS, ids=str)
def test_gradients_of_a_network(cells: list, steps: Any, lengths: Any) -> None:
    """Stacks of unlike cells and sizes under every head, with a skip connection and weights."""
    rng = np.random.default_rng(2)
    network = Network(cells, steps)
    theta = random_theta(network, D, [3, 2][: len(cells)], 2, rng, skip=True)
    x = rng.standard_normal((N, T, D))
    n_steps = {"all": T, "last": 1}.get(steps, steps)
    y, weights = rng.standard_normal((N, n_steps, 2)), rng.uniform(0.5, 2.0, (N, n_steps))

    def loss() -> float:
        return loss_and_gradients(network, theta, x, y, weights, lengths).loss

    result = loss_and_gradients(network, theta, x, y, weights, lengths)
    check_gradients(loss, flatten(theta) | {"x": x}, flatten(result.d_theta) | {"x": result.d_x})


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_a_loss(loss: str, weighted: bool) -> None:
    """Each loss by its outputs; one weight may be zero."""
    rng = np.random.default_rng(3)
    outputs = 1.5 * rng.standard_normal((N, T, 3))
    y = rng.integers(3, size=(N, T)) if loss == "cross_entropy" else rng.standard_normal((N, T, 3))
    weights = rng.uniform(0.0, 2.0, (N, T)) if weighted else None
    if weights is not None:
        weights[0, 0] = 0.0
    d_outputs = weighted_loss(loss, outputs, y, weights)[1]
    check_gradients(lambda: weighted_loss(loss, outputs, y, weights)[0], {"": outputs}, {"": d_outputs})


def test_losses_by_hand() -> None:
    """Values small enough to work out on paper."""
    outputs, y = np.array([[[1.0, 3.0]], [[0.0, 0.0]]]), np.array([[[1.0, 1.0]], [[0.5, 0.0]]])
    assert weighted_loss("squared_error", outputs, y)[0] == pytest.approx((4.0 + 0.25) / 4)
    assert weighted_loss("absolute_error", outputs, y)[0] == pytest.approx(2.5 / 4)
    assert weighted_loss("huber", outputs, y)[0] == pytest.approx((1.5 + 0.125) / 4)
    assert weighted_loss("squared_error", outputs, y, np.array([[3.0], [1.0]]))[0] == pytest.approx(6.125 / 4)
    classes = np.array([[0], [1]])
    expected = (np.log1p(np.exp(2.0)) + np.log(2.0)) / 2
    assert weighted_loss("cross_entropy", outputs, classes)[0] == pytest.approx(expected)


@pytest.mark.parametrize("cell", CELLS + BOTH_WAYS, ids=str)
def test_padding_has_no_effect(cell: Any) -> None:
    """A padded row acts as the same row cut to its length, whatever the padding holds."""
    rng = np.random.default_rng(4)
    weights, x = naive.random_weights(cell, D, H, rng), rng.standard_normal((N, T, D))
    x[1, 2:] = np.nan
    outputs, final, _ = naive.run(cell, weights, x, lengths=[T, 2, T])
    short, short_final, _ = naive.run(cell, weights, x[1:2, :2])
    np.testing.assert_array_equal(outputs[1, 2:], 0.0)
    np.testing.assert_allclose(outputs[1, :2], short[0], **ROUNDING)
    np.testing.assert_allclose(naive.hidden(cell, final)[1], naive.hidden(cell, short_final)[0], **ROUNDING)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_state_carries_over(cell: Any) -> None:
    """Five steps are two, then three with the state handed on."""
    rng = np.random.default_rng(5)
    weights, x = naive.random_weights(cell, D, H, rng), rng.standard_normal((N, T, D))
    whole, _, _ = naive.run(cell, weights, x)
    first, state, _ = naive.run(cell, weights, x[:, :2])
    second, _, _ = naive.run(cell, weights, x[:, 2:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, **ROUNDING)


def test_theta_by_name() -> None:
    """`unflatten` gives back what `flatten` took apart."""
    network = Network([BOTH_WAYS[1], GRU])
    theta = random_theta(network, D, [H, 3], 2, np.random.default_rng(6))
    named = flatten(theta)
    assert {"layers.0.1.peephole", "layers.1.recurrent_bias", "head.bias"} <= named.keys()
    assert isinstance(unflatten(named, theta)["layers"][0], tuple)
    assert all(w is named[name] for name, w in flatten(unflatten(named, theta)).items())


def test_clipping() -> None:
    """The norm of all gradients together is cut to the bound, and left alone below it."""
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    np.testing.assert_allclose(clipped(gradients, 1.0)["b"], [[0.8]])
    assert clipped(gradients, 5.5) is gradients


SHRINKING = [Update("sgd", 0.1, alpha=0.5), Update("adamw", 0.1, options={"decay": 0.5})]


@pytest.mark.parametrize("how", SHRINKING, ids=lambda how: how.rule)
@pytest.mark.parametrize("cell", [GRU, PEEPHOLE_LSTM], ids=str)
def test_biases_and_peepholes_are_spared(how: Update, cell: Any) -> None:
    """L2 and weight decay move kernels and the skip connection, and nothing else."""
    theta = random_theta(Network([cell]), D, [H], 1, np.random.default_rng(7), skip=True)
    zero = unflatten({name: np.zeros_like(w) for name, w in flatten(theta).items()}, theta)
    new = flatten(update(how, theta, zero, None, 1)[0])
    for name, w in flatten(theta).items():
        spared = name.endswith(("bias", "peephole"))
        np.testing.assert_allclose(new[name], w if spared else 0.95 * w, rtol=1e-14)


def test_clipping_comes_before_l2() -> None:
    """The bound is on the loss's gradient alone: what L2 adds is not cut, as in PyTorch's optimizers."""
    theta, gradient = {"kernel": np.array([[2.0]])}, {"kernel": np.array([[30.0]])}
    new = update(Update("sgd", 0.1, alpha=0.5, clip=3.0), theta, gradient, None, 1)[0]
    np.testing.assert_allclose(new["kernel"], [[2.0 - 0.1 * (3.0 + 0.5 * 2.0)]])


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    """PyTorch, or the test is skipped."""
    return pytest.importorskip("torch")


def torch_layer(torch: ModuleType, cell: Any, weights: list, n_inputs: int, units: int) -> Any:
    """PyTorch's layers with the same weights: its second bias is ours for the GRU, and zero for others."""
    both = cell[0] == "bidirectional"
    name, options = cell[1] if both else cell
    settings = {"nonlinearity": options["activation"]} if name == "rnn" else {}
    layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name](
        n_inputs, units, len(weights), batch_first=True, bidirectional=both, dtype=torch.float64, **settings
    )
    for k, pair in enumerate(weights):
        for suffix, w in zip(("", "_reverse"), pair if both else (pair,), strict=False):
            second = w.get("recurrent_bias", np.zeros_like(w["bias"]))
            values = (w["kernel"].T, w["recurrent_kernel"].T, w["bias"], second)
            for part, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), values, strict=True):
                getattr(layer, f"{part}_l{k}{suffix}").data = torch.tensor(value)
    return layer


def torch_gradients(layer: Any, weights: list, both: bool) -> list:
    """The gradients of `torch_layer`, in the form of our weights."""
    gradients = copy.deepcopy(weights)
    for k, pair in enumerate(gradients):
        for suffix, w in zip(("", "_reverse"), pair if both else (pair,), strict=False):
            for key, part in (
                ("kernel", "weight_ih"),
                ("recurrent_kernel", "weight_hh"),
                ("bias", "bias_ih"),
            ):
                w[key] = getattr(layer, f"{part}_l{k}{suffix}").grad.numpy().T
            if "recurrent_bias" in w:
                w["recurrent_bias"] = getattr(layer, f"bias_hh_l{k}{suffix}").grad.numpy()
    return gradients


@pytest.mark.torch
@pytest.mark.parametrize("lengths", [None, [5, 1, 3]], ids=["full", "packed"])
@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("inner", [ELMANS[0], ELMANS[1], LSTM, GRU], ids=str)
def test_two_layers_beside_pytorch(torch: ModuleType, inner: Any, both: bool, lengths: Any) -> None:
    """Outputs, final states and all gradients of a stack, in float64."""
    rng = np.random.default_rng(8)
    cells = [("bidirectional", inner) if both else inner] * 2
    weights = naive.random_stack(cells, D, [H, H], rng)
    x = rng.standard_normal((N, T, D))
    outputs, finals, tapes = naive.run_stack(cells, weights, x, lengths=lengths)
    d_outputs = rng.standard_normal(outputs.shape)
    d_h = rng.standard_normal((N, naive.n_features(cells[-1], H)))
    d_finals = [None, naive.hidden_back(cells[-1], d_h)]
    d_weights, d_x, _ = naive.backprop_stack(cells, weights, tapes, d_outputs, d_finals)

    layer, tx = torch_layer(torch, cells[0], weights, D, H), torch.tensor(x, requires_grad=True)
    pack, unpack = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence
    t_lengths = torch.tensor([T] * N if lengths is None else lengths)
    packed, state = layer(pack(tx, t_lengths, batch_first=True, enforce_sorted=False))
    t_outputs = unpack(packed, batch_first=True)[0]
    h = state[0] if inner[0] == "lstm" else state
    t_h = torch.cat(list(h[2:] if both else h[1:]), dim=1)
    ((t_outputs * torch.tensor(d_outputs)).sum() + (t_h * torch.tensor(d_h)).sum()).backward()

    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(outputs, t_outputs.detach().numpy(), **close)
    np.testing.assert_allclose(naive.hidden(cells[-1], finals[-1]), t_h.detach().numpy(), **close)
    np.testing.assert_allclose(d_x, tx.grad.numpy(), **close)
    expected = flatten(torch_gradients(layer, weights, both))
    for name, gradient in flatten(d_weights).items():
        np.testing.assert_allclose(gradient, expected[name], **close, err_msg=name)


RULES = [
    ("Adam", {}, Update("adam", 0.01)),
    ("AdamW", {"weight_decay": 0.1}, Update("adamw", 0.01, options={"decay": 0.1})),
    ("SGD", {}, Update("sgd", 0.01)),
    ("SGD", {"momentum": 0.9}, Update("sgd", 0.01, options={"momentum": 0.9})),
    (
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        Update("sgd", 0.01, options={"momentum": 0.9, "nesterov": True}),
    ),
    ("RMSprop", {"alpha": 0.9}, Update("rmsprop", 0.01)),
    ("Adam", {"weight_decay": 0.1}, Update("adam", 0.01, alpha=0.1)),
]


@pytest.mark.torch
@pytest.mark.parametrize(("name", "settings", "how"), RULES, ids=str)
def test_update_rules_beside_pytorch(torch: ModuleType, name: str, settings: dict, how: Update) -> None:
    """Five steps on given gradients; PyTorch's weight decay is L2, except in AdamW."""
    rng = np.random.default_rng(9)
    theta: dict = {"kernel": rng.standard_normal((3, 2))}
    parameter = torch.tensor(theta["kernel"].copy(), requires_grad=True)
    optimizer = getattr(torch.optim, name)([parameter], lr=0.01, **settings)
    moments = None
    for step in range(1, 6):
        gradient = rng.standard_normal((3, 2))
        theta, moments = update(how, theta, {"kernel": gradient}, moments, step)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(theta["kernel"], parameter.detach().numpy(), rtol=1e-12)
