"""Forecasting on arrays: preparation, inputs, members, paths, streams; nothing here knows pandas."""
