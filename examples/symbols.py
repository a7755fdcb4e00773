"""Learn the symbols of a grammar one after another, and write new strings of it. Leaves symbols.png.

    python examples/symbols.py

The network reads a valid string of the embedded Reber grammar and learns the symbol that follows at each step. Then it
writes by itself: each symbol is drawn from its probabilities and read next. A regular expression says which strings the
grammar could have made.
"""

from __future__ import annotations

import re
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from forecastrnn import Adam, Cosine, RNNClassifier
from forecastrnn.datasets import encode_reber, make_reber

STRINGS, WRITTEN, LONGEST = 4000, 2000, 60
TEMPERATURES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
_LOOP = "(?:XT*VP)*(?:S|XT*VV)"
PLAIN = f"B(?:TS*X{_LOOP}|PT*V(?:P{_LOOP}|V))E"
EMBEDDED = re.compile(f"B(?:T{PLAIN}T|P{PLAIN}P)E")


def learn(seed: int = 0) -> RNNClassifier:
    """The symbol that follows, at each step of the valid strings."""
    strings, valid = make_reber(2 * STRINGS, random_state=seed)
    chosen = [string for string, good in zip(strings, valid, strict=True) if good]
    model = RNNClassifier(
        cell="lstm", hidden_layer_sizes=32, solver=Adam(Cosine(0.01), clip_norm=1.0), batch_size=32,
        max_iter=15, bucket_by_length=True, standardize=False, random_state=seed,
    )  # fmt: skip
    return model.fit(encode_reber([string[:-1] for string in chosen]), [np.array(list(s[1:])) for s in chosen])


def write(model: RNNClassifier, n: int, seed: int = 0, **how: object) -> list[str]:
    """New strings: each begins with B and goes on to its second E."""
    drawn = model.generate(LONGEST, prompt=np.full((n, 1), "B"), random_state=seed, **how)
    return [_first_string("B" + "".join(row)) for row in drawn]


def _first_string(symbols: str) -> str:
    """Up to the second E; all of it, if there is none."""
    end = symbols.find("E", symbols.find("E") + 1)
    return symbols[: end + 1] if end > 0 else symbols


def share_valid(strings: list[str]) -> float:
    """Strings that the grammar can make."""
    return sum(EMBEDDED.fullmatch(string) is not None for string in strings) / len(strings)


def draw(shares: dict[str, list[float]], variety: list[int]) -> None:
    """Valid strings, and different ones, by temperature."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for (name, values), style in zip(shares.items(), ("o-", "s--"), strict=True):
        left.plot(TEMPERATURES, values, style, ms=5, label=name)
    left.set(title="Strings that the grammar can make", xlabel="temperature", ylabel="share", ylim=(0, 1.05))
    left.legend(loc="lower left")
    right.plot(TEMPERATURES, variety, "o-", ms=5)
    right.set(title=f"Different strings among {WRITTEN:,}", xlabel="temperature", ylabel="strings", ylim=(0, None))
    fig.savefig("symbols.png", dpi=120)


def main() -> None:
    """Run everything."""
    begun = time.perf_counter()
    model = learn()
    print(f"trained in {time.perf_counter() - begun:.1f} s")
    written = {t: write(model, WRITTEN, temperature=t) for t in TEMPERATURES}
    likely = {t: write(model, WRITTEN, temperature=t, top_k=2) for t in TEMPERATURES}
    for t in TEMPERATURES:
        print(f"temperature {t:4.2f}   valid {share_valid(written[t]):.3f}   with top_k=2 "
              f"{share_valid(likely[t]):.3f}   such as {written[t][0]}")  # fmt: skip
    shares = {"all symbols": [share_valid(written[t]) for t in TEMPERATURES],
              "top_k=2": [share_valid(likely[t]) for t in TEMPERATURES]}  # fmt: skip
    draw(shares, [len(set(written[t])) for t in TEMPERATURES])
    print("picture: symbols.png")


if __name__ == "__main__":
    main()
