"""to_onnx of an encoder and a decoder of tokens."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from forecastrnn.estimators.exporting_pairs import exported_of
from forecastrnn.estimators.seq2seq_estimator import PairEstimator
from forecastrnn.onnx_models.pairs import model_of_pair
from forecastrnn.persistence.model_file import place_of, write_blocks


class PairsToOnnx(PairEstimator):
    """Gives an estimator of pairs `to_onnx`."""

    def to_onnx(self, path: Any) -> None:
        """Write the fitted model as an ONNX file (opset 17), which ONNX Runtime runs without this package.

        Encoder, attention and decoder are in the file, and a `Loop` in which the likeliest token of each step, or those
        of a beam, are fed back until all rows have ended.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            File to write, at once; one that is there is replaced.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ImportError
            Without the package onnx.
        TypeError, OSError
            For another `path`, and if the file cannot be written.

        Notes
        -----
        Inputs are `X` (batch, time), tokens: texts or int64, as those of `fit`; and two that may be left out,
        `lengths`, int64 (batch,), and `max_length`, int64 (1,), tokens at most. Batch and time are free. Outputs are
        `tokens` (batch, steps), behind the end "" or 0, and `n_tokens` (batch,), how many there are before it. Weights
        are float32. With `unknown="raise"` the runtime fails for a token that `fit` has not seen.

        Examples
        --------
        >>> from forecastrnn import RNNSeq2Seq
        >>> X = ["abc", "cab", "bca"]
        >>> model = RNNSeq2Seq(hidden_layer_sizes=8, max_iter=2, random_state=0).fit(X, [x[::-1] for x in X])
        >>> model.to_onnx("model.onnx")  # doctest: +SKIP
        """
        check_is_fitted(self)
        place = place_of(path)
        write_blocks(path, place, [model_of_pair(exported_of(self))])
