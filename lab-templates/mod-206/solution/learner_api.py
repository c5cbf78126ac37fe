"""The Deployment and Service of the platform API, as the solution runs it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

NAME = "learner-api"
IMAGE = "practicum.local/workbench:0.67.0"
SERVICES = ("mlflow", "feast", "opa", "serving")
SECRETS = ("MLFLOW_USER", "MLFLOW_PASSWORD", "OPA_TOKEN")


def probe(path: str, seconds: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": 8000}, "periodSeconds": seconds, "timeoutSeconds": 5}


def container() -> dict[str, Any]:
    endpoints = [
        {
            "name": f"{name.upper()}_URL",
            "valueFrom": {"configMapKeyRef": {"name": "lab-endpoints", "key": f"{name}.url"}},
        }
        for name in SERVICES
    ]
    logins = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": NAME, "key": name}}}
        for name in SECRETS
    ]
    return {
        "name": "api",
        "image": IMAGE,
        "command": ["uvicorn", "--factory", "platform_api.app:create_app"],
        "args": ["--host", "0.0.0.0", "--port", "8000", "--no-access-log"],
        "workingDir": "/srv/api",
        "env": [
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
            {"name": "HOME", "value": "/tmp"},
            *endpoints,
            *logins,
        ],
        "ports": [{"name": "http", "containerPort": 8000}],
        "startupProbe": probe("/healthz", 1) | {"failureThreshold": 120},
        "readinessProbe": probe("/healthz", 5),
        "livenessProbe": probe("/healthz", 20),
        "resources": {
            "requests": {"cpu": "50m", "memory": "96Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "code", "mountPath": "/srv/api", "readOnly": True},
            {"name": "tokens", "mountPath": "/etc/tokens", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }


def objects(namespace: str, code: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns both, for the code that ConfigMap platform-api has under the same keys.

    Pods do not notice that their code has changed; the digest makes new ones.
    """
    items = [{"key": key, "path": key.replace("__", "/")} for key in code]
    digest = hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:16]
    labels = {"app": NAME}
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container()],
        "volumes": [
            {"name": "code", "configMap": {"name": "platform-api", "items": items}},
            {"name": "tokens", "secret": {"secretName": "platform-api-tokens"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}},
        ],
    }
    meta = {"name": NAME, "namespace": namespace, "labels": labels}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"code": digest}},
                "spec": pod,
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 8000}]},
    }
    return [deployment, service]
