"""Images read row by row: each row of pixels is a time step. Leaves image_rows.png and image_rows.rnn.

    python examples/image_rows.py

Reads the 28 x 28 images of handwritten digits in mnist.npz in the folder that the environment variable
FORECASTRNN_DATA names (some 5 minutes on two cores), else scikit-learn's 8 x 8 digits (seconds). Trains a plain
network and a deep one until they reach a target accuracy on images held out, saves the deep one, and lets a second
process load it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import forecastrnn
from forecastrnn import Adam, EarlyStopping, RNNClassifier
from forecastrnn.callbacks import Epoch

SAVED, PREDICTED = Path("image_rows.rnn"), Path("image_rows_predicted.npy")


@dataclass(frozen=True)
class Images:
    """Training and test set, images (n, rows, pixels) from 0 to 1; and what is expected of networks on them."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    name: str
    epochs: int
    targets: dict[str, float]


# What each network is, and the learning rate in the middle of its course (it rises, then falls to zero).
NETWORKS = {
    "150 tanh units": {"cell": "rnn", "hidden_layer_sizes": 150, "learning_rate_init": 0.002},
    "3 layers of 150 LSTM units": {"cell": "lstm", "hidden_layer_sizes": (150, 150, 150), "learning_rate_init": 0.002},
}


def read_images() -> Images:
    """MNIST where there is a folder with it, else the digits that come with scikit-learn."""
    folder = os.environ.get("FORECASTRNN_DATA")
    if folder and (Path(folder) / "mnist.npz").exists():
        with np.load(Path(folder) / "mnist.npz") as file:
            X, X_test = (file[f"{part}_images"].astype(np.float32) / 255 for part in ("train", "test"))
            labels = file["train_labels"], file["test_labels"]
        return Images(X, labels[0], X_test, labels[1], "MNIST", 10, dict(zip(NETWORKS, (0.985, 0.99), strict=True)))
    X, y = load_digits(return_X_y=True)
    rows = (X.reshape(-1, 8, 8) / 16).astype(np.float32)
    X, X_test, y, y_test = train_test_split(rows, y, test_size=0.25, random_state=0, stratify=y)
    return Images(X, y, X_test, y_test, "8 x 8 digits", 40, dict(zip(NETWORKS, (0.975, 0.97), strict=True)))


def learn(images: Images, name: str, seed: int = 0) -> RNNClassifier:
    """Train one of the networks; a line for each epoch, and the end as soon as the target is reached."""
    model = RNNClassifier(
        **NETWORKS[name], batch_size=150 if len(images.X) > 10_000 else 32, max_iter=images.epochs,
        solver=Adam("one_cycle", clip_norm=1.0), early_stopping=EarlyStopping(patience=images.epochs),
        standardize=False, random_state=seed,
    )  # fmt: skip
    begun = time.perf_counter()

    def watch(epoch: Epoch) -> bool:
        seconds = time.perf_counter() - begun
        print(f"  epoch {epoch.iteration:2d}  loss {epoch.loss:.4f}  accuracy on images held out "
              f"{epoch.validation_score:.4f}  {seconds:.0f} s", flush=True)  # fmt: skip
        return epoch.validation_score >= images.targets[name]

    print(f"{name} on {images.name}, until {images.targets[name]} or {images.epochs} epochs")
    model.fit(images.X, images.y, callback=watch)
    print(f"  accuracy on the test set {model.score(images.X_test, images.y_test):.4f}")
    return model


def predict_with_saved() -> None:
    """What the second process does: it knows nothing but the file."""
    model = forecastrnn.load(SAVED)
    np.save(PREDICTED, model.predict_proba(read_images().X_test))


def saved_and_loaded(model: RNNClassifier, images: Images) -> np.ndarray:
    """The probabilities that another process computes with the saved model; its bits are those of this one."""
    model.save(SAVED)
    subprocess.run([sys.executable, __file__, "predict"], check=True)
    there = np.load(PREDICTED)
    PREDICTED.unlink()
    bits = "the same bits" if np.array_equal(there, model.predict_proba(images.X_test)) else "OTHER bits"
    print(f"{SAVED} ({SAVED.stat().st_size / 1e6:.1f} MB), loaded by another process: {bits}")
    return there


def draw(models: dict[str, RNNClassifier], images: Images, chances: np.ndarray) -> None:
    """Some images with their predicted labels, the wrong ones first, and accuracy by epoch."""
    fig = plt.figure(figsize=(12, 4.8), layout="constrained")
    left, right = fig.subfigures(1, 2, width_ratios=(1.1, 1))
    labels = next(reversed(models.values())).classes_[chances.argmax(axis=1)]
    order = np.argsort(labels == images.y_test, kind="stable")
    wrong = int((labels != images.y_test).sum())
    chosen = np.concatenate([order[: min(8, wrong)], order[wrong:]])[:24]
    for ax, k in zip(left.subplots(3, 8).ravel(), chosen, strict=True):
        ax.imshow(images.X_test[k], cmap="gray_r")
        ax.set_axis_off()
        good = labels[k] == images.y_test[k]
        ax.set_title(str(labels[k]) if good else f"{labels[k]}, is {images.y_test[k]}", fontsize=9,
                     color="0.2" if good else "C3")  # fmt: skip
    left.suptitle(f"{images.name}, test set: predicted labels ({wrong} of {len(labels)} are wrong)", fontsize=11)
    ax = right.subplots()
    for name, model in models.items():
        ax.plot(np.arange(1, model.n_iter_ + 1), model.validation_scores_, "o-", ms=4, label=name)
    ax.set(title="Accuracy on images held out", xlabel="epoch", ylabel="accuracy")
    ax.legend(loc="lower right")
    fig.savefig("image_rows.png", dpi=120)


def main() -> None:
    """Run everything."""
    images = read_images()
    models = {name: learn(images, name) for name in NETWORKS}
    draw(models, images, saved_and_loaded(models["3 layers of 150 LSTM units"], images))
    print("picture: image_rows.png")


if __name__ == "__main__":
    if sys.argv[1:] == ["predict"]:
        predict_with_saved()
    else:
        main()
