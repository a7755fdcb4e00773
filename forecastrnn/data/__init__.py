"""What users give, checked once and turned into arrays, and back: arrays, labels, tokens, pandas series."""
