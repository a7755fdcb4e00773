"""What the parameters of an RNNForecaster mean together, and what they ask of the series."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.data.coding import MOST_CATEGORIES, auto_dim
from forecastrnn.data.static_input import StaticCoding, read_static
from forecastrnn.engine.threads import thread_count
from forecastrnn.estimators.parameters import NamedParameters, check_numbers, dropout_of, layers_of, refuse, rule_of
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.model import Model, SeriesReader
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.settings import Settings
from forecastrnn.networks.network import Embedding

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

MOST_VALUES = 2**31  # in a block of older means, and blocks: more than any series has
SHORTEST = 4  # observations of a series, at least, where context_length does not ask for more


def check_parameters(forecaster: NamedParameters, watched: bool = False) -> None:
    """Refuse numbers and combinations that make no sense; `watched`: there is a callback."""
    check_numbers(forecaster)
    layers_of(forecaster)
    older_means_of(forecaster)
    if forecaster.id_embedding_dim is not None and not forecaster.global_model:
        raise ValueError(
            f"id_embedding_dim={forecaster.id_embedding_dim} needs global_model=True: a local network knows one series."
        )
    if forecaster.early_stopping and not forecaster.global_model:
        raise ValueError("early_stopping=True needs global_model=True: local networks all take max_steps updates.")
    if forecaster.strategy == "seq2seq" and not forecaster.global_model:
        raise ValueError('strategy="seq2seq" needs global_model=True: local networks are recursive or direct.')
    if watched and not forecaster.global_model:
        raise ValueError("callback needs global_model=True: local networks are all trained in one call.")


def horizon_of(forecaster: NamedParameters) -> int:
    """Steps ahead that a network puts out at once."""
    if forecaster.strategy != "direct":
        return 1
    if forecaster.horizon is None:
        refuse(forecaster, "horizon", 'an int in the range [1, inf) with strategy="direct"')
    return int(forecaster.horizon)


def ahead_of(forecaster: NamedParameters, read: SeriesSet) -> int | None:
    """Steps that a decoder learns behind the context; None: as many as the season asks for."""
    if forecaster.strategy != "seq2seq" or forecaster.horizon is None:
        return None
    lengths, horizon = np.diff(read.offsets), int(forecaster.horizon)
    longest = int(np.argmax(lengths))
    if lengths[longest] < horizon + SHORTEST:
        raise ValueError(
            f"horizon={horizon}: the decoder learns so many steps from series of at least {horizon + SHORTEST} values, "
            f"but the longest, {read.ids[longest]!r}, has {lengths[longest]}. Lower horizon; forecasts may go further."
        )
    return horizon


def older_means_of(forecaster: NamedParameters) -> tuple[int, ...]:
    """Lengths and counts of blocks, in turn."""
    pairs = () if forecaster.older_means is None else forecaster.older_means
    whole = [isinstance(pair, list | tuple) and len(pair) == 2 and all(map(_is_count, pair)) for pair in pairs]
    if not all(whole) or forecaster.older_means is not None and not whole:
        refuse(forecaster, "older_means", "None or a list of pairs (length, count) of ints in the range [1, inf)")
    return tuple(int(number) for pair in pairs for number in pair)


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_) and 1 <= int(value) < MOST_VALUES


def check_reach(prepared: Prepared, ids: tuple) -> None:
    """Each older mean must be known somewhere before the last value."""
    known, reach = prepared.known, prepared.layout.reach
    longest = int(np.argmax(known))
    if reach >= known[longest]:
        raise ValueError(
            f"older_means reaches back {reach} values, but even the longest series, {ids[longest]!r}, has only "
            f"{known[longest]}. Take shorter or fewer blocks."
        )


def reading_of(forecaster: NamedParameters, columns: dict[str, Any], other: bool = False) -> SeriesReader:
    """How series are read, with the length that the parameters need; `other`: series to forecast only."""
    least, needs, horizon = SHORTEST, "forecasting needs", horizon_of(forecaster)
    context = forecaster.context_length
    if context is not None and context + 1 > least:
        least, needs = int(context) + 1, f"context_length={context} needs"
    if forecaster.strategy == "direct" and horizon + SHORTEST > least and not other:
        least, needs = horizon + SHORTEST, f"horizon={horizon} needs"
    return SeriesReader(columns, forecaster.missing, least, needs)


def check_known(forecaster: NamedParameters, prepared: Prepared, ids: tuple) -> None:
    """Steps learned at once must fit between the first known value and the end."""
    known, least = prepared.known, horizon_of(forecaster) + SHORTEST
    if forecaster.strategy == "direct" and known.min() < least:
        row = int(np.argmax(known < least))
        raise ValueError(
            f"y: series {ids[row]!r} has {known[row]} values from its first known one on, but horizon="
            f"{forecaster.horizon} needs at least {least}. Drop the series, or lower horizon."
        )


def read_codes(
    forecaster: NamedParameters, read: SeriesSet, static: Any, id_col: Any, old: Model | None
) -> tuple[tuple[Embedding, ...], np.ndarray | None, StaticCoding | None]:
    """Embeddings of the series and their codes (n_series, embeddings); in a warm start categories stay."""
    sizes, codes, coding = [], [], None
    if forecaster.id_embedding_dim is not None:
        if read.n_series >= MOST_CATEGORIES:
            raise ValueError(f"y: {read.n_series} series are too many for id_embedding_dim, {MOST_CATEGORIES} or more.")
        sizes.append((read.n_series, int(forecaster.id_embedding_dim)))
        codes.append(np.arange(float(read.n_series))[:, None])
    if static is not None:
        if not forecaster.global_model:
            raise ValueError("static needs global_model=True: a local network knows one series.")
        coding, own = read_static(static, read.ids, id_col, old.static if old else None)
        sizes += [(len(categories), auto_dim(len(categories))) for categories in coding.categories]
        codes.append(own)
    embeddings = tuple(Embedding(column, size, dim) for column, (size, dim) in enumerate(sizes))
    return embeddings, np.concatenate(codes, axis=1) if codes else None, coding


def settings_of(forecaster: NamedParameters, embeddings: tuple[Embedding, ...] = ()) -> Settings:
    """How members are trained."""
    batch = 64 if forecaster.global_model else 16
    batch = batch if forecaster.batch_size == "auto" else int(forecaster.batch_size)
    fraction = float(forecaster.validation_fraction) if forecaster.early_stopping else None
    return Settings(
        layers=layers_of(forecaster), initializer=forecaster.initializer, loss=forecaster.loss,
        rule=rule_of(forecaster), batch_size=batch, max_steps=forecaster.max_steps, horizon=horizon_of(forecaster),
        n_iter_no_change=int(forecaster.n_iter_no_change), validation_fraction=fraction,
        n_threads=thread_count(forecaster.n_jobs), verbose=bool(forecaster.verbose), dtype=forecaster.dtype,
        is_local=not forecaster.global_model, dropout=dropout_of(forecaster), embeddings=embeddings,
        has_decoder=forecaster.strategy == "seq2seq",
    )  # fmt: skip


def knows_ids(model: Model) -> bool:
    """Whether each series has a vector of its own."""
    return len(model.settings.embeddings) > (len(model.static.names) if model.static else 0)


def check_same(old: Model | None, settings: Settings, n_members: int, layout: InputLayout, read: SeriesSet) -> None:
    """A warm start needs the networks that there are."""
    if old is None:
        return
    was, now = old.settings, settings
    same = (was.layers, was.horizon, was.dtype, was.is_local, old.layout.older_means, was.has_decoder, old.n_members)
    if same != (now.layers, now.horizon, now.dtype, now.is_local, layout.older_means, now.has_decoder, n_members):
        raise ValueError(
            "warm_start=True: cell, hidden_layer_sizes, strategy, horizon, dtype, global_model, older_means and "
            "n_members must be as in the first fit."
        )
    if was.embeddings != now.embeddings:
        raise ValueError("warm_start=True: id_embedding_dim, static and its columns must be as in the first fit.")
    if knows_ids(old) and tuple(read.ids) != tuple(old.axis.ids):
        raise ValueError("warm_start=True with id_embedding_dim: the series must be those of the first fit.")
    if now.is_local and tuple(read.ids) != tuple(old.axis.ids):
        raise ValueError("warm_start=True with global_model=False: the series must be those of the first fit.")
    if layout.season != old.layout.season:
        raise ValueError(f"warm_start=True: the season is {layout.season}, but the first fit had {old.layout.season}.")
