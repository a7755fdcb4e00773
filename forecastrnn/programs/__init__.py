"""Turns a network into a program: which operations run, in which order, forward and backward."""
