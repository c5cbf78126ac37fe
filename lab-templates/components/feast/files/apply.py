"""Brings the registry to what the module's definitions say. May run again at any time."""

import json
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import feast.infra.registry.sql  # noqa: F401 (before the wait: seconds that PostgreSQL needs too)
from approvals import mark
from feast import repo_operations
from feast.cli.cli import cli
from google.protobuf.json_format import MessageToDict
from wait import wait_for_registry

APPROVALS = Path("/etc/feast-approvals/approvals.json")
parse = repo_operations.parse_repo


def parse_and_mark(root: Path) -> Any:
    """What `feast apply` reads, with the stamps: the registry is never without them in between."""
    found = parse(root)
    views = [
        *(*found.feature_views, *found.stream_feature_views),
        *(*found.on_demand_feature_views, *found.label_views),
    ]
    mark(found.feature_services, views, json.loads(APPROVALS.read_text()), "lab", said_of)
    return found


def said_of(thing: Any) -> dict[str, Any]:
    """What the REST API says of one of Feast's objects."""
    return dict(MessageToDict(thing.to_proto())["spec"])


# A copy, because feast would also load the hidden folders of a mounted ConfigMap.
repository = Path("/tmp/repository")
repository.mkdir(exist_ok=True)
for source in (Path("/etc/feast/feature_store.yaml"), *Path("/definitions").glob("*.py")):
    shutil.copy(source, repository)

repo_operations.parse_repo = parse_and_mark
wait_for_registry()
try:
    command = ["--chdir", str(repository), "apply", "--skip-source-validation"]
    cli(command, standalone_mode=False)
except Exception as error:
    traceback.print_exc()
    sys.exit(f"feast: the feature definitions could not be applied: {error}")
