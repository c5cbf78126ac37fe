"""Runs `mlflow server` in this one process, once PostgreSQL takes the login.

`mlflow server` sets everything up and then starts uvicorn as a child that imports it all again.
With a single worker that is twice the memory and twice the start-up time for nothing, so the
child's command line is run in place here. A release of MLflow without that step starts as it
always does.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

import mlflow.server  # before the wait: it takes the seconds that PostgreSQL needs as well
import psycopg2
from mlflow.cli import cli


def wait_for_database() -> None:
    uri = os.environ["MLFLOW_BACKEND_STORE_URI"].replace("+psycopg2", "", 1)
    deadline, said = time.monotonic() + 300, False
    while True:
        try:
            psycopg2.connect(uri, connect_timeout=3).close()
            return
        except psycopg2.OperationalError as error:
            reason = str(error).strip().splitlines()[0]
        if time.monotonic() > deadline:
            sys.exit(f"mlflow: PostgreSQL did not take the login within 300 s: {reason}")
        if not said:
            said = True
            print("mlflow: waiting for PostgreSQL", flush=True)
        time.sleep(0.3)


def run_in_place(command: list[str], *, extra_env: Mapping[str, str], **_: Any) -> None:
    """Stands in for starting ``python -m uvicorn ...`` as a child."""
    from uvicorn.main import main

    os.environ.update(extra_env)
    main(command[command.index("uvicorn") + 1 :], prog_name="uvicorn")


def serve() -> None:
    if hasattr(mlflow.server, "_exec_cmd"):
        mlflow.server._exec_cmd = run_in_place
    server = "server --app-name basic-auth --host 0.0.0.0 --port 5000 --workers 1"
    more = os.environ.get("SERVER_OPTIONS", "").split()
    cli([*server.split(), *more, "--serve-artifacts", "--artifacts-destination", "/artifacts"])


wait_for_database()
serve()
