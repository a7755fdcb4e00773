"""What a model file keeps of a fitted RNNForecaster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecastrnn.data.static_input import StaticCoding
from forecastrnn.engine.devices import is_device
from forecastrnn.engine.threads import thread_count
from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting.ends import SeriesEnds, first_of, past_of
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.model import Model, SeriesReader
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.residuals import RESIDUALS
from forecastrnn.forecasting.settings import Settings, network_of
from forecastrnn.forecasting.trained import Trained
from forecastrnn.networks.losses import LOSSES
from forecastrnn.networks.network import AnyNetwork, Embedding, Network
from forecastrnn.persistence.coding_records import coding_tensors, pack_coding, unpack_coding
from forecastrnn.persistence.model_file import Tensor
from forecastrnn.persistence.model_records import (
    MOST,
    Fields,
    check_dropout,
    check_known,
    check_network,
    decode_fields,
    encode_fields,
)
from forecastrnn.persistence.moment_records import (
    LATER_MOMENTS,
    described_moments,
    moment_tensors,
    pack_moments,
    unpack_moments,
)
from forecastrnn.training.optimizers import SOLVERS, OptimizerState
from forecastrnn.training.training import Progress

Values = dict[str, np.ndarray]
FIELDS = (
    "settings strategy columns missing least needs season context ahead n_observations n_series room past n_residuals "
    "updates members curves axis device static moments"
)
LATER: dict[str, Any] = {"static": {"names": [], "categories": []}, **LATER_MOMENTS}  # fields that the first files lack
MEMBER = "updates since_start best_iter stopped n_scores"
_LAYOUT = ("with_lags", "older_means")  # of the inputs: they lie among the settings in a file
_SERIES = {"pads": "<i8", "periods": "<i8", "scale": "<f8", "level": "<f8", "linear": "|u1"}
_COLUMNS = ("id_col", "time_col", "target_col")


def pack(estimator: Any) -> tuple[dict, Values]:
    """The state for the header, and the tensors."""
    from forecastrnn.persistence.axis_records import encode_label, pack_axis

    model: Model = estimator._model
    p, trained, tail = model.tail.prepared, model.trained, model.tail
    layout = encode_fields(p.layout)
    axis, axis_values = pack_axis(model.axis)
    categories, static_values = pack_coding(model.static)
    names = [encode_label(name) for name in model.static.names] if model.static else []
    state = {
        "settings": encode_fields(model.settings) | {name: layout[name] for name in _LAYOUT},
        "strategy": model.strategy, "columns": [encode_label(model.reading.columns[name]) for name in _COLUMNS],
        "missing": model.reading.missing, "least": model.reading.least, "needs": model.reading.needs,
        "season": layout["season"], "context": int(p.context), "ahead": int(p.ahead),
        "n_observations": p.n_observations, "n_series": p.n_series, "room": p.after.shape[1],
        "past": tail.z.shape[1], "n_residuals": model.residuals.shape[2], "updates": int(trained.updates),
        "members": [_describe(member) for member in trained.members], "axis": axis,
        "curves": [len(curve) for curve in trained.curves], "device": estimator.device_,
        "static": {"names": names, "categories": categories},
    }  # fmt: skip
    values = {"thetas": trained.thetas, "residuals": model.residuals, "starts": p.starts, "after": p.after}
    values |= {"pads": p.pads, "periods": p.period_of, "scale": p.scale, "level": p.level}
    values["linear"] = p.linear.view(np.uint8)
    values |= {"z": tail.z, "inputs": tail.inputs, "phase": tail.phase}
    values["curves"] = np.concatenate([np.array(curve, float) for curve in trained.curves])
    if trained.members:
        each = [member.optimizer.moments for member in trained.members]
        state |= described_moments(each[0])
        values |= pack_moments({name: np.stack([moments[name] for moments in each]) for name in each[0]})
        values["scores"] = np.concatenate([np.array(m.validation_scores, float) for m in trained.members])
    return state, values | axis_values | static_values


def _describe(member: Progress) -> dict:
    optimizer = member.optimizer
    return {
        "updates": int(optimizer.count), "since_start": int(optimizer.since_start), "best_iter": member.best_iter,
        "stopped": member.stopped, "n_scores": len(member.validation_scores),
    }  # fmt: skip


@dataclass(frozen=True)
class ForecastState:
    """The state in a header, checked: from it all tensors follow."""

    fields: Fields
    settings: Settings
    layout: InputLayout  # whose second lag is that of the longest season, until the periods are known
    network: AnyNetwork
    members: list[Fields]

    @classmethod
    def read(cls, raw: Any, kind: str) -> ForecastState:
        """Check the state of a forecaster."""
        state = Fields(LATER | raw if isinstance(raw, dict) else raw, "the model", FIELDS)
        settings, layout = _read_settings(state["settings"])
        _check_settings(settings)
        _check_layout(layout)
        state.text("strategy", {"recursive", "direct", "seq2seq"})
        state.text("missing", {"raise", "mask"})
        state.text("needs")
        if not is_device(state.text("device")):
            state.refuse("device", "the name of a device")
        for name in ("least", "season", "context", "ahead", "n_observations", "n_series", "room", "past", "updates"):
            state.count(name, 1)
        state.count("n_residuals", *((RESIDUALS, RESIDUALS) if settings.horizon == 1 else (0, 0)))
        if state["strategy"] != "direct" and settings.horizon != 1:
            raise ModelFileError("a forecaster that is not direct puts out one step")
        if (state["strategy"] == "seq2seq") != settings.has_decoder or settings.has_decoder and settings.is_local:
            raise ModelFileError("a decoder, and networks for all series, belong to the strategy seq2seq")
        if len(state.items_of("columns")) != len(_COLUMNS):
            state.refuse("columns", "three names")
        members = [Fields(each, "a member", MEMBER) for each in state.items_of("members")]
        for member in members:
            member.flag("stopped")
            for name in ("updates", "since_start", "best_iter", "n_scores"):
                member.count(name)
        curves = state.items_of("curves")
        if not curves or not all(type(length) is int and 1 <= length < 2**40 for length in curves):
            state.refuse("curves", "the lengths of the loss curves")
        if len(members) != (0 if settings.is_local else len(curves)):
            raise ModelFileError(f"there are {len(curves)} loss curves for {len(members)} members")
        layout = replace(layout, season=state["season"], second_lag=2 * state["season"])
        network = network_of(layout, settings)
        check_network(network.writer)
        static = Fields(state["static"], "static", "names categories")
        if len(static.items_of("names")) != len(static.items_of("categories")):
            raise ModelFileError("static has not as many names as columns")
        if not 0 <= len(settings.embeddings) - len(static["names"]) <= 1:
            raise ModelFileError("static is not that of the network")
        return cls(state, settings, layout, network, members)

    @property
    def writer(self) -> Network:
        """What forecasts: the network, or its decoder."""
        return self.network.writer

    def tensors(self) -> list[Tensor]:
        """Names, dtypes and shapes of all tensors, in the order of the file."""
        from forecastrnn.persistence.axis_records import axis_tensors

        state, size, n, count = self.fields, self.network.size, self.fields["n_series"], len(self.fields["curves"])
        real = {"float32": "<f4", "float64": "<f8"}[self.settings.dtype]
        found = [
            Tensor("thetas", real, (count, n if self.settings.is_local else 1, size)),
            Tensor("residuals", "<f8", (count, n, state["n_residuals"])), Tensor("starts", "<i8", (n + 1,)),
            Tensor("after", "<f8", (n, state["room"])),
            *(Tensor(name, kind, (n,)) for name, kind in _SERIES.items()),
            Tensor("z", "<f8", (n, state["past"])),
            Tensor("inputs", real, (n, state["context"], self.writer.n_skip + self.writer.n_inputs)),
            Tensor("phase", "<i8", (n,)), Tensor("curves", "<f8", (sum(state["curves"]),)),
        ]  # fmt: skip
        if self.members:
            found += [Tensor(name, real, (count, size)) for name in moment_tensors(self.fields["moments"]).values()]
            found.append(Tensor("scores", "<f8", (sum(member["n_scores"] for member in self.members),)))
        found += coding_tensors(state["static"]["categories"], self._static_embeddings)
        return found + axis_tensors(state["axis"], n)

    @property
    def _static_embeddings(self) -> tuple[Embedding, ...]:
        """Those of static categories, behind that of the series."""
        return self.writer.embeddings[len(self.writer.embeddings) - len(self.fields["static"]["names"]) :]

    def restore(self, estimator: Any, values: Values) -> None:
        """Give a forecaster, whose parameters are set, its model and fitted attributes."""
        from forecastrnn.persistence.axis_records import decode_label, unpack_axis

        state = self.fields
        tail = self._tail(values)
        columns = {name: decode_label(raw) for name, raw in zip(_COLUMNS, state["columns"], strict=True)}
        reading = SeriesReader(columns, state["missing"], state["least"], state["needs"])
        settings = replace(self.settings, n_threads=thread_count(estimator.n_jobs))  # those of this machine
        axis = unpack_axis(state["axis"], values)
        names = tuple(decode_label(raw) for raw in state["static"]["names"])
        coding = unpack_coding(state["static"]["categories"], self._static_embeddings, values)
        static = StaticCoding(names, coding.categories) if coding else None
        estimator._model = Model(
            network=self.network, trained=self._trained(values), settings=settings, tail=tail,
            residuals=values["residuals"], axis=axis, reading=reading, strategy=state["strategy"], static=static,
        )  # fmt: skip
        estimator._publish(state["device"], axis)

    def _trained(self, values: Values) -> Trained:
        ends = np.cumsum(self.fields["curves"])
        curves = [part.tolist() for part in np.split(values["curves"], ends[:-1])]
        if self.settings.is_local:
            return Trained(values["thetas"], curves, self.fields["updates"], [])
        ends = np.cumsum([member["n_scores"] for member in self.members])
        scores = [part.tolist() for part in np.split(values["scores"], ends[:-1])]
        stacked, members = unpack_moments(self.fields["moments"], values), []
        for k, member in enumerate(self.members):
            moments = {name: each[k].copy() for name, each in stacked.items()}
            optimizer = OptimizerState(moments, member["updates"], member["since_start"])
            theta = values["thetas"][k, 0].copy()
            members.append(Progress(theta, optimizer, curves[k], scores[k], member["best_iter"], member["stopped"]))
        return Trained(values["thetas"], curves, self.fields["updates"], members)

    def _tail(self, values: Values) -> SeriesEnds:
        state, season = self.fields, self.fields["season"]
        _check_series(values, season, state["room"])
        for e in self.writer.embeddings:  # by which compiled code finds vectors
            codes = values["inputs"][:, :, self.writer.n_skip + e.column]
            if not ((codes >= 0) & (codes <= e.size) & (codes == np.floor(codes))).all():
                raise ModelFileError("a series has a category that there is not")
        p = Prepared(
            layout=replace(self.layout, second_lag=min(2 * season, int(values["periods"].max()))),
            context=state["context"], ahead=state["ahead"], z=np.empty(0), observed=np.empty(0, bool),
            linear=values["linear"].view(bool), period_of=values["periods"], n_observations=state["n_observations"],
            **{name: values[name] for name in ("starts", "pads", "scale", "level", "after")},
        )  # fmt: skip
        if state["past"] != past_of(p):
            raise ModelFileError("the ends of the series are not as long as the inputs need")
        return SeriesEnds(p, values["z"], values["inputs"], values["phase"], first_of(p, state["past"]))


def _read_settings(raw: Any) -> tuple[Settings, InputLayout]:
    """The settings, and what among them says what the networks read."""
    known = raw if isinstance(raw, dict) else {}
    layout = {"season": 1, "second_lag": 1} | {name: known[name] for name in _LAYOUT if name in known}
    own = {name: value for name, value in known.items() if name not in _LAYOUT} if known else raw
    return decode_fields(Settings, own), decode_fields(InputLayout, layout)


def _check_settings(settings: Settings) -> None:
    """What forecasts and a warm start depend on."""
    good = settings.dtype in ("float32", "float64") and 1 <= settings.horizon <= MOST
    if not good or settings.batch_size < 1:
        raise ModelFileError("the settings of the training are not possible ones")
    check_known("loss", settings.loss, LOSSES)
    check_known("update rule", settings.rule.solver, SOLVERS)
    check_dropout(settings.dropout)


def _check_layout(layout: InputLayout) -> None:
    """What compiled code reads blocks by."""
    means = layout.older_means
    if len(means) % 2 or not all(1 <= number <= MOST for number in means):
        raise ModelFileError(f"older_means must be lengths and counts of blocks. Got {str(means)[:80]}")


def _check_series(values: Values, season: int, room: int) -> None:
    """Figures by which compiled code finds its way: each within the arrays that it counts places of."""
    periods, phase, starts = values["periods"], values["phase"], values["starts"]
    good = (
        (periods >= season).all() and (periods <= room).all()
        and (phase >= 0).all() and (phase < season).all()
        and starts[0] == 0 and (np.diff(starts) > 0).all()
        and (values["pads"] >= 0).all() and (values["pads"] < np.diff(starts)).all()
        and (values["scale"] > 0).all() and (values["level"] > 0).all() and (values["linear"] <= 1).all()
    )  # fmt: skip
    if not good:
        raise ModelFileError("the figures of the series do not fit together")
