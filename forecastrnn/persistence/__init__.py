"""Model files: the container, and values as header entries and tensors. No estimator is known here."""
