"""RNNSeq2Seq: sequences of tokens from sequences of tokens."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from forecastrnn.data.arrays import check_count
from forecastrnn.data.tokens import Tokens, check_tokens, read_texts, written
from forecastrnn.estimators.device_choice import device_to_predict
from forecastrnn.estimators.exporting_pairs import PairsToNumpy
from forecastrnn.estimators.old_names import takes_old_names
from forecastrnn.estimators.onnx_pairs import PairsToOnnx
from forecastrnn.estimators.own_methods import own_methods
from forecastrnn.estimators.parameters import OWN
from forecastrnn.naming import flag_of
from forecastrnn.sequences.decoding import Search
from forecastrnn.sequences.seq2seq_fitting import TokenCodes, decode, matches

WIDEST = 10_000  # hypotheses: what is sorted and kept at each step, of each source
_RETRAIN = "Fit on data that have it, or set unknown='mean' to read the mean of all tokens' vectors in its place."


@dataclass(frozen=True)
class Decoded:
    """What `RNNSeq2Seq.decode` has found.

    Attributes
    ----------
    sequences : list of n
        As `predict` gives them: str or lists of tokens.
    log_probabilities : ndarray (n,)
        Natural logarithm of each sequence's probability, its end included; of one that has not ended, of its tokens.
    ended : ndarray (n,) of bool
        False where `max_length` tokens came without an end.
    attention : ndarray (n, longest sequence, longest source) or None
        Weights of the source's tokens, in their order, behind each token that was put out; zero past the ends of both.
    """

    sequences: list[Tokens]
    log_probabilities: np.ndarray
    ended: np.ndarray
    attention: np.ndarray | None


@own_methods
class RNNSeq2Seq(PairsToNumpy, PairsToOnnx):
    """Encoder-decoder of recurrent layers: translates sequences of tokens into others, of any length.

    The encoder reads a source through vectors that it learns for each token, and its final states are the decoder's
    first ones. The decoder says the next token of the target from those before it: in training the right ones (teacher
    forcing), at `predict` its own, until it says that the sequence has ended. Begin, end, padding and its weights in
    the loss are taken care of.

    Parameters
    ----------
    cell : str, cell, or list of them
        The recurrent cell of both sides, one for all layers or one a layer, by name or not, as in `RNNRegressor`.
    hidden_layer_sizes : int or list of int
        Units of each layer of the encoder, in each direction; the decoder has as many (with `bidirectional` twice as
        many), since it goes on from the encoder's states.
    bidirectional : bool
        The encoder reads sources in both directions.
    layer_norm : bool
        Layer normalisation in the cells of both sides, as in `RNNRegressor`.
    embedding_dim : int
        Numbers that stand for a token, on either side.
    attention : {"additive", "dot", None}
        How the decoder, in each step, looks back at the source: by the score v . tanh(h Wq + s Wk) (Bahdanau, Cho &
        Bengio 2015, arXiv:1409.0473); by h . s (Luong, Pham & Manning 2015, arXiv:1508.04025), which is faster but
        learns less surely; or not at all.
    reverse_source : bool
        The encoder reads a source from its end on, so that its first tokens are close to the target's (Sutskever,
        Vinyals & Le 2014, arXiv:1409.3215). It helps where there is no attention; with attention it matters little.
    scheduled_sampling : float
        Share of the decoder's inputs that are its own outputs at the end of training, below 1; it grows from 0
        linearly over all updates (Bengio et al. 2015, arXiv:1506.03099).
    n_sampled_tokens : int or None
        For targets of many distinct tokens, thousands and more: train on a softmax over the true token and so many
        others, drawn anew for each mini-batch, as `n_sampled_classes` of `RNNClassifier` (Jean et al. 2015,
        arXiv:1412.2007). `loss_curve_` then has estimates; decoding is over all. None: the full softmax.
    decoding : int or `Beam`
        How `predict` looks for the likeliest sequence: an int is the width of the beam, 1 takes the likeliest token in
        each step (greedy decoding). `max_length` and `length_penalty` are those of a `Beam`.
    unknown : {"raise", "mean"}
        What `predict` does with source tokens that `fit` has not seen: an error, or the mean of all tokens' vectors.
    initializer, solver
        As in `RNNRegressor`; the gradient's norm is at most 1, so that single updates of long sequences do not undo
        many others.
    batch_size, max_iter, shuffle, warm_start, random_state, verbose, device, n_jobs, dtype
        As in `RNNRegressor`; dtype "auto" is float32.
    early_stopping : bool or `EarlyStopping`
        Hold out some rows, drawn at random; watch the share of them that greedy decoding gets exactly right, and keep
        the best weights.
    bucket_by_length : bool
        Whole mini-batches are of pairs of like length, which saves steps on padding.
    dropout : float or `Dropout`
        Chances to be set to zero in training, on both sides.

    Attributes
    ----------
    source_tokens_, target_tokens_ : ndarray
        The tokens of `fit`, sorted: objects for str, int64 for int.
    loss_curve_ : list of float
        Mean cross-entropy of a token in each epoch; `loss_` is the last one, `n_iter_` how many there are.
    validation_scores_, best_iter_ : list of float, int
        With early_stopping: the share of exact matches in each epoch, and the epoch whose weights were kept.
    device_ : str
        Where it was fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn import RNNSeq2Seq
    >>> rng = np.random.RandomState(0)
    >>> X = ["".join(rng.choice([*"abcd"], size=rng.randint(2, 6))) for _ in range(600)]
    >>> model = RNNSeq2Seq(hidden_layer_sizes=32, batch_size=32, max_iter=30, random_state=0)
    >>> model = model.fit(X, [x[::-1] for x in X])
    >>> model.predict(["abcd", "dab"])
    ['dcba', 'bad']
    """

    _own = OWN | {"clip_norm": 1.0}

    @takes_old_names
    def __init__(
        self, *, cell="gru", hidden_layer_sizes=(64,), bidirectional=False, layer_norm=False, embedding_dim=16,
        attention="additive", reverse_source=True, scheduled_sampling=0.0, n_sampled_tokens=None, decoding=1,
        unknown="raise", initializer="glorot", dropout=0.0, solver="adam", early_stopping=False, batch_size="auto",
        max_iter=200, warm_start=False, shuffle=True, random_state=None, verbose="auto", bucket_by_length=True,
        device="cpu", n_jobs=None, dtype="auto",
    ):  # fmt: skip
        self._set(locals())

    def _read_sources(self, X: object) -> TokenCodes:
        texts = read_texts(X, "X")
        self._check_params("unknown")
        hint = _RETRAIN if self.unknown == "raise" else ""
        return TokenCodes(check_tokens(texts, self.source_tokens_, "X", "source_tokens_", hint), texts.lengths)

    def decode(
        self, X: object, *, beam_width: int | None = None, length_penalty: float | None = None,
        max_length: int | None = None, return_attention: bool = False,
    ) -> Decoded:  # fmt: skip
        """Decode sources, and say how sure that is, what has ended, and where the decoder looked.

        Parameters
        ----------
        X : list of n sequences of tokens
        beam_width, length_penalty, max_length : optional
            In place of the constructor's.
        return_attention : bool
            Give the weights of attention; the model must have been fitted with one.

        Returns
        -------
        Decoded
            A sequence that has not ended is the best of those kept; ended ones go before it.

        Raises
        ------
        ValueError, TypeError
            For unusable sources, tokens that `fit` has not seen (`unknown`), and numbers out of range.
        """
        check_is_fitted(self)
        fitted = self._fitted
        with_attention = flag_of(return_attention, "return_attention")
        if with_attention and fitted.network.attention is None:
            raise ValueError('return_attention=True needs a model fitted with attention="dot" or "additive".')
        most = self._most(fitted, max_length)
        search = Search(self._width(beam_width), most, self._penalty(length_penalty), with_attention)
        x = self._read_sources(X)
        found = decode(fitted, x, search, self.n_jobs, device=device_to_predict(self))
        rows = written(found.symbols, found.sizes, fitted.target_tokens, fitted.writes_str)
        weights = None if found.weights is None else found.weights[:, : found.sizes.max(), : x.lengths.max()]
        return Decoded(rows, found.log_probabilities, found.ended, weights)

    def _width(self, given: object = None) -> int:
        width = check_count(self._search()["beam_width"] if given is None else given, "beam_width")
        if width > WIDEST:
            raise ValueError(
                f"beam_width must be at most {WIDEST}, so many hypotheses are kept of each source. Got {width}."
            )
        return width

    def _penalty(self, given: object) -> float:
        value = self._search()["length_penalty"] if given is None else given
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            raise ValueError(f"length_penalty must be a finite number >= 0. Got {value!r}.")
        return float(value)

    def predict(self, X: object, beam_width: int | None = None) -> list[Tokens]:
        """The target sequence of each source.

        Parameters
        ----------
        X : list of n sequences of tokens
        beam_width : int, optional
            In place of the constructor's.

        Returns
        -------
        list of n
            str if the targets of `fit` were texts, otherwise lists of tokens.

        Warns
        -----
        UserWarning
            If some did not end within `max_length` tokens; `decode` says which.
        """
        found = self.decode(X, beam_width=beam_width)
        if not found.ended.all():
            most = self._most(self._fitted, None) - 1
            warnings.warn(
                f"{(~found.ended).sum()} of {len(found.ended)} sequences did not end within max_length={most} tokens "
                "and were cut there: decode(X).ended says which.",
                UserWarning,
                stacklevel=2,
            )
        return found.sequences

    def score(self, X: object, y: object, sample_weight: object = None) -> float:
        """Share of the sources whose predicted sequence is exactly that of y.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        targets = read_texts(y, "y")
        x, search = (
            self._read_sources(X),
            Search(self._width(), self._most(self._fitted, None), self._penalty(None)),
        )
        if x.n != targets.n:
            raise ValueError(f"X and y must have as many sequences. Got {x.n} and {targets.n}.")
        wanted = TokenCodes(check_tokens(targets, self.target_tokens_), targets.lengths)
        right = matches(decode(self._fitted, x, search, self.n_jobs, device=device_to_predict(self)), wanted)
        return float(np.average(right, weights=self._read_weight(sample_weight, x.n)))
