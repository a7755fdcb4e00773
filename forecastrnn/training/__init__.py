"""From a program to trained parameters: mini-batches, steps, update rules, the loop."""
