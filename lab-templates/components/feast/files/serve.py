"""Serves the registry, UI and REST, with a database role that can only read.

The REST API of `feast ui` also offers writes and has no authentication of its own. Where the module
has data, its baseline is measured first: with an offline store of files, Feast's monitoring shows
what was measured where it is shown.
"""

import runpy
import shutil
import traceback
from pathlib import Path

import feast.api.registry.rest
import feast.infra.registry.sql
import feast.ui_server  # noqa: F401 (before the wait: seconds that the others need too)
from feast import FeatureStore
from feast.cli.cli import cli
from feast.monitoring.monitoring_service import MonitoringService
from wait import wait_for_registry

repository = Path("/tmp/repository")
repository.mkdir(exist_ok=True)
shutil.copy("/etc/feast/feature_store.yaml", repository)

SAMPLES = Path("/etc/feast-samples/samples.py")


def measure() -> None:
    """Writes the data and measures it.

    It ends where the project began, whenever this starts anew: the same data, the same figures.
    """
    store = FeatureStore(repo_path=str(repository))
    began = store.get_project("lab").created_timestamp
    runpy.run_path(str(SAMPLES))["write"](Path("/data"), began)
    done = MonitoringService(store).compute_baseline(project="lab")
    print(f"feast: {done['computed_features']} features measured in {done['duration_ms']} ms")


wait_for_registry(project="lab")
if SAMPLES.exists():
    try:
        measure()
    except Exception:
        # The registry is worth serving without: what is not measured, monitoring does not show.
        traceback.print_exc()
cli(["--chdir", str(repository), "ui", "--host", "0.0.0.0", "--port", "8888"])
