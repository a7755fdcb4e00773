"""RNNClassifier: labels of sequences."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length

from forecastrnn.arrays import Sequences
from forecastrnn.fitting import Targets
from forecastrnn.losses import softmax
from forecastrnn.sequence_estimator import SequenceEstimator, unchanged_on_error
from forecastrnn.targets import read_labels


class RNNClassifier(ClassifierMixin, SequenceEstimator):
    """Recurrent network for classification of sequences, trained on cross-entropy.

    The class comes from a softmax over a dense layer on the final state (of both directions, if bidirectional).
    Parameters and attributes are those of `RNNRegressor`, without `loss`; early stopping watches accuracy on a
    stratified random part of the rows, since rows may be ordered by class.

    Attributes
    ----------
    classes_ : ndarray
        The labels, sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from forecastrnn import RNNClassifier
    >>> rng = np.random.RandomState(0)
    >>> X = np.cumsum(rng.normal(size=(120, 15)), axis=1)
    >>> y = np.where(X[:, -1] > X[:, 0], "up", "down")
    >>> model = RNNClassifier(cell="rnn", hidden_layer_sizes=8, max_iter=60, random_state=0).fit(X, y)
    >>> model.classes_.tolist(), bool(model.score(X, y) > 0.9)
    (['down', 'up'], True)
    """

    _scales_y = False

    def _loss_name(self) -> str:
        return "cross_entropy"

    def _n_outputs(self, y: Targets) -> int:
        return len(self.classes_)

    def _read_targets(self, y: object, X: Sequences, weight: np.ndarray | None, reset: bool) -> Targets:
        labels = read_labels(y, 5)
        check_consistent_length(X.values, labels)
        announced = self.__dict__.pop("_announced_classes", None)
        if reset:
            self.classes_ = np.unique(labels) if announced is None else announced
        seen = np.isin(labels, self.classes_)
        if not seen.all():
            raise ValueError(
                f"y contains the previously unseen label {labels[~seen][0]!r}; classes are {self.classes_}."
            )
        used = labels if weight is None else labels[weight > 0]
        if len(np.unique(used)) < 2 and reset and announced is None:
            raise ValueError(f"The number of classes has to be greater than one; got {len(np.unique(used))} class.")
        codes = np.searchsorted(self.classes_, labels)
        return Targets(codes.astype(np.float64).reshape(-1, 1, 1), 1, 1)

    def partial_fit(
        self,
        X: object,
        y: object,
        classes: object = None,
        sample_weight: object = None,
        lengths: object = None,
    ) -> Self:
        """One epoch on X and y, going on from the fitted weights.

        Parameters
        ----------
        X, y, sample_weight, lengths
            As in `fit`.
        classes : array, optional
            All labels that will ever come; needed in the first call unless y holds them all.

        Returns
        -------
        self
        """
        self._validate_params()
        with unchanged_on_error(self):
            if classes is not None:
                self._announce(np.unique(read_labels(classes, 2)))
            return self._fit(X, y, sample_weight, lengths, partial=True)

    def _announce(self, classes: np.ndarray) -> None:
        """Keep the labels that will come until the first targets are read."""
        if not hasattr(self, "_fitted"):
            self._announced_classes = classes
        elif not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}. Got {classes.tolist()}."
            )

    def _split(self, X: Sequences, y: Targets) -> tuple[np.ndarray, np.ndarray]:
        labels = y.values[:, 0, 0]
        rows = np.arange(X.n)
        return train_test_split(
            rows, test_size=self.validation_fraction, stratify=labels, random_state=self.random_state
        )

    def _score_outputs(self, outputs: np.ndarray, y: Targets, lengths: np.ndarray | None) -> float:
        return float(accuracy_score(y.values[:, 0, 0], outputs[:, 0].argmax(axis=1)))

    def predict_proba(
        self, X: object, lengths: object = None, n_samples: int | None = None, random_state: object = None
    ) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X, lengths
            As in `fit`.
        n_samples, random_state : optional
            Monte Carlo dropout, as in `RNNRegressor.predict`.

        Returns
        -------
        ndarray (n, n_classes), columns in the order of `classes_`; behind a first dimension of n_samples if given
        """
        if n_samples is not None:
            drawn = self._sampled(X, lengths, n_samples, random_state)
            return np.stack([softmax(outputs[:, 0].astype(np.float64)) for outputs in drawn])
        outputs, _ = self._outputs(X, lengths)
        return softmax(outputs[:, 0].astype(np.float64))

    def predict(self, X: object, lengths: object = None) -> np.ndarray:
        """The most probable class of each sequence.

        Parameters
        ----------
        X, lengths
            As in `fit`.

        Returns
        -------
        ndarray (n,)
        """
        probabilities = self.predict_proba(X, lengths)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: object, y: object, sample_weight: object = None, lengths: object = None) -> float:
        """Accuracy of `predict`.

        Parameters
        ----------
        X, y, sample_weight, lengths
            As in `fit`.

        Returns
        -------
        float
        """
        return float(accuracy_score(y, self.predict(X, lengths), sample_weight=sample_weight))
