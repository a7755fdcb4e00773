"""What a model file keeps of a fitted RNNForecaster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.data.static_input import StaticCoding
from forecastrnn.engine.threads import thread_count
from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting.candidate_records import CANDIDATE_ENDS, MIXTURE, check_mixture
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.covariate_records import COVARIATES
from forecastrnn.forecasting.ends import REFRESHED, Carried, SeriesEnds, first_of, past_of
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.interval_records import INTERVALS
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.naive_series import NaiveSeries
from forecastrnn.forecasting.preparation import Prepared, second_lag
from forecastrnn.forecasting.reading import ReadingOptions
from forecastrnn.forecasting.residuals import RESIDUALS
from forecastrnn.forecasting.seen import SEEN
from forecastrnn.forecasting.settings import network_of
from forecastrnn.forecasting.settings_entry import LAYOUT, read_settings
from forecastrnn.forecasting.states import states_width
from forecastrnn.forecasting.trained import Trained
from forecastrnn.native_frames import LIBRARIES
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.persistence import codec
from forecastrnn.persistence import fitted_records as kinds
from forecastrnn.persistence.axis_records import AXIS, decode_label, encode_label
from forecastrnn.persistence.calendar_records import CALENDAR
from forecastrnn.persistence.codec import Kind, Make, Part, State
from forecastrnn.persistence.labels import categories
from forecastrnn.persistence.plain_values import decode_fields, encode_fields
from forecastrnn.training.network_progress import Progress

if TYPE_CHECKING:
    from forecastrnn.data.series import TimeAxis

_COLUMNS = ("id_col", "time_col", "target_col")
_SCALES = (1e-8, 1e150)  # within which fit finds scales of series
_PLACES = (0, codec.LONGEST)
_SUMS = (-1e300, 1e300)  # of values that networks read
_DIGITS = 1e18  # no float64 tells more of them apart


# Settings, and the networks that follow from them -----------------------------------------------------------------
def _walk_layout(part: Part, word: str, value: InputLayout | None) -> Make:
    season = codec.count(1).read(part, "season", value and value.season)
    if value is not None:
        plain = encode_fields(value)
        part.raw["settings"] |= {name: plain[name] for name in LAYOUT if name in plain}
    among = {name: value for name, value in part.raw["settings"].items() if name in LAYOUT}
    layout = decode_fields(InputLayout, {"season": season, "second_lag": 2 * season} | among)
    means = layout.older_means
    if len(means) % 2 or not all(1 <= number <= codec.MOST for number in means):
        raise ModelFileError(f"older_means must be lengths and counts of blocks. Got {str(means)[:80]}")
    if not all(2 <= number <= codec.MOST for number in layout.longer):
        raise ModelFileError(f"longer seasons have two seasons or more. Got {str(layout.longer)[:80]}")
    if (layout.squashed or layout.for_any) and not layout.with_long_run:
        raise ModelFileError("columns are squashed, and those for any series read, only beside the long-run mean")
    if layout.categories > len(part.known["settings"].embeddings):
        raise ModelFileError("each category of covariates has an embedding")
    counts, known = (layout.covariates, layout.categories), layout.known_ahead
    if len(known) != 2 or not all(0 <= some <= all_ <= codec.MOST for some, all_ in zip(known, counts, strict=True)):
        raise ModelFileError(f"covariates are at most {codec.MOST} columns. Got {counts}, {known} of them known ahead")
    part.known["layout"] = layout
    return lambda values: replace(layout, second_lag=second_lag(season, values["periods"], for_any=layout.for_any))


def _walk_network(part: Part, word: str, value: AnyNetwork | None) -> Make:
    """It follows from the entries before."""
    network = network_of(part.known["layout"], part.known["settings"])
    kinds.check_network(network.writer, part)
    part.known.update(network=network, size=network.size)
    return lambda values: network


# Members ----------------------------------------------------------------------------------------------------------
def _walk_curves(part: Part, word: str, value: list[list[float]] | None) -> Make:
    """One behind the other; their lengths are in the header."""
    lengths = part.items(word, lambda: [len(one) for one in value or ()])
    if not lengths or not all(type(length) is int and 1 <= length < codec.LONGEST for length in lengths):
        part.refuse(word, "the lengths of the loss curves")
    part.known.update(n_losses=sum(lengths), n_members=len(lengths))
    make = codec.array("<f8", "n_losses").walk(
        part, word, value and np.concatenate([np.array(one, float) for one in value])
    )
    return lambda values: [one.tolist() for one in np.split(make(values), np.cumsum(lengths)[:-1])]


def _make_trained(thetas: np.ndarray, curves: list[list[float]], members: list[dict], updates: int) -> Trained:
    """What members have in common with it is kept once."""
    found = [Progress(thetas[k, 0].copy(), loss_curve=curves[k], **member) for k, member in enumerate(members)]
    return Trained(thetas, curves, updates, found)


TRAINED = codec.record(
    Trained,
    _make_trained,
    thetas=kinds.reals("n_members", "n_networks", "size"),
    curves=Kind(_walk_curves),
    updates=codec.count(1, codec.LONGEST),
    members=codec.joint(kinds.progress(None, None, dict), "a member"),
)


# Series -----------------------------------------------------------------------------------------------------------
def _make_prepared(**kept: Any) -> Prepared:
    """Without the series themselves, of which only the ends are kept."""
    return Prepared(z=np.empty(0), observed=np.empty(0, bool), **kept)


def _make_ends(
    prepared: Prepared, z: np.ndarray, inputs: np.ndarray, phase: np.ndarray, carried: Carried | None,
    so_far: np.ndarray | None, guessed: np.ndarray | None, candidates: CandidateEnds | None, hulls: np.ndarray | None,
) -> SeriesEnds:  # fmt: skip
    """Figures by which compiled code finds its way: each within the arrays that it counts places of."""
    p = prepared
    good = (
        p.starts[0] == 0 and (np.diff(p.starts) > 0).all() and (p.pads < np.diff(p.starts)).all()
        and (phase < p.layout.season).all() and _are_finite(p, z)
        and (hulls is None or (hulls[:, ::2] <= hulls[:, 1::2]).all())
    )  # fmt: skip
    if not good:
        raise ModelFileError("the figures of the series do not fit together")
    own, layout = prepared.covariates, prepared.layout
    if layout.has_covariates != (own is not None) or own is not None and own.scales.n_known != layout.known_ahead:
        raise ModelFileError("the covariates must be those that the networks read")
    if z.shape[1] != past_of(p):
        raise ModelFileError("the ends of the series are not as long as the inputs need")
    if (so_far is not None) != p.layout.with_long_run or so_far is not None and not (so_far[:, 1] >= 1).all():
        raise ModelFileError("so_far must be sums and numbers of values, where the networks read their means")
    first = first_of(p, z.shape[1])
    found = SeriesEnds(p, z, inputs, phase, first, carried=carried, so_far=so_far)
    return replace(found, guessed=guessed, candidates=candidates, hulls=hulls)


def _are_finite(p: Prepared, z: np.ndarray) -> bool:
    """Whether the ends of linear series can be said in their own unit, which is no smaller than digits of a shift."""
    shift = 0.0 if p.shift is None else np.abs(p.shift)
    with np.errstate(over="ignore"):
        size = np.abs(z).max(axis=1, initial=0.0) * p.scale + np.abs(p.after).max(axis=1, initial=0.0)
        size = np.where(p.linear, size, 0.0) * p.level + shift
        return bool(np.isfinite(size).all() and (shift / _DIGITS <= p.level).all())


PREPARED = codec.record(
    Prepared,
    _make_prepared,
    layout=Kind(_walk_layout, sign=None),
    context=codec.count(1, codec.MOST),
    ahead=codec.count(1, codec.MOST),
    z=None,
    observed=None,
    pads=codec.array("<i8", codec.Size("n_series", 1), within=_PLACES),
    period_of=codec.array("<i8", "n_series", within=("season", "room")).named("periods"),
    scale=codec.array("<f8", "n_series", within=_SCALES),
    level=codec.array("<f8", "n_series", within=codec.POSITIVE),
    linear=codec.flags("n_series"),
    starts=codec.array("<i8", "n_ends", within=_PLACES),
    after=codec.array("<f8", "n_series", codec.Size("room", 1), within=("lowest", "highest")),
    n_observations=codec.count(1, codec.LONGEST),
    covariates=codec.unless(None, codec.nested(COVARIATES)),
    figure=None,
    shift=codec.unless(None, codec.optional("has_shift", codec.array("<f8", "n_series"))),
)
CARRIED = codec.record(
    Carried,
    means=kinds.reals("n_series", "past"),
    sums=codec.array("<f8", "n_series", codec.Size("n_sums"), within=_SUMS),
    since=codec.array("<i8", "n_series", within=(0, REFRESHED - 1)),
    states=kinds.reals("n_members", "n_series", codec.Size("n_states")),
)
ENDS = codec.record(
    SeriesEnds,
    _make_ends,
    prepared=PREPARED,
    z=codec.array("<f8", "n_series", codec.Size("past", 1), within=("lowest", "highest")),
    inputs=kinds.reals("n_series", "context", "n_columns"),
    phase=codec.array("<i8", "n_series", within=_PLACES),
    first=None,
    carried=codec.unless(None, codec.nested(CARRIED)),
    so_far=codec.unless(
        None, codec.optional("has_so_far", codec.array("<f8", "n_series", codec.Size("n_so_far", 2, 2), within=_SUMS))
    ),
    guessed=codec.unless(None, codec.optional("has_guessed", codec.array("<i8", "n_series", within=(0, codec.MOST)))),
    candidates=codec.unless(None, codec.nested(CANDIDATE_ENDS)),
    hulls=codec.unless(
        None,
        codec.optional(
            "has_hulls", codec.array("<f8", "n_series", codec.Size("n_hull", 4, 4), within=("lowest", "highest"))
        ),
    ),
)


def _read_columns(part: Part, word: str, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, list) or len(raw) != len(_COLUMNS):
        part.refuse(word, "three names")
    return {name: decode_label(label) for name, label in zip(_COLUMNS, raw, strict=True)}


READER = codec.record(
    ReadingOptions,
    columns=codec.entry(_read_columns, lambda columns: [encode_label(columns[name]) for name in _COLUMNS]),
    missing=codec.choice("raise", "mask", "zero"),
    least=codec.count(1, codec.LONGEST),
    short=codec.unless("raise", codec.choice("raise", "naive", "drop")),
)


# Static categories ------------------------------------------------------------------------------------------------
def _static_sizes(part: Part) -> list[int]:
    """Of each column: its embeddings come behind those of covariates and of the series."""
    embeddings, n = part.known["network"].writer.embeddings, len(part.known["names"])
    if not 0 <= len(embeddings) - n - part.known["layout"].categories <= 1:
        raise ModelFileError("static is not that of the network")
    return [e.size for e in embeddings[len(embeddings) - n :]]


_NAMES = codec.entry(
    lambda part, word, raw: tuple(map(decode_label, raw if isinstance(raw, list) else part.refuse(word, "a list"))),
    lambda names: [*map(encode_label, names)],
)
STATIC = codec.mapped(
    codec.nested(codec.record(StaticCoding, names=_NAMES, categories=categories(_static_sizes)), "static"),
    lambda static: static or StaticCoding((), ()),
    lambda static: static if static.names else None,
)


# Series that are too short to learn from ----------------------------------------------------------------------------
def _walk_whole_axis(part: Part, word: str, value: TimeAxis | None) -> Make:
    """That of all series, of which there are more than the networks know."""
    codec.count(2).walk(part, "n_series", value and value.n_series)
    return codec.nested(AXIS).walk(part, word, value)


NAIVE = codec.record(
    NaiveSeries,
    axis=Kind(_walk_whole_axis),
    places=codec.array("<i8", codec.Size("n_short", 1), within=_PLACES),
    figure=codec.numbers_or_nan("n_short", "season"),  # NaN stands for a series without a value
    floors=codec.flags("n_short"),
)


def _check_naive(naive: NaiveSeries, learned: TimeAxis) -> None:
    """The series that are too short lie between those that are not."""
    ids, places = naive.axis.ids, naive.places
    good = (np.diff(places) > 0).all() and places[-1] < len(ids)
    if not good or tuple(np.delete(np.array([*ids, None], object), places)[:-1]) != learned.ids:
        raise ModelFileError("the series that are too short do not fit between the others")


# All of it --------------------------------------------------------------------------------------------------------
def _make_model(
    network: AnyNetwork, tail: SeriesEnds, axis: TimeAxis, naive: NaiveSeries | None, **others: Any
) -> Model:
    """The model, of parts that must fit together."""
    _check_codes(network, tail)
    if naive is not None:
        _check_naive(naive, axis)
    _check_carried(network, tail, others["strategy"])
    check_mixture(others["mixture"], tail.candidates)
    found = Model(network=network, tail=tail, axis=axis, naive=naive, **others)
    if found.codes.n_known and found.settings.embeddings[found.layout.categories].size != tail.n_series:
        raise ModelFileError("each series has a vector of its own")
    if found.recent is not None and len(found.recent) != found.n_series:
        raise ModelFileError("there must be recent values of each series")
    made = tuple((name, "known", "plain") for name in found.calendar.columns) if found.calendar else ()
    if tuple((one.name, one.role, one.kind) for one in found.covariates)[len(found.given_covariates) :] != made:
        raise ModelFileError("the calendar is not that of the covariates")
    return found


def _check_codes(network: AnyNetwork, tail: SeriesEnds) -> None:
    """Codes, by which compiled code finds vectors, are within them."""
    writer = network.writer
    for e in writer.embeddings:
        codes = tail.inputs[:, :, writer.n_skip + e.column]
        if not ((codes >= 0) & (codes <= e.size) & (codes == np.floor(codes))).all():
            raise ModelFileError("a series has a category that there is not")


def _check_carried(network: AnyNetwork, tail: SeriesEnds, strategy: str) -> None:
    """Sums belong to older means, and states to networks that go on from them."""
    carried, older_means = tail.carried, tail.prepared.layout.older_means
    if carried is None:
        return
    n_sums = tail.z.shape[1] + 1 if older_means else 0
    width = states_width(network.writer) if strategy == "recursive" else 0
    if (carried.sums.shape[1], carried.states.shape[2]) != (n_sums, width):
        raise ModelFileError("sums and states must be those of the inputs and the network")


_RECENT = codec.numbers_or_nan(codec.Size("n_kept", 1), codec.Size("n_recent", 1))
MODEL = codec.record(
    Model,
    _make_model,
    settings=codec.entry(read_settings, encode_fields),
    strategy=codec.choice("recursive", "direct", "seq2seq"),
    tail=ENDS,
    network=Kind(_walk_network, sign=None),
    trained=TRAINED,
    residuals=codec.array("<f8", "n_members", "n_series", codec.Size("n_residuals"), within=("lowest", "highest")),
    reading=READER,
    static=STATIC,
    naive_errors=None,
    axis=codec.nested(AXIS, "the axis"),
    intervals=codec.unless(None, codec.nested(INTERVALS, "the intervals")),
    naive=codec.unless(None, codec.nested(NAIVE)),
    floors=codec.unless(None, codec.optional("has_floors", codec.flags("n_series"))),
    calendar=codec.unless(None, codec.nested(CALENDAR)),
    mixture=codec.unless(None, codec.nested(MIXTURE)),
    recent=codec.unless(None, codec.optional("has_recent", _RECENT)),
    seen=codec.unless(None, codec.nested(SEEN)),
    library=codec.unless("pandas", codec.choice(*LIBRARIES)),
)


def _check(part: Part) -> None:
    """What strategy, settings and members must have of one another, and the sizes that follow."""
    known, settings, n = part.known, part.known["settings"], part.known["n_series"]
    has_own = settings.horizon == 1 and settings.likelihood is None
    if known["n_residuals"] != (RESIDUALS if has_own else 0):
        part.refuse("n_residuals", f"{RESIDUALS}, or 0 where more than one step or a distribution is put out")
    if known["strategy"] != "direct" and settings.horizon != 1:
        raise ModelFileError("a forecaster that is not direct puts out one step")
    if (known["strategy"] == "seq2seq") != settings.has_decoder or settings.has_decoder and settings.is_local:
        raise ModelFileError("a decoder, and networks for all series, belong to the strategy seq2seq")
    if known["members"] != (0 if settings.is_local else known["n_members"]):
        raise ModelFileError(f"there are {known['n_members']} loss curves for {known['members']} members")
    known.update(n_ends=n + 1, n_networks=n if settings.is_local else 1)


def _restore(estimator: Any, _model: Model, device_: str) -> None:
    """Give a forecaster, whose parameters are set, its model and fitted attributes; threads as this machine has."""
    settings = replace(_model.settings, n_threads=thread_count(estimator.n_jobs))
    estimator._model = replace(_model, settings=settings)
    estimator._publish(device_)


STATE = State(
    codec.record(dict, _model=MODEL, device_=kinds.DEVICE),
    _restore,
    _check,
    order="thetas residuals starts after pads periods scale level linear z inputs phase curves m v moments scores",
)
