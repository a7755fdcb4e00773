"""The formula of a cell, called once on traced values, as a graph: its derivatives, and the text of its kernels.

`operations` says what each operation is, `graph` keeps them, `values` are what a formula is called with, `trace` calls
it, and `cell_graph` is what comes out, with its way into a file and back in `records`. From there `derivatives` goes
backwards, `keeping` decides what the way forward leaves for the way back, and `stages` and `text` write both ways down
as straight-line code, for whatever backend runs it.
"""
