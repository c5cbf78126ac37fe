"""Waits until the registry can be used; the login comes from REGISTRY_HOST, _USER and _PASSWORD."""

import os
import sys
import time

import psycopg


def wait_for_registry(project: str | None = None) -> None:
    """Waits for the login or, given a project, until its definitions are applied."""
    deadline, said = time.monotonic() + 300, None
    while missing := _missing(project):
        if time.monotonic() > deadline:
            sys.exit(f"feast: gave up after 300 s: {missing}")
        if missing != said:
            said = missing
            print(f"feast: waiting, {missing}", flush=True)
        time.sleep(0.3)


def _missing(project: str | None) -> str | None:
    host, user = os.environ["REGISTRY_HOST"], os.environ["REGISTRY_USER"]
    try:
        with psycopg.connect(
            host=host,
            user=user,
            password=os.environ["REGISTRY_PASSWORD"],
            dbname="feast",
            connect_timeout=2,
        ) as connection:
            if project and not _applied(connection, project):
                return f"project {project} is not in the registry yet"
    except psycopg.OperationalError:
        return f"PostgreSQL at {host}:5432 does not take {user}'s login yet"
    return None


def _applied(connection: psycopg.Connection, project: str) -> bool:
    """Whether `feast apply` came as far as the feature services, which it writes last."""
    found = connection.execute("SELECT to_regclass('feature_services')").fetchone()
    if not found or found[0] is None:
        return False
    query = "SELECT 1 FROM feature_services WHERE project_id = %s LIMIT 1"
    return connection.execute(query, (project,)).fetchone() is not None
