"""How much series are like themselves so many steps ago."""

from forecastrnn.engine.cpu.stopping import stoppable, stopped


@stoppable
def add_autocorrelations(z, offsets, most, cycles, totals, counts, stop):
    """totals, counts (most + 1,) += those of the changes of each series z[offsets[i] : offsets[i + 1]].

    totals: the autocorrelation at a lag times the number of changes, of which counts has the sum; for lags of which a
    series has so many `cycles`.
    """
    for i in range(len(offsets) - 1):
        if stopped(stop, 0):
            return
        lo, n = offsets[i], offsets[i + 1] - offsets[i] - 1
        mean, square = (z[lo + n] - z[lo]) / n if n > 0 else 0.0, 0.0
        for t in range(n):
            square += (z[lo + t + 1] - z[lo + t] - mean) ** 2
        for lag in range(1, min(most, n // cycles) + 1 if square > 0.0 else 1):
            if stopped(stop, 0):
                return
            total = 0.0
            for t in range(lag, n):
                total += (z[lo + t + 1] - z[lo + t] - mean) * (z[lo + t + 1 - lag] - z[lo + t - lag] - mean)
            totals[lag] += total / square * n * n / (n - lag)
            counts[lag] += n
