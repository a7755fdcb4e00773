"""What a network is, in plain NumPy: cells, layers, where each parameter lies, losses by name."""
