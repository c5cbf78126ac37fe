"""Fills the lab's MLflow: users, a workspace for each tenant, who may work there, a first model.

One role too many is given on purpose: the developer of team-a may work in the workspace of team-b.
Everything is looked up before it is made, so the Job may run again after a partial run.
"""

import http.client
import sys
from typing import Any

from mlflow_rest import EXISTS, Client, SeedError, password, wait_for_mlflow

WORKSPACES = {"team-a": "Churn: who is about to leave", "team-b": "Pricing: what to ask for"}
MANAGER, MEMBER = "admin", "user"
"""Roles that MLflow makes in every workspace: MANAGE, and USE."""
ROLES = {
    "platform-admin": [("team-a", MANAGER), ("team-b", MANAGER)],
    "team-a-dev": [("team-a", MEMBER), ("team-b", MEMBER)],
    "team-b-dev": [("team-b", MEMBER)],
}
MODELS = {"team-a": "churn", "team-b": "pricing"}


def make_users(admin: Client) -> None:
    for user in ROLES:
        made = admin.post("2.0/mlflow/users/create", EXISTS, username=user, password=password(user))
        if "error_code" in made:
            admin.call(
                "PATCH", "2.0/mlflow/users/update-password", username=user, password=password(user)
            )


def role_ids(admin: Client, workspace: str) -> dict[str, int]:
    found = admin.get("3.0/mlflow/roles/list", workspace=workspace)
    return {role["name"]: role["id"] for role in found["roles"]}


def assign(admin: Client) -> None:
    ids = {workspace: role_ids(admin, workspace) for workspace in WORKSPACES}
    for user, roles in ROLES.items():
        for workspace, role in roles:
            given: dict[str, Any] = {"role_id": ids[workspace][role], "username": user}
            admin.post("3.0/mlflow/roles/assign", EXISTS, **given)


def make_models(admin: Client) -> None:
    """Both tenants call their experiment the same: names are theirs, not the platform's."""
    for workspace, model in MODELS.items():
        admin.headers["X-MLFLOW-WORKSPACE"] = workspace
        admin.post("2.0/mlflow/experiments/create", EXISTS, name="training")
        admin.post("2.0/mlflow/registered-models/create", EXISTS, name=model)
    del admin.headers["X-MLFLOW-WORKSPACE"]


def main() -> None:
    wait_for_mlflow()
    admin = Client("admin")
    make_users(admin)
    for name, text in WORKSPACES.items():
        admin.post("3.0/mlflow/workspaces", EXISTS, name=name, description=text)
    assign(admin)
    make_models(admin)
    print("seed: users, workspaces, roles and first models are in place")


if __name__ == "__main__":
    try:
        main()
    except (SeedError, OSError, http.client.HTTPException) as error:
        sys.exit(f"seed: {error}")
