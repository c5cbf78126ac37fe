"""Generated files are what their sources make today; ``make chart-sync`` mends each of these."""

import base64
import gzip
from pathlib import Path

import yaml

from practicum.api import crd
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


def test_the_chart_fits_into_a_helm_release() -> None:
    """Helm keeps files and manifests, packed, in one Secret of at most 1 MiB."""
    files = [path for path in (samples.ROOT / "charts/practicum").rglob("*") if path.is_file()]
    kept = [base64.b64encode(path.read_bytes()) for path in files]
    packed = gzip.compress(b"".join([*kept, *(path.read_bytes() for path in files)]))
    assert len(base64.b64encode(packed)) < 700_000
