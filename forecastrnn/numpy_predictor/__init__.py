"""A fitted model as a module of a few hundred readable lines that needs NumPy alone, made from the same formulas."""
