"""Runs programs: buffers, the tape and its threads on the CPU, launches on a GPU, and all kernels."""
