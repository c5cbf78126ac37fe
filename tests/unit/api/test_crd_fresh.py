"""Generated files are what their sources make today; ``make chart-sync`` mends each of these."""

from pathlib import Path

import pytest
import yaml

from practicum.api import crd
from practicum.catalog import pack
from tests import samples

CRDS = samples.ROOT / "crds"
CHART = samples.ROOT / "charts/practicum/files"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}


def test_crds_are_those_of_the_models(tmp_path: Path) -> None:
    crd.write(tmp_path)
    assert texts(CRDS) == texts(tmp_path), "run: make chart-sync"


def test_crds_read_back_as_generated() -> None:
    assert {name: yaml.safe_load(text) for name, text in texts(CRDS).items()} == crd.crds()


def test_chart_carries_the_same_crds() -> None:
    assert texts(CHART / "crds") == texts(CRDS), "run: make chart-sync"


def test_chart_carries_every_module() -> None:
    found = {name.removesuffix(".yaml") for name in texts(CHART / "labtemplates")}
    assert found == set(samples.MODULES), "run: make chart-sync"


@pytest.mark.parametrize("module", samples.MODULES)
def test_chart_carries_the_module_as_packed_today(module: str) -> None:
    packed = pack.dump(samples.packed(module))
    assert texts(CHART / "labtemplates")[f"{module}.yaml"] == packed, "run: make chart-sync"


def test_catalogue_fits_into_a_helm_release() -> None:
    assert sum(len(text) for text in texts(CHART / "labtemplates").values()) < 700_000
