"""RNNRegressor: numbers from sequences."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from forecastrnn.data.arrays import Sequences
from forecastrnn.data.boxes import opened
from forecastrnn.data.targets import read_numbers, refuse_other_number, without_value
from forecastrnn.estimators.device_choice import device_to_predict
from forecastrnn.estimators.old_names import takes_old_names
from forecastrnn.estimators.own_methods import own_methods
from forecastrnn.estimators.parameters import SEQUENCE_CONSTRAINTS
from forecastrnn.estimators.recurrent_estimator import GivenData
from forecastrnn.estimators.sequence_estimator import SequenceEstimator
from forecastrnn.networks.losses import LossesFor
from forecastrnn.sequences.generation import generate
from forecastrnn.sequences.scores import r2, r2_of_outputs, r2_of_steps, valid_steps
from forecastrnn.sequences.targets import Targets, number_targets


@own_methods
class RNNRegressor(RegressorMixin, SequenceEstimator):
    """Recurrent network for regression on sequences.

    Parameters
    ----------
    cell : str, cell, or list of them
        The recurrent cell, one for all layers or one a layer: an instance, or a name, of "rnn", "lstm",
        "peephole_lstm", "gru", "cifg", "mgu", "ugrnn", "slstm", "mingru", "minlstm" and "indrnn".
    hidden_layer_sizes : int or list of int
        Units of each layer; its length is the depth.
    bidirectional : bool
        Each layer also reads the sequence backwards.
    layer_norm : bool
        Layer normalisation inside the cells of all layers (Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 4): at each
        step the sums of a gate, x W + h U, become gain * (s - mean) / sqrt(var + 1e-5) + bias, with mean and variance
        over the layer's units and a learned gain that begins at 1. In an LSTM that is i, f, g and o (peepholes are
        added after it, the cell state is not normalised); in a GRU r and z, and of n, where it resets after the
        product, the part of the inputs and the recurrent part each by itself, else the whole sum.
    initializer : {"glorot", "he", "orthogonal", "uniform"}
        First weights, see `Cell.init_weights`. "he" suits relu.
    loss : {"squared_error", "absolute_error", "huber"}
        What is minimised, on standardised targets; Huber's threshold is one standard deviation.
    solver : str, `Adam`, `AdamW`, `SGD`, `RMSprop` or `UpdateRule`
        The update rule, with its constants and the course of its learning rate, or its name for the usual ones: "adam",
        "adamw", "sgd", "rmsprop", or that of a rule of one's own.
    learning_rate_init : float or None
        The rate of the solver, by the name that it has in `MLPRegressor`; None: the solver says it. Not both.
    batch_size : int or "auto"
        Sequences a mini-batch; "auto" is min(128, n).
    max_iter : int
        Epochs at most.
    early_stopping : bool or `EarlyStopping`
        Stop when R^2 on the last rows, which are held out, gets no better, and keep the best weights. False: stop when
        the training loss gets no better.
    warm_start : bool
        `fit` goes on from the fitted weights and optimizer state.
    shuffle : bool
        New order of sequences in each epoch.
    random_state : int, RandomState or None
        Seed of weights and shuffling; the same seed gives the same bits, whatever n_jobs.
    verbose : "auto", bool or int
        "auto": in a terminal or notebook a fit of more than two seconds shows a line of what is under way, which is
        gone at the end. True: the loss of each epoch, in lines that stay. False: nothing.
    bucket_by_length : bool
        Make mini-batches of sequences of like length (within a factor of 2), so that less padding is computed: some
        3 times faster where few sequences are long. Their order stays random. Not for targets that go with the
        length: a mini-batch would hold only some of them. No effect on sequences of one length.
    bptt : `Truncated` or None
        Backpropagation through time with less memory: truncated, or with checkpoints.
    dropout : float or `Dropout`
        Chance, in training, that an output of a layer is set to zero; a `Dropout` says it also of inputs and of the
        state.
    vector_input : bool
        Vector to sequence: each row of X (n, features) is one vector, which the network reads at every step, and y
        (n, time) or (n, time, outputs) is the sequence that belongs to it. Nothing is repeated in memory but for the
        rows of a mini-batch. With `lengths`, those are the valid steps of each row of y.
    categorical_features : None, array of int, bool or str
        Channels whose values are categories, each read as a vector of its own (an embedding): their indexes, a mask,
        or their names where X is a list of frames. [0] is the one channel of a 2-D X. `fit` learns the categories;
        one that it has not seen, in `predict` or in a later fit, reads the mean of all vectors. Where every channel
        is categorical, X may hold texts. Categories are not standardised, and weight decay leaves their vectors alone.
    embedding : "auto" or `Embedding`
        The vectors of categories: how many numbers they have, what they begin with, whether they are learned.
    standardize : bool
        Scale each channel of X and each output of y to mean 0 and variance 1 inside.
    device : {"cpu", "cuda", "cuda:1", "auto"}, or list of them
        Where to fit, predict and generate, or where each layer is; "auto" takes the first GPU where there is one. A
        model that was fitted on a GPU predicts on the CPU where there is none.
    n_jobs : int or None
        Threads; None and -1 are all physical cores, -2 all but one.
    dtype : {"auto", "float32", "float64"}
        Type to compute in; "auto" is float32 for float32 input, else float64. float32 is several times faster.

    Attributes
    ----------
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_, best_iter_ : list of float, int
        With early_stopping: score of each epoch, and the epoch whose weights were kept.
    n_iter_, loss_, n_features_in_, n_outputs_, device_
        Epochs, last loss, time steps (2-D X) or channels, outputs, device.
    weights_, output_weights_
        Named views of the parameters.
    is_categorical_, categories_, embedding_weights_
        Mask of the categorical channels (None without any); their sorted categories; their vectors, one more than
        there are categories: the last is read for unknown ones.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn import RNNRegressor
    >>> t = np.arange(200)[:, None] * 0.1 + np.arange(12) * 0.1
    >>> X, y = np.sin(t[:, :-1]), np.sin(t[:, -1])
    >>> model = RNNRegressor(cell="gru", hidden_layer_sizes=8, random_state=0, max_iter=60).fit(X, y)
    >>> model.predict(X[:2]).shape, bool(model.score(X, y) > 0.95)
    ((2,), True)
    """

    _parameter_constraints: dict = {
        **SEQUENCE_CONSTRAINTS,
        "loss": [StrOptions(LossesFor("regression"))],
    }

    @takes_old_names
    def __init__(
        self, *, cell="lstm", hidden_layer_sizes=(32,), bidirectional=False, layer_norm=False, initializer="glorot",
        dropout=0.0, loss="squared_error", solver="adam", learning_rate_init=None, early_stopping=False,
        batch_size="auto", max_iter=200, warm_start=False, shuffle=True, random_state=None, verbose="auto",
        bucket_by_length=False, bptt=None, vector_input=False, categorical_features=None, embedding="auto",
        standardize=True, device="cpu", n_jobs=None, dtype="auto",
    ):  # fmt: skip
        self._set(locals())

    def _loss_name(self) -> str:
        return self.loss

    def _read_targets(self, given: GivenData, X: Sequences, weight: np.ndarray | None, reset: bool) -> Targets:
        steps = self.__dict__.get("_fitted") if not reset else None
        array = read_numbers(given.y, X, 6, by_step=steps is not None and steps.last == 0)
        refuse_other_number(X.n, len(array))
        return number_targets(array, X)

    def partial_fit(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> Self:
        """One epoch on X and y, going on from the fitted weights; the first call also fits the scalers.

        Parameters are those of `fit`.
        """
        self._validate_params()
        return self._fit(GivenData(X=X, y=y, sample_weight=sample_weight, lengths=lengths), partial=True)

    def predict(
        self, X: object, lengths: object = None, n_samples: int | None = None, random_state: object = None,
        n_steps: int | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Predicted targets, in the shape of the y of `fit`.

        Parameters
        ----------
        X, lengths
            As in `fit`.
        n_samples : int, optional
            Monte Carlo dropout (Gal & Ghahramani 2016): so many predictions with the dropout of training left on;
            how far they differ says how sure the network is of itself. None: one prediction, without dropout.
        random_state : int, RandomState or None
            Seed of the dropout of `n_samples`.
        n_steps : int, optional
            With `vector_input`: steps of the sequences; None: as many as in `fit`.

        Returns
        -------
        ndarray (n,), (n, outputs) or (n, k, outputs), behind a first dimension of n_samples if that is given. With
        targets at each step of rows that differ in length a masked array: masked past the end of a shorter row, where
        its data hold NaN

        Raises
        ------
        ValueError
            For unusable X, for n_samples of a model that was fitted without dropout, and for n_steps of one that was
            fitted without `vector_input`.
        """
        read = self._read(X, lengths, n_steps)
        if n_samples is not None:
            drawn = [self._shown(outputs, read) for outputs in self._sampled(read, n_samples, random_state)]
            return np.ma.stack(drawn) if isinstance(drawn[0], np.ma.MaskedArray) else np.stack(drawn)
        return self._shown(self._outputs_of(read), read)

    def _shown(self, outputs: np.ndarray, read: Sequences) -> np.ndarray:
        """Outputs as `predict` gives them: nothing past the end of a row looks like a prediction."""
        found = self._in_shape(outputs)
        if self._fitted.last != 0 or read.lengths is None:
            return found
        return without_value(found, valid_steps(outputs.shape[:2], read.lengths))

    def _in_shape(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs (n, k, outputs) in the shape of the y of `fit`."""
        if self._fitted.target_ndim == 3:
            return outputs
        if self._fitted.repeats:
            return outputs[:, :, 0]
        return outputs[:, 0, 0] if self._fitted.target_ndim == 1 else outputs[:, 0]

    def generate(
        self, n_steps: int, prompt: ArrayLike | None = None, n_sequences: int = 1, context_length: int | None = None
    ) -> np.ndarray:
        """Continue a sequence by feeding each output back as the next input.

        For models whose target at each step is the next value of all channels.

        Parameters
        ----------
        n_steps : int
            Steps to generate.
        prompt : array (time,), (time, channels) or (n, time, channels), optional
            What comes before; default one step of zeros for each of `n_sequences`.
        n_sequences : int
            Sequences to generate from the default prompt.
        context_length : int, optional
            Start anew at every step from the last so many values, as the windows in training did, or from all while
            there are fewer. Default: the state goes on from step to step, which is faster.

        Returns
        -------
        ndarray (n_steps,), (n_steps, channels) or (n, n_steps, channels), as the prompt
        """
        check_is_fitted(self)
        self._check_prompt(prompt)
        return generate(
            self._fitted, n_steps, prompt, n_sequences=n_sequences, context_length=context_length, n_jobs=self.n_jobs,
            device=device_to_predict(self),
        )  # fmt: skip

    def _score_outputs(self, outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
        return r2_of_outputs(outputs, y, lengths)

    def score(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> float:
        """R^2 of `predict`, over all steps and outputs of valid steps.

        Parameters are those of `fit`.
        """
        y = opened(y)
        read = self._read_with(X, lengths, y)
        guess = self._in_shape(self._outputs_of(read))
        truth = read_numbers(y, read, 2, by_step=self._fitted.last == 0 and not read.repeats)
        refuse_other_number(read.n, len(truth))
        if self._fitted.repeats and truth.ndim == guess.ndim == 2:
            truth, guess = truth[:, :, None], guess[:, :, None]
        weight = self._read_weight(sample_weight, len(guess))
        if guess.ndim < 3:
            return r2(truth, guess, weight)
        if truth.shape != guess.shape:
            raise ValueError(f"y must have the shape of what predict returns, {guess.shape}. Got {truth.shape}.")
        valid = valid_steps(guess.shape[:2], read.lengths if self._fitted.last == 0 else None)
        return r2_of_steps(truth, guess, valid, weight)
