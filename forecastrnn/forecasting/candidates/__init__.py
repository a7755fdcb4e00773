"""Forecasts that need no training, mixed with those of the networks by what held-out windows say."""
