"""Weights of other frameworks, in their order of gates and with their shapes, and those here."""
