"""Who gets in, as whom, and with what in hand."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from practicum.desired import access
from practicum.desired.access import Server, Token
from practicum.desired.lab import Lab
from practicum.settings import Settings
from tests import samples

Object = dict[str, Any]
SERVER = Server("https://api.example.org:6443", "-----BEGIN CERTIFICATE-----\n")
END = datetime(2026, 11, 21, 20, tzinfo=UTC)
TUTOR = {"reviewer": {"subject": {"kind": "User", "name": "tutor@example.org"}}}
STRICT = Settings(root_key=b"x", allow_subjects=False)
SUBJECTS = {
    "id": "ada",
    "subjects": [{"name": "ada@example.org"}, {"kind": "Group", "name": "class"}],
}


def tokens(lab: Lab) -> dict[str, Token]:
    return {who: Token(f"token-of-{who}", END) for who in ("learner", *access.personas(lab))}


def binding(lab: Lab, name: str, namespace: str) -> Object:
    (found,) = [
        body
        for body in access.bindings(lab)
        if body["kind"] == "RoleBinding"
        and (body["metadata"]["name"], body["metadata"]["namespace"]) == (name, namespace)
    ]
    return found


def names(body: Object) -> set[str]:
    return {subject["name"] for subject in body["subjects"]}


def test_the_learner_plays_every_persona_by_default() -> None:
    assert access.personas(samples.lab()) == ["reviewer", "on-call"]
    assert len(access.accounts(samples.lab())) == 3


def test_personas_given_away_are_not_played_by_the_learner() -> None:
    lab = samples.lab(personas=TUTOR)
    assert access.personas(lab) == ["on-call"]
    given = access.account(lab, "reviewer")
    assert given not in {body["metadata"]["name"] for body in access.accounts(lab)}
    for body in access.bindings(lab):
        assert given not in names(body) if "subjects" in body else True
    assert "tutor@example.org" in names(binding(lab, "viewer", lab.namespaces["platform"]))
    assert "tutor@example.org" not in names(binding(lab, "learner", lab.namespaces["learner"]))


def test_accounts_live_in_the_course_without_mounted_tokens() -> None:
    for body in access.accounts(samples.lab()):
        assert body["metadata"]["namespace"] == "course-a"
        assert body["metadata"]["ownerReferences"][0]["uid"] == samples.UID
        assert body["automountServiceAccountToken"] is False


def test_in_the_course_only_the_labs_own_names_can_be_read() -> None:
    role = access.role(samples.lab())
    assert role["metadata"]["namespace"] == "course-a"
    for rule in role["rules"]:
        assert rule["resourceNames"] in (["ada"], ["ada-credentials"])
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert rule["resources"] != ["secrets"] or rule["verbs"] == ["get"]


def test_roles_of_the_lab_are_the_charts() -> None:
    lab = samples.lab()
    refs = {
        (body["metadata"]["namespace"], body["roleRef"]["kind"], body["roleRef"]["name"])
        for body in access.bindings(lab)
        if body["kind"] == "RoleBinding"
    }
    learner, platform = lab.namespaces["learner"], lab.namespaces["platform"]
    assert refs == {
        ("course-a", "Role", "ada.learner"),
        (learner, "ClusterRole", "practicum-learner"),
        (learner, "ClusterRole", "practicum-persona"),
        (platform, "ClusterRole", "practicum-platform-viewer"),
    }


def test_only_the_learner_writes_in_the_learners_namespace() -> None:
    lab = samples.lab()
    assert names(binding(lab, "learner", lab.namespaces["learner"])) == {"ada.learner"}


def test_subjects_get_the_learners_access() -> None:
    lab = samples.lab(learner=SUBJECTS)
    writes = binding(lab, "learner", lab.namespaces["learner"])
    assert names(writes) == {"ada.learner", "ada@example.org", "class"}
    assert {subject["kind"] for subject in writes["subjects"]} == {
        *("ServiceAccount", "User", "Group")
    }


def test_subjects_are_honoured_only_if_allowed() -> None:
    lab = samples.lab(settings=STRICT, learner=SUBJECTS, personas=TUTOR)
    for body in access.bindings(lab):
        for subject in body.get("subjects", []):
            assert subject["kind"] == "ServiceAccount"
            assert subject["namespace"] == "course-a"


def test_nobody_outside_the_template_gets_in() -> None:
    lab = samples.lab(personas={"invented": {"subject": {"name": "stranger"}}})
    for body in access.bindings(lab):
        assert "stranger" not in names(body) if "subjects" in body else True


def test_the_kubeconfig_parses_and_everything_in_it_leads_somewhere() -> None:
    lab = samples.lab()
    secret = access.credentials(lab, SERVER, tokens(lab))
    config = yaml.safe_load(base64.b64decode(secret["data"]["kubeconfig"]))
    users = {user["name"]: user["user"] for user in config["users"]}
    (cluster,) = config["clusters"]
    assert cluster["cluster"]["server"] == SERVER.url
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode() == SERVER.ca
    contexts = {one["name"]: one["context"] for one in config["contexts"]}
    assert set(contexts) == {"ada", "ada-reviewer", "ada-on-call", "ada-renewing"} == set(users)
    assert config["current-context"] == "ada"
    for context in contexts.values():
        assert context["user"] in users
        assert context["cluster"] == cluster["name"]
        assert context["namespace"] == lab.namespaces["learner"]
    assert users["ada"] == {"token": "token-of-learner"}
    plugin = users["ada-renewing"]["exec"]
    assert plugin["command"] == "practicum"
    assert plugin["args"][0] == "token"
    assert {"name": "PRACTICUM_TOKEN", "value": "token-of-learner"} in plugin["env"]


def test_without_a_ca_the_systems_is_used() -> None:
    lab = samples.lab()
    config = access.kubeconfig(lab, Server("https://x", ""), tokens(lab))
    assert config["clusters"][0]["cluster"] == {"server": "https://x"}


def test_the_credentials_say_when_they_end_and_how_to_log_in() -> None:
    lab = samples.lab()
    secret = access.credentials(lab, SERVER, tokens(lab))
    assert (secret["metadata"]["name"], secret["metadata"]["namespace"]) == (
        *("ada-credentials", "course-a"),
    )
    listed = json.loads(base64.b64decode(secret["data"]["tokens.json"]))
    assert listed["ada.learner"] == {
        "token": "token-of-learner",
        "expiresAt": "2026-11-21T20:00:00Z",
    }
    (login,) = json.loads(base64.b64decode(secret["data"]["logins.json"]))
    assert login["password"] == lab.password("app/learner")
    assert login["url"] == f"http://app.{lab.namespaces['platform']}.svc:8080/"


@pytest.mark.parametrize("name", samples.MODULES)
def test_logins_and_services_of_every_module_lead_somewhere(name: str) -> None:
    lab = samples.lab(samples.module(name))
    assert access.services(lab)
    assert all(login["url"] and login["password"] for login in access.logins(lab))
    personas = {persona.name for persona in lab.template.personas} | {""}
    assert {login["persona"] for login in access.logins(lab)} <= personas


def test_cluster_info() -> None:
    ca = base64.b64encode(b"PEM").decode()
    text = yaml.safe_dump(
        {"clusters": [{"cluster": {"server": "https://x", "certificate-authority-data": ca}}]}
    )
    assert access.server_of(text) == Server("https://x", "PEM")
    assert access.server_of("clusters: [{cluster: {server: s}}]") == Server("s", "")


@pytest.mark.parametrize(
    "text",
    [
        *("", "[", "5", "{}", "clusters: []", "clusters: [{}]", "clusters: [{cluster: {}}]"),
        *("clusters: [{cluster: null}]", "clusters: [{cluster: text}]"),
        "clusters: [{cluster: {server: s, certificate-authority-data: 'a'}}]",
    ],
)
def test_what_is_no_cluster_info_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        access.server_of(text)
