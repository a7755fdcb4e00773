"""What RNNRegressor and RNNClassifier share: fitting, the fitted attributes, outputs for new sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from forecastrnn.data.arrays import Sequences, check_count
from forecastrnn.data.boxes import opened
from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.vector_input import lengths_of, steps_of
from forecastrnn.engine.memory import check_fits
from forecastrnn.estimators.device_choice import device_of, device_to_predict
from forecastrnn.estimators.exporting import ExportedToNumpy
from forecastrnn.estimators.frameworks import FromFrameworks
from forecastrnn.estimators.holding_out import last_rows
from forecastrnn.estimators.named_parameters import checks_parameters
from forecastrnn.estimators.old_names import RATE, flat_of
from forecastrnn.estimators.onnx_files import OnnxFiles
from forecastrnn.estimators.parameters import OWN, SEQUENCE_CONSTRAINTS, layers_of, shared_settings
from forecastrnn.estimators.recurrent_estimator import Callback, GivenData
from forecastrnn.estimators.sequence_input import SequenceInput
from forecastrnn.estimators.warm_start import dtype_pair, layer_pairs, refuse_changes, steps_in_words
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.naming import counted
from forecastrnn.networks.head import Head
from forecastrnn.networks.network import Embedding
from forecastrnn.seeds import check_draws
from forecastrnn.sequences.embeddings import embeddings_of
from forecastrnn.sequences.fitting import (
    Fitted,
    SequenceSamples,
    far_from_first,
    refuse_nonfinite,
    run,
    start,
    trainer_of,
)
from forecastrnn.sequences.generation import Stream
from forecastrnn.sequences.samples import Samples
from forecastrnn.sequences.scores import valid_steps
from forecastrnn.sequences.settings import SequenceSettings
from forecastrnn.sequences.targets import Targets
from forecastrnn.training.training import Validate


class SequenceEstimator(ExportedToNumpy, OnnxFiles, FromFrameworks, SequenceInput):
    """Fitting and the fitted attributes; subclasses read targets and turn outputs into predictions."""

    _parameter_constraints: dict = SEQUENCE_CONSTRAINTS
    _own = OWN
    _aliases = frozenset({RATE})

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    # What subclasses define ---------------------------------------------------------------------------
    _scales_y = True
    _trainer_of = staticmethod(trainer_of)

    def _read_targets(self, given: GivenData, X: Sequences, weight: np.ndarray | None, reset: bool) -> Targets:
        raise NotImplementedError

    def _weight_of(self, targets: Targets, weight: np.ndarray | None) -> np.ndarray | None:
        """What each sequence counts in the loss: its own weight, or that of its class."""
        return weight

    def _loss_name(self) -> str:
        raise NotImplementedError

    def _head(self, y: Targets) -> Head:
        """What the outputs stand for: a value of each target."""
        return Head(targets=y.values.shape[2])

    def _score_outputs(self, outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
        raise NotImplementedError

    # Fitting ------------------------------------------------------------------------------------------
    @checks_parameters
    def fit(
        self, X: object, y: object, sample_weight: object = None, lengths: object = None,
        callback: Callback | None = None, checkpoint: Any = None,
    ) -> Self:  # fmt: skip
        """Train on sequences X and targets y.

        Parameters
        ----------
        X : array (n, time), array (n, time, channels), or list of sequences (time,) or (time, channels)
            2-D: each row a sequence of one channel and fixed length. A list may be ragged, of arrays, lists, tuples,
            Series or frames, and may lie in an object array, in a column of a frame, or in the cells of a frame whose
            columns are channels. Where every channel is categorical, texts, and lists of lists of words. With
            `vector_input` (n, features), each row a vector.
        y : array
            Regressor: (n,) or (n, outputs) for one target a sequence, (n, k, outputs) for a target at each of
            the last k steps (k = time: at every step). Classifier: (n,) class labels, or (n, time) for one at each
            step. Targets at each step of ragged sequences may be a list like X. With `vector_input` (n, time) or, for a
            regressor, (n, time, outputs).
        sample_weight : array (n,), optional
            Weight of each sequence in the loss; 0 leaves it out, of what early stopping holds out too.
        lengths : array of int (n,), optional
            Valid steps of each row of a padded X, or of y with `vector_input`. What stands behind them, in X and in y,
            does not matter: NaN, None and masked cells may.
        callback : callable, optional
            Called behind each epoch with an `Epoch` (iteration, loss, validation_score, and the model so far by
            `estimator()`); training stops when it returns True. Whatever it raises leaves the estimator as it was.
        checkpoint : path or Checkpoint, optional
            File in which to keep, once a minute, what is needed to go on. Where this process is killed, the same call
            goes on from there, and ends with the same bits; a fit that ends removes the file. A path that cannot be
            written is an error at once. It is for `random_state=None` too.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For unusable data or parameters. The model of an earlier fit is then kept as it was. For a `checkpoint`
            of other parameters or data, which it names; of a file that is none, or damaged, a `ModelFileError`.
        TrainingDivergedError
            A ValueError: the loss became non-finite or exploded, or errors, in squares, are at the end three times
            those at first and those of outputs which are all 0; 1.5 times where those of an epoch were ten times.
        OSError
            If the checkpoint cannot be written. What it held before stays.

        Warns
        -----
        UserWarning
            In a fit that goes on: data a hundred times as far from the mean as those by which it is standardised.
        """
        given = GivenData(X=X, y=y, sample_weight=sample_weight, lengths=lengths)
        return self._fit(given, callback=callback, checkpoint=checkpoint)

    def _read_settings(self, partial: bool) -> SequenceSettings:
        layers = layers_of(self)
        device, bptt = device_of(self, len(layers)), flat_of(self, "bptt")
        if partial and self._holds_out():
            raise ValueError(
                "partial_fit does not support early_stopping=True: it is one epoch on all rows. Set it to False."
            )
        return SequenceSettings(
            **shared_settings(self, partial), layers=layers, device=device, loss=self._loss_name(),
            n_sampled=getattr(self, "n_sampled_classes", None), embedding=self._embedding_options(),
            scales_x=bool(self.standardize), scales_y=bool(self.standardize) and self._scales_y,
            bptt_steps=bptt["bptt_steps"], checkpoint_steps=bptt["checkpoint_steps"],
        )  # fmt: skip

    def _prepare(
        self, settings: SequenceSettings, given: GivenData, *, goes_on: bool, partial: bool
    ) -> tuple[Fitted, SequenceSamples]:
        if given.y is None:
            name = type(self).__name__
            raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
        given = replace(given, y=opened(given.y))
        columns, self._dtype_of_fit = getattr(self, "n_features_in_", None), self.dtype
        steps = steps_of(given.y) if self.vector_input else None
        lengths = lengths_of(given.y) if self.vector_input and given.lengths is None else given.lengths
        read = self._read_any(given.X, lengths, steps, reset=not (partial and goes_on), goes_on=goes_on)
        weight = self._read_weight(given.sample_weight, read.n)
        targets = self._read_targets(given, read, weight, not goes_on)
        weight = self._weight_of(targets, weight)
        self._check_truncation(read, targets)
        self._warn_batch(read.n, "sequences")
        samples = Samples(read, targets, weight)
        if goes_on:
            for name, times in far_from_first(self._fitted, samples).items():
                warn_caller(
                    f"{name} is about {times:.3g} times as far from the mean as the data of the first fit, by which it "
                    "is standardised: the network will hardly learn from it. Begin with data like all that come, or "
                    "with a new estimator."
                )
            return self._continue(settings, samples, columns), samples
        return start(settings, samples, self._head(targets), self._draw_seed()), samples

    def _check_truncation(self, X: Sequences, y: Targets) -> None:
        steps, checkpoint = flat_of(self, "bptt").values()
        if checkpoint is not None and self.bidirectional:
            raise ValueError(
                f"bptt__checkpoint={checkpoint} needs bidirectional=False: going backwards, a layer begins "
                "with the end of the sequence."
            )
        if steps is None or steps >= X.steps:
            return
        if y.last != 0 or self.bidirectional:
            raise ValueError(
                f"bptt__steps={steps} is shorter than the sequences ({X.steps} steps): this "
                "needs a target at every step, y of shape (n, time, outputs), and bidirectional=False."
            )

    def _continue(self, settings: SequenceSettings, samples: SequenceSamples, columns: int | None) -> Fitted:
        """A copy of the fitted model, if it fits the parameters and the data."""
        old, X, y = self._fitted, samples.X, samples.y
        parameters = {
            **layer_pairs(old.network.layers, settings.layers),
            "vector_input": (old.repeats > 0, X.repeats > 0),
            "standardize": (old.x_scaler is not None, settings.scales_x),
            **dtype_pair(self.dtype, old.progress.theta.dtype.name),
        }
        data = {
            "features of X": (columns, self.n_features_in_),
            "channels of X": (old.network.n_inputs, X.values.shape[2]),
            "outputs of y": (old.network.n_outputs, self._head(y).n_outputs),
            "targets in y": (steps_in_words(old.last), steps_in_words(y.last)),
        }
        refuse_changes(parameters, data)
        return replace(
            old, network=replace(old.network, embeddings=self._continued_embeddings(settings, X)),
            progress=old.progress.copy(), loss=settings.loss, dropout=settings.dropout, repeats=X.repeats,
        )  # fmt: skip

    def _continued_embeddings(self, settings: SequenceSettings, X: Sequences) -> tuple[Embedding, ...]:
        """Those of the fitted model; what was frozen may be learned now, and the other way round."""
        now = embeddings_of(settings.embedding, X.coding)
        sizes = [[e.dim for e in embeddings] for embeddings in (self._fitted.network.embeddings, now)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"warm_start=True and partial_fit go on from the fitted embeddings of {sizes[0]} numbers, but "
                f"embedding asks for {sizes[1]}. Set warm_start=False, or use a new estimator."
            )
        return now

    def _split(self, samples: SequenceSamples) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and the tail to validate on: rows are taken to be in order of time."""
        return last_rows(samples.X.n, self._held_share(), "sequences")

    def _validator(self, settings: SequenceSettings, fitted: Fitted, held: SequenceSamples) -> Validate:
        def validate(theta: np.ndarray) -> float:
            outputs = run(fitted, held.X, self.n_jobs, theta, device=settings.device)
            if not np.isfinite(outputs).all():
                raise TrainingDivergedError("training diverged: outputs for what is held out are no finite numbers.")
            return self._score_outputs(outputs, held.y, held.X.lengths)

        return validate

    def _publish(self, fitted: Fitted, device: str) -> None:
        super()._publish(fitted, device)
        self.__dict__.setdefault("_dtype_of_fit", self.dtype)  # a loaded one
        self.n_outputs_ = fitted.network.n_outputs
        self.is_categorical_, self.categories_ = None, []
        if fitted.coding is not None:
            self.is_categorical_ = np.isin(np.arange(fitted.network.n_inputs), fitted.coding.columns)
            self.categories_ = list(fitted.coding.categories)

    def _shapes(self) -> str:
        fitted, columns = self._fitted, self.n_features_in_
        if fitted.repeats:
            read = f"vectors of {counted(columns, 'number')}"
        elif columns != fitted.network.n_inputs:
            read = f"sequences of {counted(columns, 'step')}"
        else:
            read = f"sequences of {counted(columns, 'channel')}"
        where = {0: " at each step", 1: ""}.get(fitted.last, f" at each of the last {fitted.last} steps")
        return f"{read}; {self._gives()}{where}"

    def _gives(self) -> str:
        return counted(self.n_outputs_, "output")

    # Fitted -------------------------------------------------------------------------------------------
    @property
    def weights_(self) -> list:
        """Named views of the parameters: one dict a layer, a pair of dicts if it is bidirectional."""
        check_is_fitted(self)
        return self._fitted.network.layer_weights(self._fitted.progress.theta)

    @property
    def output_weights_(self) -> dict[str, np.ndarray]:
        """The dense layer: kernel (units, n_outputs) and bias (n_outputs,)."""
        check_is_fitted(self)
        views = self._fitted.network.views(self._fitted.progress.theta)
        return {name: views[f"output.{name}"] for name in ("kernel", "bias")}

    @property
    def embedding_weights_(self) -> list[np.ndarray]:
        """Vectors (n_categories + 1, dim) of each categorical channel, in the order of `categories_`.

        The last is what an unknown category reads: the mean of the others.
        """
        check_is_fitted(self)
        return self._fitted.network.embedding_weights(self._fitted.progress.theta)

    def _outputs_of(self, read: Sequences) -> np.ndarray:
        return self._checked(run(self._fitted, read, self.n_jobs, device=device_to_predict(self)), read)

    def _checked(self, outputs: np.ndarray, X: Sequences) -> np.ndarray:
        """Outputs, if they are numbers at all steps that are no padding."""
        valid = valid_steps(outputs.shape[:2], X.lengths if self._fitted.last == 0 else None)
        return refuse_nonfinite(outputs, "X", valid)

    def _sampled(self, read: Sequences, n_samples: object, random_state: object) -> Iterator[np.ndarray]:
        """Outputs with dropout left on, again and again."""
        count, dropout = check_count(n_samples, "n_samples"), self._fitted.dropout
        if not dropout:
            raise ValueError(
                f"n_samples={count} needs a model fitted with dropout: without it all samples would be the same."
            )
        network, last = self._fitted.network, self._fitted.last or read.values.shape[1]
        what = f"n_samples={count}: outputs of {read.n} sequences"
        check_fits(count * (8 + 8 * read.n * last * network.n_outputs), what, "Take fewer samples, or sequences.")
        for seed in check_draws(random_state).randint(2**31 - 1, size=count):
            yield self._checked(
                run(self._fitted, read, self.n_jobs, dropout=dropout, seed=int(seed), device=device_to_predict(self)),
                read,
            )

    def stream(self) -> Stream:
        """An object that takes one time step at a time and keeps the state.

        Returns
        -------
        Stream
            `step(x)` takes (channels,) and returns (outputs,); `get_state` and `set_state` save and restore. The names
            of a pandas Series must be those of the channels in `fit`, where these had some.
        """
        check_is_fitted(self)
        named = self._fitted.network.n_inputs > 1 and hasattr(self, "feature_names_in_")
        return Stream(self._fitted, self.feature_names_in_.tolist() if named else None)
