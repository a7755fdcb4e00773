"""Forecasts behind the ends of series, by networks: the text that follows `runtime` in a module of a forecaster.

The end of a series is a dict of arrays, one row a series, whose names are those of `Histories` and `Prepared`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from forecastrnn.numpy_predictor.runtime import Array, Cell, layers_of

# What a module sets: its arrays, the network, and what it reads of a series.
WEIGHTS: dict[str, Array] = {}
PLACES: Sequence[Sequence[tuple[Cell, str]]] = ()
READER, WRITER, MEMBERS, IS_LOCAL, AT_ONCE = "", "", 1, False, False
COLUMNS, CODES, CATEGORIES, SEASON, MEAN_WIDTH, SECOND_LAG, WITH_LAGS = 0, 0, 0, 1, 4, 1, False
OLDER_MEANS: Sequence[tuple[int, int]] = ()
LONG_RUN, IS_STEADY, NUMBERS, DOMAIN = 0, False, 1, ""


# module: begin
Ends = dict[str, Array]
MOST_LOG, PATHS = 30.0, 16  # a logarithm is forecast no further; paths whose mean is the forecast of a steady mean


def take(ends: Ends, rows: Array) -> Ends:
    """The ends of some series."""
    return {name: values[rows] for name, values in ends.items()}


class Part:
    """What reads a series, or what writes its forecast: layers, the vectors of codes, and the head where it has one."""

    def __init__(self, weights: Mapping[str, Array], begin: str) -> None:
        self.layers = layers_of(weights, [[(cell, begin + place) for cell, place in layer] for layer in PLACES])
        self.vectors = [weights[f"{begin}embeddings.{k}.vectors"] for k in range(CODES)]
        self.head = [weights.get(f"{begin}output.{name}") for name in ("kernel", "bias", "skip")]
        self.by_number = weights.get(f"{begin}ahead.kernel")
        named = [f"{begin}ahead.{k}.scalars" for k in range(CODES)]
        self.by_code = [weights[name] for name in named if name in weights]

    def step(self, row: Array, states: list[dict[str, Array]]) -> Array:
        """Rows (n, columns) of a step -> outputs of the last layer; the states go on."""
        codes = row[:, 2 * COLUMNS :].astype(int)
        x = np.concatenate(
            [row[:, COLUMNS : 2 * COLUMNS], *(v[codes[:, k]] for k, v in enumerate(self.vectors))], axis=1
        )
        for (direction,), own in zip(self.layers, states):
            by_input = {gate: x @ kernel for gate, kernel in direction.kernel.items()}
            own.update(zip(direction.cell.states, direction.step(by_input, own)))
            x = own[direction.cell.states[-1]]
        return x

    def write(self, row: Array, states: list[dict[str, Array]]) -> Array:
        """The same through the head, which reads the raw columns, too."""
        (kernel, bias, skip), x = self.head, self.step(row, states)
        assert kernel is not None and bias is not None and skip is not None
        return np.asarray(x @ kernel + bias + row[:, :COLUMNS] @ skip)

    def ahead(self, numbers: Array, codes: Array) -> Array:
        """What outputs of several steps at once get of what is known of these (n, h, ..), where they read it."""
        found = np.zeros(numbers.shape[:2], numbers.dtype)
        if self.by_number is not None:
            found = found + (numbers[:, :, : len(self.by_number)] @ self.by_number)[:, :, 0]
        for k, scalars in enumerate(self.by_code):
            found = found + scalars[codes[:, :, k].astype(int), 0]
        return found

    def first_states(self, given: Array | None, n: int, dtype: np.dtype) -> list[dict[str, Array]]:
        """Zero, or as an array (n, width) has them."""
        found, at = [], 0
        for (direction,) in self.layers:
            own = {}
            for name in direction.cell.states:
                zero = np.zeros((n, direction.units), dtype)
                own[name] = zero if given is None else given[:, at : at + direction.units]
                at += direction.units
            found.append(own)
        return found


def parts_of(number: int) -> tuple[Part, Part]:
    """What reads and what writes of network `number`: the same, or an encoder and a decoder."""
    own = {name.removeprefix("theta."): w[number] for name, w in WEIGHTS.items() if name.startswith("theta.")}
    reader = Part(own, READER)
    return reader, reader if READER == WRITER else Part(own, WRITER)


def inputs_at(ends: Ends, rows: Array, t: Array, phase: Array, long_run: Array) -> Array:
    """What a network reads of series `rows` (m,) at times t (m,): raw columns, and asinh of them.

    phase (m,): of the time behind t in the season; long_run (m,): the mean of all values up to t.
    """
    z, a, period = ends["z"], ends["means"], ends["period"][rows]
    now, mean, before = a[rows, t], a[rows, t - SEASON], a[rows, t - period]
    found = [z[rows, t] - now, now - mean, now - before]
    if WITH_LAGS:
        found += [z[rows, t + 1 - SEASON] - mean, z[rows, t + 1 - period] - before, z[rows, t + 1 - SECOND_LAG] - mean]
    end = t + 1
    for length, count in OLDER_MEANS:
        for _ in range(count):
            begin, sums = end - length, ends["sums"]
            mean = (sums[rows, end] - sums[rows, np.maximum(begin, 0)]) / length - now
            found.append(np.where(begin >= ends["first"][rows], mean, 0.0))
            end = begin
    if LONG_RUN > 0:
        found.append(long_run - now)
    if SEASON >= 2 or LONG_RUN == 3:  # 3: as a network reads any series
        w = 2.0 * np.pi * phase / SEASON
        found += [np.sin(w), np.cos(w), np.sin(2.0 * w), np.cos(2.0 * w)]
    raw = np.stack([*found, *ends["static"][rows].T], axis=1)
    squashed = np.arcsinh(raw)
    if LONG_RUN == 2:
        raw = np.where(ends["static"][rows, 1:2] > 0.0, squashed, raw)
    return np.concatenate([raw, squashed], axis=1)


def kept_near(value: Array, old: Array, mean: Array, fence: Array) -> Array:
    """Values no further from where each series was than its fence says; `mean` is the trailing one before them."""
    stop_low, free_low, free_high, stop_high, least, most = fence.T
    with np.errstate(invalid="ignore"):
        up = np.where(mean < stop_high, (stop_high - mean) / (stop_high - free_high), 0.0)
        down = np.where(mean > stop_low, (stop_low - mean) / (stop_low - free_low), 0.0)
    up, down = (
        np.where((value > old) & (mean > free_high), up, 1.0),
        np.where((value < old) & (mean < free_low), down, 1.0),
    )
    value = np.where(up * down == 1.0, value, old + (value - old) * up * down)
    value = np.where(value < most, value, most)
    return np.where(value > least, value, least)


def scaled_paths(member: int, ends: Ends, h: int, noise: Array | None = None, series: int = 0) -> Array:
    """Scaled values (n, h) behind series, by one member (of that series); noise (n, h) is added as it goes."""
    reader, writer = parts_of(member * (len(WEIGHTS["ends.z"]) if IS_LOCAL else 1) + series)
    inputs, n, known = ends["inputs"], len(ends["z"]), ends["z"].shape[1]
    own, every = dict(ends), np.arange(n)
    for name in ("z", "means", "sums"):
        own[name] = np.pad(ends[name], ((0, 0), (0, h))) if name in ends else np.empty(0)
    z, a = own["z"], own["means"]
    given = ends["states"][:, member] if "states" in ends else None
    states = reader.first_states(given, n, inputs.dtype)
    for k in range(inputs.shape[1] if given is None else 0):
        reader.step(inputs[:, k], states)
    for t in range(known, known + h):
        phase = (ends["phase"] + t - known) % SEASON
        row = inputs_at(own, every, np.full(n, t - 1), phase, ends["long_run"])
        out = writer.write(with_beside(ends, row.astype(z.dtype), t - known), states).reshape(n, -1, NUMBERS)
        if AT_ONCE:
            if "ahead.numbers" in ends:
                out[:, :h, 0] += writer.ahead(ends["ahead.numbers"], ends["ahead.codes"])
            return next_values(out[:, :h], z[:, known - 1 : known], noise, ends, 0)
        fed = None if noise is None else noise[:, t - known : t - known + 1]
        value = next_values(out, z[:, t - 1 : t], fed, ends, t - known)[:, 0]
        z[:, t] = kept_near(value, z[:, t - MEAN_WIDTH], a[:, t - 1], ends["fence"])
        a[:, t] = a[:, t - 1] + (z[:, t] - z[:, t - MEAN_WIDTH]) / MEAN_WIDTH
        if OLDER_MEANS:
            own["sums"][:, t + 1] = own["sums"][:, t] + z[:, t]
    return z[:, known:]


def with_beside(ends: Ends, row: Array, step: int) -> Array:
    """What a network reads so many steps ahead: a row (n, columns) of series, what is known beside them, and codes."""
    codes = ends["inputs"][:, -1, 2 * COLUMNS + CATEGORIES :]
    if "ahead.numbers" in ends:
        row = framed(row, ends["ahead.numbers"][:, step])
        codes = np.concatenate([ends["ahead.codes"][:, step], codes], axis=1)
    return np.concatenate([row, codes], axis=1)


def framed(rows: Array, numbers: Array) -> Array:
    """Rows (n, columns) with numbers (n, k) in front, and asinh of these behind."""
    return np.concatenate([numbers, rows, np.arcsinh(numbers)], axis=1)


def in_unit(ends: Ends, paths: Array) -> Array:
    """Scaled values (n, h) in the unit of their series, with the seasonal figure."""
    linear, steps = ends["linear"][:, None], np.arange(paths.shape[1])
    season = np.take_along_axis(ends["after"], steps[None] % ends["period"][:, None], axis=1)
    z = paths * ends["scale"][:, None] + season
    curved = np.exp(np.clip(np.where(linear, 0.0, z), -MOST_LOG, MOST_LOG))
    found = np.where(linear, z, curved) * ends["level"][:, None] + ends["shift"][:, None]
    return np.maximum(np.rint(found) if DOMAIN == "counts" else found, 0.0) if DOMAIN else found


def paths_of(member: int, ends: Ends, own: Array, h: int, noise: Array | None = None) -> Array:
    """Values (n, h) behind series in their unit, by one member; own (n,): which series of fit they are."""
    if not IS_LOCAL:
        return in_unit(ends, scaled_paths(member, ends, h, noise))
    some = [None if noise is None else noise[k : k + 1] for k in range(len(own))]
    each = [scaled_paths(member, take(ends, np.array([k])), h, some[k], int(own[k])) for k in range(len(own))]
    return in_unit(ends, np.concatenate(each))


def middle_of(found: Array) -> Array:
    """The median over the first axis; of counts one that is a count."""
    if DOMAIN == "counts":
        return np.asarray(np.quantile(found, 0.5, axis=0, method="inverted_cdf"))
    return np.asarray(np.median(found, axis=0))


def network_median(ends: Ends, own: Array, h: int) -> Array:
    """The members' median forecast (n, h), each member's of a steady mean that over paths to which noise is fed."""
    found = np.stack([paths_of(member, ends, own, h if not IS_STEADY else 1) for member in range(MEMBERS)])
    if not IS_STEADY or h == 1:
        return middle_of(found)
    first, scale = np.median(found, axis=0), ends["scale"]
    rng, width, n = np.random.default_rng(0), WEIGHTS["residuals"].shape[2] // PATHS, len(own)
    order = rng.permuted(np.tile(np.arange(PATHS), (MEMBERS, h, 1)), axis=2).transpose(0, 2, 1)
    pick = order * width + rng.integers(width, size=(MEMBERS, 1, h))
    rows, means = np.tile(np.arange(n), PATHS), []
    for member in range(MEMBERS):
        noise = WEIGHTS["residuals"][member][own[None, :, None], pick[member][:, None]]
        noise = noise * (scale / WEIGHTS["ends.scale"][own])[:, None]
        paths = paths_of(member, take(ends, rows), own[rows], h, noise.reshape(-1, h)).reshape(noise.shape)
        means.append((paths - noise * (scale * ends["level"])[:, None]).mean(axis=0))
    return np.concatenate([first, np.median(means, axis=0)[:, 1:]], axis=1)


# module: plain
def next_values(outputs: Array, last: Array, noise: Array | None, ends: Ends, step: int) -> Array:
    """Scaled values (n, k) of outputs (n, k, 1) behind the last ones (n, 1)."""
    return np.asarray(last + outputs[:, :, 0] + (0.0 if noise is None else noise))
