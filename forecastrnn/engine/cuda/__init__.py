"""The GPU engine: the operations of a program as kernels of one device. Imported only when a GPU is asked for."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):  # in the order of their names; those with twins register them
    import_module(f"{__name__}.{_module.name}")
