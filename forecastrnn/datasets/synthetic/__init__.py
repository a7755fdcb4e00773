"""Synthetic series of many kinds, from which a network can learn what series do; no real value is among them."""
