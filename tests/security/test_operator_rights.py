"""The operator holds what it needs and no more, and says at its start what it lacks."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from practicum.reconcile import rights
from tests.apiserver.operator_process import OperatorProcess

from .actors import Actor, Object
from .conftest import World
from .objects import at, raw, thing

RBAC = "rbac.authorization.k8s.io/v1"


def expanded(rules: Iterable[Object]) -> list[tuple[str, str, str, str]]:
    """Return verb, group, resource and name of every single grant of a role, sorted."""
    return sorted(
        (verb, group, resource, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    )


@pytest.mark.parametrize(
    ("namespace", "path"),
    [
        ("", raw(RBAC, "clusterroles", "", "practicum-operator")),
        ("practicum-system", at("Role", "practicum-system", "practicum-operator")),
        ("practicum-audit", at("Role", "practicum-audit", "practicum-audit")),
        ("practicum-probe", at("Role", "practicum-probe", "practicum-probe")),
    ],
)
def test_the_chart_grants_what_is_asked_for_and_no_more(
    world: World, namespace: str, path: str
) -> None:
    role = world.attempt(world.admin, "GET", path).body
    optional = [*rights.of_probe(), *rights.of_usage(), *rights.of_farewell()]
    needed = [*rights.needed("practicum-system"), *optional]
    asked = [tuple(right[:4]) for right in needed if right.namespace == namespace]
    assert sorted(asked) == expanded(role["rules"])


def test_archives_need_what_the_chart_grants_for_them(world: World) -> None:
    path = at("Role", "practicum-audit", "practicum-archive")
    role = world.attempt(world.admin, "GET", path).body
    assert sorted(tuple(right[:4]) for right in rights.of_archives()) == expanded(role["rules"])


def test_a_missing_rule_ends_the_start_and_is_named(
    world: World, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    """All of the operator's roles but two verbs, under an account of its own."""
    config = yaml.safe_load(operator_kubeconfig.read_text())
    config["users"][0]["user"]["token"] = _account_without(
        world.admin, {("watch", "apps", "statefulsets"), ("bind", RBAC[:-3], "clusterroles")}
    )
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    process = OperatorProcess(path, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "practicum"],
        env=process.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "RBAC does not let the operator bind clusterroles." in last, done.stderr
    assert "and 8 more" in last
    assert "watch statefulsets.apps --all-namespaces" in done.stdout + done.stderr


def _account_without(admin: Actor, lacking: set[tuple[str, str, str]]) -> str:
    """Make an account with the operator's rights less some; returns a token of it."""
    role = admin.call("GET", raw(RBAC, "clusterroles", "", "practicum-operator")).body
    own = [
        rule
        for place, name in (
            ("practicum-system", "practicum-operator"),
            ("practicum-audit", "practicum-audit"),
        )
        for rule in admin.call("GET", at("Role", place, name)).body["rules"]
    ]
    rules = [
        {
            **rule,
            "verbs": [
                verb
                for verb in rule["verbs"]
                if not any((verb, rule["apiGroups"][0], r) in lacking for r in rule["resources"])
            ],
        }
        for rule in role["rules"]
    ]
    rules = [rule for rule in rules if rule["verbs"]] + own
    reference = {"apiGroup": RBAC[:-3], "kind": "ClusterRole", "name": "poor"}
    subject = {"kind": "ServiceAccount", "name": "poor", "namespace": "practicum-system"}
    header = {"apiVersion": RBAC, "metadata": {"name": "poor"}}
    for path, body in (
        (at("ServiceAccount", "practicum-system"), thing("ServiceAccount", "poor")),
        (raw(RBAC, "clusterroles", ""), {**header, "kind": "ClusterRole", "rules": rules}),
        (
            raw(RBAC, "clusterrolebindings", ""),
            {**header, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]},
        ),
    ):
        answer = admin.call("POST", path, body)
        assert answer.granted, answer
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = admin.call("POST", at("ServiceAccount", "practicum-system", "poor", "token"), request)
    assert answer.granted, answer
    return str(answer.body["status"]["token"])
