"""Errors of this package."""

from __future__ import annotations


class TrainingDivergedError(ValueError):
    """The loss became non-finite, or increased far beyond where it began. The model before the fit is kept."""


class CheckpointError(ValueError):
    """A checkpoint is of another fit."""


class ModelFileError(ValueError):
    """A file is not a model file, or a damaged one, or one that this version cannot read."""
