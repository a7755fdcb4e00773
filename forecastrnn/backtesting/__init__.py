"""Backtests: forecasts from earlier times, with what came then; of an estimator they know clone, fit and predict."""
