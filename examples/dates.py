"""Read dates in 18 ways and write them in ISO form, with an encoder-decoder and attention. Leaves dates.png.

    python examples/dates.py

The model sees characters, nothing else: that Mar, march and 3 are one month, that 68 is 2068 and 70 is 1970, which of
03/04/21 and 03.04.21 is in March. The picture shows which characters of a date it looks at for each one it writes.
"""

from __future__ import annotations

import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from forecastrnn import Adam, RNNSeq2Seq
from forecastrnn.datasets import make_dates

TRAIN, TEST = 20_000, 3_000
SHOWN = ["Wednesday 3rd of March 2021", "the 21st of june 1987", "Sep 14, 2030", "31.12.99", "12/31/99", "20470504"]


def held_out(seed: int = 0) -> tuple[list[str], list[str], list[str], list[str]]:
    """Sources and targets to train on, and to test with: texts that are not among the first."""
    sources, targets = make_dates(TRAIN + TEST, random_state=seed)
    seen = set(sources[:TRAIN])
    new = [k for k in range(TRAIN, TRAIN + TEST) if sources[k] not in seen]
    return sources[:TRAIN], targets[:TRAIN], [sources[k] for k in new], [targets[k] for k in new]


def learn(sources: list[str], targets: list[str], seed: int = 0, n_jobs: int | None = None) -> RNNSeq2Seq:
    """A GRU on each side."""
    model = RNNSeq2Seq(
        cell="gru", hidden_layer_sizes=64, attention="additive", solver=Adam("cosine"), max_iter=10, random_state=seed,
        n_jobs=n_jobs,
    )  # fmt: skip
    return model.fit(sources, targets)


def draw(model: RNNSeq2Seq, path: str = "dates.png") -> None:
    """Where the decoder looks for each character that it writes."""
    found = model.decode(SHOWN, return_attention=True)
    widths = [len(source) for source in SHOWN]
    rows = [SHOWN[:2], SHOWN[2:]]
    fig = plt.figure(figsize=(11, 6.4), layout="constrained")
    fig.suptitle("What is read (across) for each character that is written (down): weights of attention", fontsize=12)
    for parts, figure in zip(rows, fig.subfigures(2, 1), strict=True):
        own = [SHOWN.index(source) for source in parts]
        grid = figure.subplots(1, len(parts), width_ratios=[widths[k] for k in own])
        for k, ax in zip(own, grid, strict=True):
            weights = found.attention[k, : len(found.sequences[k]), : widths[k]]
            ax.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
            ax.set_xticks(range(widths[k]), [*SHOWN[k].replace(" ", "␣")], family="DejaVu Sans Mono")
            ax.set_yticks(range(len(found.sequences[k])), [*found.sequences[k]], family="DejaVu Sans Mono")
            ax.xaxis.tick_top()
            ax.tick_params(length=0)
            ax.spines[:].set_color("0.8")
    fig.savefig(path, dpi=120)


def main() -> None:
    """Run everything."""
    sources, targets, new_sources, new_targets = held_out()
    begun = time.perf_counter()
    model = learn(sources, targets)
    seconds = time.perf_counter() - begun
    found = model.decode(new_sources)
    wrong = [k for k, target in enumerate(new_targets) if found.sequences[k] != target]
    print(f"{len(sources)} dates, {model.n_iter_} epochs, {seconds:.1f} s of training")
    print(f"{1 - len(wrong) / len(new_sources):.4f} of {len(new_sources)} new dates are exactly right")
    for k in wrong[:5]:
        print(f"  {new_sources[k]!r} is {new_targets[k]}, not {found.sequences[k]}")
    for k in np.argsort(found.log_probabilities)[:3]:
        share = np.exp(found.log_probabilities[k])
        print(f"  least sure: {new_sources[k]!r} -> {found.sequences[k]}, probability {share:.3f}")
    draw(model)
    print("picture: dates.png")


if __name__ == "__main__":
    main()
