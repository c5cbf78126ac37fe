"""The checkout itself: what must not shadow what, and where the package lives."""

import operator
import sysconfig
from pathlib import Path

import practicum
from tests import samples


def test_the_operator_folder_is_no_package() -> None:
    assert not list((samples.ROOT / "operator").glob("*.py"))


def test_the_standard_librarys_operator_is_not_shadowed() -> None:
    assert Path(operator.__file__).parent == Path(sysconfig.get_path("stdlib"))
    assert operator.add(1, 1) == 2


def test_the_package_under_test_is_this_checkouts() -> None:
    assert Path(practicum.__file__).parent == samples.ROOT / "operator/practicum"


def test_modules_stay_short() -> None:
    long = {
        str(path.relative_to(samples.ROOT)): lines
        for path in (samples.ROOT / "operator/practicum").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long
