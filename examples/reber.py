"""Tell valid strings of the embedded Reber grammar from strings with one wrong symbol. Leaves reber.png.

    python examples/reber.py

In a third of the wrong strings only the last letter but one is wrong: it has to be the second one, T or P, over again,
however long the string between them.
"""

from __future__ import annotations

import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from forecastrnn import Adam, EarlyStopping, RNNClassifier
from forecastrnn.datasets import encode_reber, make_reber

STRINGS, TARGET, GROUPS = 6000, 0.999, ((9, 11), (12, 14), (15, 17), (18, 23), (24, 99))


def learn(seed: int = 0) -> RNNClassifier:
    """A small GRU; training stops when it is right on the strings held out for validation."""
    strings, valid = make_reber(STRINGS, random_state=seed)
    model = RNNClassifier(
        cell="gru", hidden_layer_sizes=24, solver=Adam(0.01, clip_norm=1.0), batch_size=64, max_iter=40,
        bucket_by_length=True, early_stopping=EarlyStopping(fraction=0.2), standardize=False, random_state=seed,
    )  # fmt: skip
    return model.fit(encode_reber(strings), valid, callback=lambda epoch: epoch.validation_score >= TARGET)


def fresh_accuracy(model: RNNClassifier, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of new strings, and whether the model is right about each."""
    strings, valid = make_reber(4000, random_state=1000 + seed)
    return np.array([len(string) for string in strings]), model.predict(encode_reber(strings)) == valid


def draw(model: RNNClassifier, lengths: np.ndarray, right: np.ndarray) -> None:
    """Accuracy by epoch, and by length of string."""
    fig, (left, other) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    epochs = np.arange(1, model.n_iter_ + 1)
    left.plot(epochs, model.validation_scores_, "o-", ms=4, color="C0", label="validation strings")
    left.axhline(0.99, color="0.6", ls="--", lw=1, label="0.99")
    left.set(title="Embedded Reber grammar: GRU of 24 units", xlabel="epoch", ylabel="accuracy")
    left.legend(loc="lower right")
    chosen = [(lengths >= low) & (lengths <= high) for low, high in GROUPS]
    names = [f"{low} to {high}" if high < 99 else f"{low} and more" for low, high in GROUPS]
    bars = other.bar(names, [right[rows].mean() for rows in chosen], color="C0")
    other.bar_label(bars, [f"{right[rows].mean():.3f}\nof {rows.sum()}" for rows in chosen], padding=2, fontsize=8)
    other.set(title="New strings, by length", xlabel="symbols", ylabel="accuracy", ylim=(0.5, 1.08))
    fig.savefig("reber.png", dpi=120)


def main() -> None:
    """Run everything."""
    begun = time.perf_counter()
    model = learn()
    print(f"validation accuracy {max(model.validation_scores_):.4f} at epoch {model.best_iter_}", end=" ")
    print(f"of {model.n_iter_} ({time.perf_counter() - begun:.1f} s)")
    lengths, right = fresh_accuracy(model)
    print(f"new strings         {right.mean():.4f}")
    draw(model, lengths, right)
    print("picture: reber.png")


if __name__ == "__main__":
    main()
