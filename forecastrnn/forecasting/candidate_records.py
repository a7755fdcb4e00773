"""What a model file keeps of candidates: names, weights, and their states at the ends of series."""

from __future__ import annotations

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.every_candidate import CANDIDATES, are_candidates
from forecastrnn.forecasting.mixture import Mixture
from forecastrnn.persistence import codec
from forecastrnn.persistence.codec import Kind, Make, Part

_CLOSE = 1e-6  # to 1: weights add up to it
_PARTS = (0.0, 1.0 + _CLOSE)


def _walk_states(part: Part, word: str, value: tuple[np.ndarray, ...] | None) -> Make:
    """Side by side, as bits: NaN, which a file has no place for, may stand in them. Their widths are in the header."""
    widths = part.items(word, lambda: [states.shape[1] for states in value or ()])
    if not widths or not all(type(width) is int and 1 <= width <= codec.MOST for width in widths):
        part.refuse(word, "the widths of states")
    part.known["n_wide"] = sum(widths)
    bits = None if value is None else np.concatenate(value, axis=1).view(np.int64)
    make = codec.array("<i8", "n_series", "n_wide").walk(part, word, bits)

    def states(values: codec.Values) -> tuple[np.ndarray, ...]:
        parts = np.split(codec.as_numbers(word, make(values)), np.cumsum(widths)[:-1], axis=1)
        return tuple(np.array(one, order="C") for one in parts)

    return states


def _names(part: Part, word: str, raw: object) -> tuple[str, ...]:
    names = tuple(raw) if isinstance(raw, list) else ()
    if not are_candidates(names):
        part.refuse(word, f"names among {list(CANDIDATES)} (others are of a later version)")
    return names


CANDIDATE_ENDS = codec.record(
    CandidateEnds,
    weights=codec.array("<f8", "n_series", codec.Size("n_parts", 2), within=_PARTS),
    states=Kind(_walk_states),
)
MIXTURE = codec.record(
    Mixture, names=codec.entry(_names, list), usual=codec.array("<f8", codec.Size("n_usual", 2), within=_PARTS)
)


def check_mixture(mixture: Mixture | None, ends: CandidateEnds | None) -> None:
    """Refuse weights that are no shares, and states by which compiled code would not find its way."""
    if mixture is None and ends is None:
        return
    if mixture is None or ends is None or len(mixture.names) != len(ends.states):
        raise ModelFileError("the states of candidates must be those of the names that are mixed")
    for weights in (mixture.usual[None], ends.weights):
        if weights.shape[1] != 1 + len(mixture.names) or not _are_shares(weights):
            raise ModelFileError("the weights of networks and candidates must be shares that add up to 1")
    for candidate, states in zip(mixture.candidates, ends.states, strict=True):
        if not candidate.is_sound(states):
            raise ModelFileError(f"the states of the candidate {candidate.name!r} do not fit together")


def _are_shares(weights: np.ndarray) -> bool:
    return bool((np.abs(weights.sum(axis=1) - 1.0) < _CLOSE).all())
