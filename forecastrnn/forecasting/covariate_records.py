"""What a model file keeps of covariates: their columns, their scales, and the last row of each series."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.data.covariate_values import KINDS, ROLES, Covariate
from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting.covariates import CovariateScales, ScaledCovariates
from forecastrnn.persistence import codec
from forecastrnn.persistence.axis_records import decode_label, encode_label
from forecastrnn.persistence.codec import Kind, Make, Part


def _encode_column(column: Covariate) -> dict[str, Any]:
    return vars(column) | {"name": encode_label(column.name), "categories": list(column.categories)}


def _decode_column(raw: Any) -> Covariate:
    if not isinstance(raw, dict) or set(raw) != {"name", "role", "kind", "categories", "shared"}:
        raise ModelFileError(f"a covariate must have name, role, kind, categories and shared. Got {str(raw)[:80]}")
    good = raw["role"] in ROLES and raw["kind"] in KINDS and type(raw["shared"]) is bool
    if not good or not isinstance(raw["categories"], list):
        raise ModelFileError(f"a covariate has a role and a kind that there are. Got {str(raw)[:80]}")
    plain = [one for one in raw["categories"] if isinstance(one, str | float | int)]
    if len(plain) < len(raw["categories"]):
        raise ModelFileError(f"categories are texts, numbers or booleans. Got {str(raw['categories'])[:80]}")
    return Covariate(decode_label(raw["name"]), raw["role"], raw["kind"], tuple(plain), raw["shared"])


def _read_columns(part: Part, word: str, raw: Any) -> tuple[Covariate, ...]:
    """As many as the inputs of the networks have room for."""
    if not isinstance(raw, list) or not raw:
        part.refuse(word, "a list of covariates")
    found, layout = tuple(map(_decode_column, raw)), part.known["layout"]
    codes = sum(one.kind == "category" for one in found)
    if codes != layout.categories or codes > len(part.known["settings"].embeddings):
        part.refuse(word, "those that the networks read")
    part.known.update(n_numbers=len(found) - codes, n_codes=codes, n_covariates=layout.covariates)
    return found


def _walk_seen(part: Part, word: str, value: tuple[np.ndarray, ...] | None) -> Make:
    """One behind the other; each has as many codes as its embedding."""
    sizes = [e.size for e in part.known["settings"].embeddings[: part.known["n_codes"]]]
    part.known["n_seen"] = sum(sizes)
    joined = None if value is None else np.concatenate([*value, np.zeros(0, np.int64)])
    make = codec.array("<i8", "n_seen").walk(part, word, joined)
    return lambda values: tuple(np.split(make(values), np.cumsum(sizes)[:-1])) if sizes else ()


def _make_scales(**kept: Any) -> CovariateScales:
    """Codes by which places can be found."""
    found = CovariateScales(**kept)
    if not all((np.diff(codes) > 0).all() for codes in found.seen):
        raise ModelFileError("the scales of the covariates do not fit together")
    return found


def _make_covariates(**kept: Any) -> ScaledCovariates:
    """As many columns as the scales make, and codes that embeddings have."""
    found = ScaledCovariates(**kept)
    most = np.array([len(codes) for codes in found.scales.seen])
    inside = (found.codes == np.floor(found.codes)) & (found.codes <= most)
    if found.numbers.shape[1] != found.scales.width or not inside.all():
        raise ModelFileError("the covariates at the ends of the series do not fit to their scales")
    return found


SCALES = codec.record(
    CovariateScales,
    _make_scales,
    columns=codec.entry(_read_columns, lambda columns: [_encode_column(column) for column in columns]),
    centred=codec.flags("n_numbers"),
    middle=codec.array("<f8", "n_numbers"),
    spread=codec.array("<f8", "n_numbers", within=(0.0, np.inf)),
    gaps=codec.flags("n_numbers"),
    seen=Kind(_walk_seen, sign=None),
)
COVARIATES = codec.record(
    ScaledCovariates,
    _make_covariates,
    scales=SCALES,
    centre=codec.array("<f8", "n_series", "n_numbers"),
    numbers=codec.array("<f8", "n_series", "n_covariates", within=("lowest", "highest")),
    codes=codec.array("<f8", "n_series", "n_codes", within=(0, codec.MOST)),
)
