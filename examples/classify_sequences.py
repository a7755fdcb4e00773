"""RNNClassifier on sequences of different lengths, and on images read row by row. Leaves classify_sequences.png.

python examples/classify_sequences.py
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from forecastrnn import RNNClassifier


def make_waves(n: int = 600, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Noisy waves of 20 to 80 steps whose frequency rises, falls, or stays."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["falls", "rises", "stays"], n)
    change = {"falls": -0.5, "rises": 0.5, "stays": 0.0}
    waves = []
    for label, length in zip(labels, rng.integers(20, 81, n), strict=True):
        share = np.linspace(0.0, 1.0, length)
        phase = np.cumsum(0.9 * (1.0 + change[label] * (share - 0.5) * 2)) + rng.uniform(0, 2 * np.pi)
        waves.append((np.sin(phase) + rng.normal(0, 0.1, length))[:, None])
    return waves, labels


def main() -> None:
    """Run everything."""
    waves, labels = make_waves()
    train, test = np.arange(450), np.arange(450, 600)
    model = RNNClassifier(
        cell="gru", hidden_layer_sizes=32, max_iter=60, batch_size=64, random_state=0, dtype="float32"
    )
    model.fit([waves[i] for i in train], labels[train])
    print(f"waves of 20 to 80 steps: accuracy {model.score([waves[i] for i in test], labels[test]):.3f}")

    images, digits = load_digits(return_X_y=True)
    rows = images.reshape(-1, 8, 8).astype(np.float32)  # 8 steps of 8 pixels
    X, X_test, y, y_test = train_test_split(rows, digits, test_size=0.25, random_state=0, stratify=digits)
    reader = RNNClassifier(cell="lstm", hidden_layer_sizes=64, max_iter=40, batch_size=64, random_state=0).fit(X, y)
    print(f"digits read row by row:  accuracy {reader.score(X_test, y_test):.3f}")

    fig, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    for number, label in enumerate(model.classes_):
        wave = waves[int(np.flatnonzero(labels == label)[0])][:, 0]
        left.plot(wave + 3 * number, lw=1, label=str(label))
    left.set(title="One wave of each class", xlabel="step", ylabel="value (shifted by 3)")
    left.legend(fontsize=8)
    ConfusionMatrixDisplay.from_estimator(reader, X_test, y_test, ax=right, colorbar=False, cmap="Blues")
    right.set_title("Digits read row by row: test set")
    fig.savefig("classify_sequences.png", dpi=120)
    print("picture: classify_sequences.png")


if __name__ == "__main__":
    main()
