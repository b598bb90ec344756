"""A file is the registry."""

import importlib
import sys

import pytest

from mesascope import discovery
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.predictor import AbstractLinearLearner, AbstractPredictor

FILES = {
    "__init__.py": "",
    "_base.py": """
from abc import ABC, abstractmethod
class AbstractThing(ABC):
    @abstractmethod
    def act(self): ...
class Hidden(AbstractThing):
    def act(self): ...
""",
    "second.py": """
from found_package._base import AbstractThing, Hidden
from found_package.first import Alpha
class Zeta(AbstractThing):
    def act(self): ...
class Beta(Alpha): ...
class AbstractOther(AbstractThing): ...
class Unrelated: ...
def function(): ...
""",
    "first.py": """
from found_package._base import AbstractThing
class Alpha(AbstractThing):
    def act(self): ...
""",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "found_package"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("found_package")
    for name in [name for name in sys.modules if name.split(".")[0] == "found_package"]:
        del sys.modules[name]


def test_names_are_read_off_the_files_without_importing_them(package):
    assert discovery.submodules(package) == ("first", "second")
    assert "found_package.first" not in sys.modules


def test_concrete_classes_are_those_a_file_defines_itself(package):
    base = importlib.import_module("found_package._base").AbstractThing
    assert [found.__name__ for found in discovery.concrete_classes(package, base)] == ["Alpha", "Beta", "Zeta"]
    second = importlib.import_module("found_package.second")
    assert [found.__name__ for found in discovery.concrete_classes_of(second, base)] == ["Beta", "Zeta"]


def test_a_new_file_is_all_a_new_class_needs(package, tmp_path):
    base = importlib.import_module("found_package._base").AbstractThing
    text = "from found_package._base import AbstractThing\nclass New(AbstractThing):\n    def act(self): ...\n"
    (tmp_path / "found_package" / "third.py").write_text(text)
    importlib.invalidate_caches()
    assert [found.__name__ for found in discovery.concrete_classes(package, base)][-1] == "New"


def test_our_own_classes_are_found_below_any_of_their_bases():
    module = importlib.import_module("mesascope.algorithms.gradient_descent")
    for base in (AbstractPredictor, AbstractLinearLearner):
        assert discovery.concrete_classes_of(module, base) == (GradientDescent,)
    assert discovery.concrete_classes_of(module, int) == ()
