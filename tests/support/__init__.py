"""What tests share: the oracles in plain NumPy, problems for them, quick models, the simulator's help."""
