"""Brings the registry to what the module's definitions say. May run again at any time."""

import shutil
import sys
import traceback
from pathlib import Path

import feast.infra.registry.sql  # noqa: F401 (before the wait: seconds that PostgreSQL needs too)
from approvals import marking
from feast import repo_operations
from feast.cli.cli import cli
from wait import wait_for_registry

APPROVALS = Path("/etc/feast-approvals/approvals.json")

# A copy, because feast would also load the hidden folders of a mounted ConfigMap.
repository = Path("/tmp/repository")
repository.mkdir(exist_ok=True)
for source in (Path("/etc/feast/feature_store.yaml"), *Path("/definitions").glob("*.py")):
    shutil.copy(source, repository)

repo_operations.parse_repo = marking(repo_operations.parse_repo, APPROVALS)
wait_for_registry()
try:
    command = ["--chdir", str(repository), "apply", "--skip-source-validation"]
    cli(command, standalone_mode=False)
except Exception as error:
    traceback.print_exc()
    sys.exit(f"feast: the feature definitions could not be applied: {error}")
