"""`feast apply` for the learner's repository, with the stamps of what was approved."""

import sys
from pathlib import Path

from approvals import marking
from feast import repo_operations
from feast.cli.cli import cli

APPROVALS = Path("/lab/configmaps/approvals/approvals.json")

if APPROVALS.exists():
    repo_operations.parse_repo = marking(repo_operations.parse_repo, APPROVALS)
cli(["--chdir", sys.argv[1], "apply", "--skip-source-validation"])
