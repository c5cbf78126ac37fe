"""What the models take, refuse and write."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from practicum.api.attestation import AttestationSpec
from practicum.api.canonical import canonical, digest
from practicum.api.kinds import KINDS
from practicum.api.labenvironment import LabEnvironment, LabEnvironmentSpec
from practicum.api.labstatus import LabEnvironmentStatus
from practicum.api.labtemplate import LabTemplateSpec, SideQuota
from tests import samples

JSON = st.dictionaries(
    st.text(max_size=4), st.dictionaries(st.text(max_size=4), st.integers(), max_size=3), max_size=3
)


def test_defaults_of_a_lab() -> None:
    spec = LabEnvironmentSpec.model_validate({"template": "mod-506"})
    assert (spec.ttl, spec.suspended, spec.on_expiry, spec.learner) == ("8h", False, "Delete", None)


@pytest.mark.parametrize(
    "change",
    [
        {"template": "Upper"},
        {"template": "x" * 64},
        {"ttl": "8 hours"},
        {"ttl": "0s"},
        {"onExpiry": "Keep"},
        {"suspended": "maybe"},
        {"learner": {"id": ""}},
        {"learner": {"id": "ada lovelace"}},
        {"learner": {"id": "-ada"}},
        {"learner": {"id": "ada", "subjects": [{"kind": "ServiceAccount", "name": "x"}]}},
        {"learner": {"id": "ada", "subjects": [{"name": "x"}] * 9}},
        {"parameters": {str(number): 1 for number in range(33)}},
        {"namespace": "elsewhere"},
    ],
)
def test_bad_specs_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LabEnvironmentSpec.model_validate({"template": "mod-506"} | change)


def test_the_wire_is_camel_case_without_empty_optionals() -> None:
    wire = samples.resource(ttl="1h").spec.wire()
    assert wire["onExpiry"] == "Delete"
    assert "size" not in wire
    assert "displayName" not in wire["learner"]


def test_objects_survive_the_wire() -> None:
    lab = samples.resource(personas={"reviewer": {"subject": {"name": "t"}}}, parameters={"a": 1})
    assert LabEnvironment.model_validate(lab.wire()) == lab
    template = samples.template()
    assert LabTemplateSpec.model_validate(template.wire()) == template
    status = LabEnvironmentStatus(namespaces=["lab-a"])
    assert LabEnvironmentStatus.model_validate(status.wire()) == status


@pytest.mark.parametrize("value", ["1", "500m", "1.5", "2Gi", 2])
def test_quantities_are_what_the_crd_lets_in(value: str | int) -> None:
    """The CRD's schema has them as x-kubernetes-int-or-string: ``limits.cpu: 2`` gets that far."""
    quota = SideQuota.model_validate({"compute": {"limits.cpu": value}, "jobs": {}, "storage": {}})
    assert str(quota.compute["limits.cpu"]) == str(value)


def test_deleting_is_seen_in_the_metadata() -> None:
    lab = samples.resource()
    assert not lab.deleting
    gone = lab.model_copy(update={"metadata": {**lab.metadata, "deletionTimestamp": "now"}})
    assert gone.deleting


@given(JSON)
def test_canonical_json_knows_no_order(value: Any) -> None:
    def reversed_keys(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: reversed_keys(node[key]) for key in reversed(node)}
        return [reversed_keys(child) for child in node] if isinstance(node, list) else node

    assert canonical(reversed_keys(value)) == canonical(value)
    assert digest(reversed_keys(value)) == digest(value)


@given(st.integers(1, 64))
def test_digests_are_as_long_as_asked(length: int) -> None:
    assert len(digest({"a": 1}, length)) == length
    assert digest({"a": 1}, length) != digest({"a": 2}, length) or length < 4


@pytest.mark.parametrize(
    ("kind", "arguments", "path"),
    [
        ("Namespace", ("", "x"), "/api/v1/namespaces/x"),
        ("ConfigMap", ("a", "x"), "/api/v1/namespaces/a/configmaps/x"),
        ("ConfigMap", ("",), "/api/v1/configmaps"),
        ("Deployment", ("a",), "/apis/apps/v1/namespaces/a/deployments"),
        (
            "LabEnvironment",
            ("a", "x", "status"),
            "/apis/practicum.dev/v1alpha1/namespaces/a/labenvironments/x/status",
        ),
        (
            "SelfSubjectAccessReview",
            ("a",),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        ),
    ],
)
def test_paths(kind: str, arguments: tuple[str, ...], path: str) -> None:
    assert KINDS[kind].path(*arguments) == path


RATED = {
    "lab": "ada",
    "subject": "features",
    "rubric": [{"criterion": "clarity", "score": 3, "max": 5}],
    "passed": True,
    "rater": "tutor@example.org",
}


def test_a_rating_survives_the_wire() -> None:
    spec = AttestationSpec.model_validate(RATED)
    assert AttestationSpec.model_validate(spec.wire()) == spec
    assert (spec.comment, spec.rubric[0].comment) == ("", "")


@pytest.mark.parametrize(
    "change",
    [
        {"lab": "Ada"},
        {"subject": "all of it"},
        {"rater": ""},
        {"passed": None},
        {"rubric": []},
        {"rubric": [{"criterion": "clarity", "score": 1, "max": 1}] * 33},
        {"rubric": [{"criterion": "clarity", "score": -1, "max": 5}]},
        {"rubric": [{"criterion": "clarity", "score": 1, "max": 0}]},
        {"rubric": [{"criterion": "Clear and short", "score": 1, "max": 5}]},
        {"comment": "x" * 4097},
        {"verdict": "passed"},
    ],
)
def test_bad_ratings_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AttestationSpec.model_validate(RATED | change)
