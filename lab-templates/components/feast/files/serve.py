"""Serves the registry, UI and REST, with a database role that can only read.

The REST API of `feast ui` also offers writes and has no authentication of its own.
"""

import shutil
from pathlib import Path

import feast.api.registry.rest
import feast.infra.registry.sql
import feast.ui_server  # noqa: F401 (before the wait: seconds that the others need too)
from feast.cli.cli import cli
from wait import wait_for_registry

repository = Path("/tmp/repository")
repository.mkdir(exist_ok=True)
shutil.copy("/etc/feast/feature_store.yaml", repository)

wait_for_registry(project="lab")
cli(["--chdir", str(repository), "ui", "--host", "0.0.0.0", "--port", "8888"])
