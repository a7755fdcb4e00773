"""The CPU engine: vector kernels compiled by Numba, run from a tape by the package's own threads."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):  # in the order of their names; those with kernels register them
    import_module(f"{__name__}.{_module.name}")
