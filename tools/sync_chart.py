"""Copies the CRDs into the chart: ``make chart-sync``. A test fails when they are stale."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / "charts/practicum/files"


def crds() -> dict[str, str]:
    """Return the chart's CRD files by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "crds").glob("*.yaml")}


def write(folder: Path, files: dict[str, str]) -> None:
    """Make the YAML files of a folder these and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.yaml"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FILES / "crds", crds())
