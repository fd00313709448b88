"""A process that trades on one exchange loads that one of ccxt's hundred and more.

    import ccxt.pro          runs ccxt/__init__.py, ccxt/async_support/__init__.py, ccxt/pro/__init__.py:
                             every exchange three times over
    narrow() before that     the three packages stand there empty, and look up what is asked for:
                             an error class, a constant, an exchange's own module - or, for anything
                             else, their own __init__ runs after all

ccxt itself is not touched: its modules are its own files, imported one by one.
"""

import importlib
import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType

SHARED = ("ccxt.base.errors", "ccxt.base.decimal_to_precision")
# Each package, and the modules whose names it hands on besides the exchanges.
PACKAGES = {
    "ccxt": (*SHARED, "ccxt.base.exchange", "ccxt.base.precise"),
    "ccxt.async_support": (*SHARED, "ccxt.async_support.base.exchange"),
    "ccxt.pro": (*SHARED, "ccxt.async_support.base.exchange"),
}


class Package(ModuleType):
    """A package of ccxt whose ``__init__`` has not run."""

    def __getattr__(self, wanted: str) -> object:
        """What the whole package would have under that name."""
        name = self.__name__
        if wanted.startswith("__"):
            raise AttributeError(f"module {name!r} has no attribute {wanted!r}")
        for source in PACKAGES[name]:
            found = getattr(importlib.import_module(source), wanted, None)
            if found is not None:
                return found
        if find_spec(f"{name}.{wanted}") is not None:
            importlib.import_module(f"{name}.{wanted}")
            return vars(self)[wanted]
        return self._whole(wanted)

    def __setattr__(self, name: str, value: object) -> None:
        """An exchange's class hides the module of its name, as it does in the whole package."""
        if isinstance(value, ModuleType) and isinstance(vars(value).get(name), type):
            value = vars(value)[name]
        super().__setattr__(name, value)

    def _whole(self, wanted: str) -> object:
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec = self.__spec__
        assert spec is not None, "it was made from one"
        assert spec.loader is not None, "it was found in a file"
        spec.loader.exec_module(self)
        return getattr(self, wanted)


def narrow() -> None:
    """Let ccxt's packages load only what is asked for; nothing happens where ccxt is loaded already."""
    if "ccxt" in sys.modules:
        return
    for name in PACKAGES:
        spec = find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        package = module_from_spec(spec)
        package.__class__ = Package
        sys.modules[name] = package
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, package)


def fetch(exchange: str) -> None:
    """Load the one exchange of ccxt.pro that a process dials; AttributeError where ccxt has none of that name."""
    getattr(importlib.import_module("ccxt.pro"), exchange)  # asking for it loads it
