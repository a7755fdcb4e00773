"""Methods of an estimator under its own name, whichever part of it they come from."""

from __future__ import annotations

import inspect
import types
from functools import update_wrapper
from typing import Any, TypeVar

from forecastrnn.estimators.named_parameters import checks_parameters

Class = TypeVar("Class", bound=type)


def own_methods(cls: Class) -> Class:
    """Decorator of a class: public methods of its parts become its own.

    Python names the class of a method in the error of a wrong call: `RNNForecaster.predict() takes ...` says what was
    called, the name of the part would not.
    """
    for name in dir(cls):
        found = inspect.getattr_static(cls, name)
        inner = found.__func__ if isinstance(found, classmethod) else found
        if name.startswith("_") or name in vars(cls) or not isinstance(inner, types.FunctionType):
            continue
        if inner.__module__.startswith("forecastrnn."):
            own = _called(inner, f"{cls.__qualname__}.{name}")
            setattr(cls, name, classmethod(own) if isinstance(found, classmethod) else own)
    return cls


def _called(function: types.FunctionType, qualname: str) -> Any:
    """A method with another full name, and the check of parameters before it, if it has one."""
    checked = getattr(function, "__wrapped__", None)
    return _renamed(function, qualname) if checked is None else checks_parameters(_renamed(checked, qualname))


def _renamed(function: types.FunctionType, qualname: str) -> Any:
    """The same function with another full name."""
    own: Any = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    update_wrapper(own, function)
    own.__kwdefaults__ = function.__kwdefaults__
    own.__qualname__ = qualname
    del own.__wrapped__
    return own
