"""Strings of the Reber grammar, valid and not: a test of what a network remembers over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from forecastrnn.datasets.whole_numbers import check_whole
from forecastrnn.seeds import check_draws

SYMBOLS = "BEPSTVX"
_KNOWN = frozenset(SYMBOLS)

# Two ways out of each state, equally likely: a symbol, and the state behind it.
_STEPS = {
    0: (("B", 1), ("B", 1)),
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7), ("E", 7)),
}
_END = 7
_MUST_BE_T, _MUST_BE_P = 8, 9  # the places before the end of an embedded string
_CODES = np.array([[SYMBOLS.index(symbol) for symbol, _ in ways] for ways in _STEPS.values()], np.int8)
_NEXT = np.array([[state for _, state in ways] for ways in _STEPS.values()])
_B, _E, _P, _T = (SYMBOLS.index(symbol) for symbol in "BEPT")
_ALLOWED = np.zeros((_MUST_BE_P + 1, len(SYMBOLS)), bool)  # which symbols may follow in each state
_ALLOWED[np.arange(len(_STEPS))[:, None], _CODES] = True
_ALLOWED[[_MUST_BE_T, _MUST_BE_P], [_T, _P]] = True
_FORGOTTEN = 1 / 3  # share of the wrong embedded strings in which the wrong symbol is the T or P at the end

Codes = tuple[np.ndarray, np.ndarray, np.ndarray]  # symbols and states before them (n, steps), lengths (n,)


def make_reber(
    n: int = 1000, *, embedded: bool = True, random_state: int | np.random.RandomState | None = None
) -> tuple[list[str], np.ndarray]:
    """Strings of the (embedded) Reber grammar, half of them with one wrong symbol.

    A string of the Reber grammar is a walk through its states from B to E, each way out of a state as likely as the
    other. The embedded grammar puts B and T or P before such a string, and the same T or P and E behind it: to tell
    whether the last letter but one is right, a network has to remember the second one over all those between. A
    wrong string is a valid one in which one symbol, at a place drawn at random, is replaced by one that is not
    allowed there. In a third of the wrong strings of the embedded grammar that is the T or P at the end, and the other
    of the two stands in its place: they look right from everywhere but the second symbol.

    Parameters
    ----------
    n : int
        Number of strings.
    embedded : bool
        Strings of the embedded grammar, 9 symbols and more; False: of the Reber grammar itself, 5 and more.
    random_state : int, RandomState or None
        Draws the strings.

    Returns
    -------
    strings : list of n str
        Letters among BEPSTVX, in random order; `encode_reber` makes sequences of them.
    valid : ndarray (n,) of bool
        Whether the grammar makes the string; true of n // 2.

    Raises
    ------
    ValueError
        If `n` is no integer >= 1, or `embedded` no bool.

    References
    ----------
    A. S. Reber, "Implicit learning of artificial grammars", Journal of Verbal Learning and Verbal Behavior 6 (1967).
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8) (1997), section 5.1.

    Examples
    --------
    >>> strings, valid = make_reber(4, random_state=1)
    >>> for string, good in zip(strings, valid):
    ...     print(string, good)
    BPBPTTTVVETE False
    VTBTXSETE False
    BTBTXXTTTVPSETE True
    BPBPTTTTTVPSEPE True
    """
    check_whole("n", n)
    if not isinstance(embedded, bool | np.bool_):
        raise ValueError(f"embedded must be True or False. Got {embedded!r}")
    rng = check_draws(random_state)
    valid = rng.permutation(np.arange(n) < n // 2)
    codes = _walk(n, rng)
    if embedded:
        codes = _embed(codes, rng)
    _spoil(codes, np.flatnonzero(~valid), embedded, rng)
    return _written(codes), valid


def _walk(n: int, rng: np.random.RandomState) -> Codes:
    """Walks through the grammar, all one step further in each turn, until the last has come to its end."""
    state, symbols, states = np.zeros(n, np.int64), [], []
    while (state != _END).any():
        ended = state == _END
        here, way = np.where(ended, 0, state), rng.randint(2, size=n)
        symbols.append(_CODES[here, way])
        states.append(state)
        state = np.where(ended, _END, _NEXT[here, way])
    before = np.stack(states, axis=1)
    return np.stack(symbols, axis=1), before, (before != _END).sum(axis=1)


def _embed(codes: Codes, rng: np.random.RandomState) -> Codes:
    """B and T or P before each string, the same T or P and E behind it."""
    symbols, states, lengths = codes
    n, rows = len(lengths), np.arange(len(lengths))
    is_t = rng.randint(2, size=n) == 0
    branch = np.where(is_t, _T, _P)
    wide, before = np.zeros((n, symbols.shape[1] + 4), np.int8), np.full((n, symbols.shape[1] + 4), _END)
    wide[:, 0], wide[:, 1], wide[:, 2:-2] = _B, branch, symbols
    before[:, 0], before[:, 1], before[:, 2:-2] = 0, 1, states  # the outer B and T or P are chosen as the inner ones
    wide[rows, lengths + 2], before[rows, lengths + 2] = branch, np.where(is_t, _MUST_BE_T, _MUST_BE_P)
    wide[rows, lengths + 3], before[rows, lengths + 3] = _E, len(_STEPS) - 1
    return wide, before, lengths + 4


def _spoil(codes: Codes, rows: np.ndarray, embedded: bool, rng: np.random.RandomState) -> None:
    """Put into each of these rows one symbol that may not stand there; all before it is valid, so the string is not."""
    symbols, states, lengths = codes
    place = (rng.uniform(size=len(rows)) * lengths[rows]).astype(int)
    chance = rng.uniform(size=(len(rows), len(SYMBOLS)))
    if embedded:
        forgotten = rng.uniform(size=len(rows)) < _FORGOTTEN
        place[forgotten] = lengths[rows[forgotten]] - 2
        chance[np.ix_(np.flatnonzero(forgotten), np.array([_T, _P]))] += 1.0
    chance[_ALLOWED[states[rows, place]]] = -1.0
    symbols[rows, place] = chance.argmax(axis=1)


def _written(codes: Codes) -> list[str]:
    symbols, _, lengths = codes
    letters = np.frombuffer(SYMBOLS.encode(), np.uint8)[symbols[np.arange(symbols.shape[1]) < lengths[:, None]]]
    text, ends = letters.tobytes().decode(), np.cumsum(lengths)
    return [text[start:end] for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True)]


def encode_reber(strings: Sequence[str]) -> list[np.ndarray]:
    """Strings as one-hot sequences, one step a symbol: what `RNNClassifier` takes as ragged input.

    Parameters
    ----------
    strings : list of str
        Letters among BEPSTVX.

    Returns
    -------
    list of ndarray (len(string), 7), float32
        Columns in the order B, E, P, S, T, V, X.

    Raises
    ------
    TypeError, ValueError
        If `strings` is one string or holds something else than strings; if one is empty or has another symbol.

    Examples
    --------
    >>> encode_reber(["BTXSE"])[0].argmax(axis=1)
    array([0, 4, 6, 3, 1])
    """
    if isinstance(strings, str):
        raise TypeError(f"strings must be a list of strings, not one string. Use [{strings[:20]!r}].")
    if not isinstance(strings, Iterable):
        raise TypeError(f"strings must be a list of strings. Got {strings!r:.80}.")
    for number, string in enumerate(strings):
        if not isinstance(string, str):
            raise TypeError(f"strings must hold strings. Got {type(string).__name__} at number {number}.")
        if not string or not _KNOWN.issuperset(string):
            odd = next((symbol for symbol in string if symbol not in _KNOWN), None)
            what = "is empty" if odd is None else f"has the symbol {odd!r}, which is not among {SYMBOLS}"
            raise ValueError(f"strings[{number}] {what}.")
    letters = np.frombuffer("".join(strings).encode(), np.uint8)
    hot = (letters[:, None] == np.frombuffer(SYMBOLS.encode(), np.uint8)).astype(np.float32)
    ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
    return np.split(hot, ends[:-1])[: len(strings)]
