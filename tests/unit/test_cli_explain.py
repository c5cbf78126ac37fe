"""Why a lab is not ready: which condition, which object, which remedy."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from practicum.cli import diagnosis, explain, remedies
from practicum.policy import pods
from tests.unit.test_cli_views import condition, lab

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)
STARTING = condition("ComponentsReady", "False", "ComponentsStarting", message="0 of 1 pods ready")


def pod(name: str, *containers: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "lab-ada-1-platform"},
        "status": {"phase": "Pending", "containerStatuses": list(containers)} | status,
    }


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "server", "ready": False, "restartCount": 0, "state": state} | more


CRASHED = waiting(
    "CrashLoopBackOff", lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
)


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (
            lab("Provisioning", conditions=[condition("Guarded"), STARTING]),
            "ComponentsReady",
            "ComponentsStarting",
        ),
        (
            lab(
                "Failed",
                conditions=[
                    condition("Ready", "False", "TemplateNotFound"),
                    condition("Accepted", "False", "TemplateNotFound"),
                ],
            ),
            "Accepted",
            "TemplateNotFound",
        ),
        (lab("Pending") | {"status": {}}, "Ready", "NotObserved"),
        (lab("Ready", observedGeneration=1), "Ready", "NotObserved"),
        (lab("Suspended", conditions=[STARTING]), "Ready", "Suspended"),
        (
            lab("Suspended", conditions=[condition("ComponentsReady", "False", "Suspended")]),
            "ComponentsReady",
            "Suspended",
        ),
        (lab("Expired", conditions=[STARTING]), "Ready", "Expired"),
        (lab("Degraded", message="odd"), "Ready", "Degraded"),
        (
            lab("Degraded", conditions=[condition("ExpiringSoon", "True"), STARTING]),
            "ComponentsReady",
            "ComponentsStarting",
        ),
    ],
)
def test_the_first_failing_condition_is_the_answer(
    body: dict[str, Any], kind: str, reason: str
) -> None:
    verdict = diagnosis.diagnose(body)
    assert (verdict.ready, verdict.condition, verdict.reason) == (False, kind, reason)
    assert verdict.remedy


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        [condition("Ready")],
        [condition("Ready"), condition("ExpiringSoon", "True")],
        [condition("Ready"), condition("TemplateCurrent", "False", "NewerTemplate")],
        [condition("Ready"), condition("CredentialsIssued", "False", "NoLearner")],
        [condition("Ready"), condition("CredentialsIssued", "False", "AccessRevoked")],
    ],
)
def test_a_ready_lab_is_ready_whatever_the_notices_say(conditions: list[dict[str, Any]]) -> None:
    assert diagnosis.diagnose(lab(conditions=conditions)).ready


@pytest.mark.parametrize(("reason", "told"), [("AccessRevoked", 1), ("NoLearner", 0)])
def test_of_a_lab_that_nobody_gets_into_it_is_told_if_somebody_should(
    reason: str, told: int
) -> None:
    nobody = condition("CredentialsIssued", "False", reason)
    found = diagnosis.notices(lab(conditions=[condition("Ready"), nobody]))
    assert [one.reason for one in found] == [reason] * told
    assert all("practicum credentials grant ada" in one.remedy for one in found)


def test_policies_that_do_not_compile_are_told_of_a_ready_lab() -> None:
    broken = condition("PolicyLoaded", "False", "PolicyBroken", message="a.rego:3: var x is unsafe")
    body = lab(conditions=[condition("Ready"), broken], namespaces=["lab-ada-1", "lab-ada-1-p"])
    assert diagnosis.diagnose(body).ready
    (told,) = diagnosis.notices(body)
    said = explain.notice(told)
    assert said[0] == "PolicyLoaded: PolicyBroken"
    assert said[1] == "  message  a.rego:3: var x is unsafe"
    assert said[2] == "  object   ConfigMap lab-ada-1/policies"
    assert told.remedy != remedies.OTHERWISE
    broken["status"] = "True"
    assert diagnosis.notices(body) == []


def test_a_blocked_deletion_is_told_before_anything_else() -> None:
    body = lab("Terminating", conditions=[STARTING, condition("Ready", "False", "DeletionBlocked")])
    body["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    assert diagnosis.diagnose(body).reason == "DeletionBlocked"
    body["status"]["conditions"] = [STARTING]
    assert diagnosis.diagnose(body).reason == "Terminating"


@pytest.mark.parametrize(
    ("container", "reason", "message", "previous"),
    [
        (waiting("ImagePullBackOff", "no such image"), "ImagePullBackOff", "no such image", False),
        (CRASHED, "CrashLoopBackOff", "ended with exit code 137 (OOMKilled)", True),
        (
            {"name": "server", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}},
            "Error",
            "ended with exit code 1 (Error)",
            False,
        ),
        (
            {"name": "server", "ready": False, "restartCount": 0, "state": {"running": {}}},
            "NotReady",
            "it runs but its readiness probe does not pass yet",
            False,
        ),
    ],
)
def test_a_container_says_what_it_waits_for(
    container: dict[str, Any], reason: str, message: str, previous: bool
) -> None:
    (trouble,) = pods.troubles([pod("mlflow-0", container)])
    assert (trouble.container, trouble.reason, trouble.message) == ("server", reason, message)
    assert trouble.previous is previous


def test_pods_that_are_ready_or_done_are_no_trouble() -> None:
    ready = pod("opa-0", conditions=[{"type": "Ready", "status": "True"}])
    assert pods.troubles([ready, pod("seed-x", phase="Succeeded")]) == []


def test_a_pod_without_a_node_tells_why() -> None:
    unplaced = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu.",
    }
    (trouble,) = pods.troubles([pod("mlflow-0", conditions=[unplaced])])
    assert trouble.reason == "Unschedulable"
    assert "Insufficient cpu" in trouble.message


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        (CRASHED, "CrashLooping"),
        (waiting("ErrImagePull"), "ImagePullFailed"),
        (waiting("ContainerCreating"), "ComponentsStarting"),
    ],
)
def test_pods_sharpen_the_reason_and_name_the_object(
    container: dict[str, Any], reason: str
) -> None:
    body = lab("Provisioning", conditions=[STARTING])
    slow = pod("feast-0", waiting("ContainerCreating"))
    troubles = pods.troubles([slow, pod("mlflow-0", container)])
    verdict = diagnosis.diagnose(body, troubles)
    assert verdict.reason == reason
    assert verdict.remedy == remedies.REMEDIES[reason]
    if reason != "ComponentsStarting":
        assert verdict.object == "Pod lab-ada-1-platform/mlflow-0"
        assert verdict.message.startswith("Pod mlflow-0: ")


def test_a_volume_that_does_not_come_is_named() -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "artifacts"}}]
    waits = pod("mlflow-0", phase="Pending") | {"spec": {"volumes": volumes}}
    meta = {"name": "artifacts", "namespace": waits["metadata"]["namespace"]}
    claim = {"metadata": meta, "spec": {}, "status": {"phase": "Pending"}}
    troubles = pods.troubles([pod("feast-0", waiting("ContainerCreating")), waits], [claim])
    verdict = diagnosis.diagnose(lab("Provisioning", conditions=[STARTING]), troubles)
    assert (verdict.reason, verdict.object) == ("VolumePending", pods.worst_pod(troubles).where)
    assert "PersistentVolumeClaim artifacts (StorageClass none)" in verdict.message
    assert "provisioner" in verdict.remedy


@pytest.mark.parametrize(
    ("message", "involved"),
    [
        ("Job seed-models: it failed (and 2 more)", "Job seed-models"),
        ("held by ConfigMap lab-ada-1/held (example.org/hold)", "ConfigMap lab-ada-1/held"),
        ("something else: entirely", "LabEnvironment mlops-autumn/ada"),
    ],
)
def test_the_message_names_the_object_where_no_pod_does(message: str, involved: str) -> None:
    failed = condition("ComponentsReady", "False", "JobFailed", message=message)
    assert diagnosis.diagnose(lab("Failed", conditions=[failed])).object == involved


def test_a_missing_template_is_the_object() -> None:
    body = lab("Failed", conditions=[condition("Accepted", "False", "TemplateNotFound")])
    assert diagnosis.diagnose(body).object == "LabTemplate mod-506"


def test_the_explanation_reads_from_answer_to_evidence() -> None:
    troubles = pods.troubles([pod("mlflow-0", CRASHED)])
    trouble = replace(troubles[0], log="Traceback\nMemoryError")
    event = {
        "metadata": {},
        "type": "Warning",
        "reason": "BackOff",
        "message": "Back-off restarting\ncontainer",
        "count": 3,
        "lastTimestamp": "2026-11-21T12:09:00Z",
        "involvedObject": {"kind": "Pod", "name": "mlflow-0"},
    }
    evidence = explain.Evidence([event], [trouble], ["Events in namespace mlops-autumn"])
    verdict = diagnosis.diagnose(lab("Provisioning", conditions=[STARTING]), [trouble])
    said = explain.lines("ada", verdict, evidence, NOW)
    assert said[0] == "ada is not ready: ComponentsReady is not true (CrashLooping)"
    assert "    | MemoryError" in said
    assert "  1m ago  Warning  BackOff  Pod mlflow-0: Back-off restarting container (x3)" in said
    assert said[-1] == "you may not read: Events in namespace mlops-autumn"


@pytest.mark.parametrize(
    "fields",
    [
        {
            "series": {"lastObservedTime": "2026-11-21T12:09:00Z"},
            "eventTime": "2026-11-21T11:00:00Z",
        },
        {"lastTimestamp": "2026-11-21T12:09:00Z"},
        {"eventTime": "2026-11-21T12:09:00Z", "lastTimestamp": None},
        {"metadata": {"creationTimestamp": "2026-11-21T12:09:00Z"}},
    ],
)
def test_an_event_has_a_time_in_one_of_four_places(fields: dict[str, Any]) -> None:
    assert diagnosis.event_time({"metadata": {}} | fields) == "2026-11-21T12:09:00Z"


REASONS = (
    "TemplateNotFound TemplateInvalid TTLAboveMaximum SizeUnknown ParametersInvalid "
    "CourseNotEnabled NamespaceTaken NamespaceLost WaitingForQuota ComponentsStarting JobFailed "
    "CrashLooping ImagePullFailed NoServerAddress TokenLifeTooShort NoLearner Suspended "
    "AccessRevoked "
    "DeletionBlocked ClockSkew ApiError Expired"
)


@pytest.mark.parametrize("reason", REASONS.split())
def test_every_reason_of_the_operator_has_a_remedy(reason: str) -> None:
    assert remedies.remedy(reason, "ada") != remedies.OTHERWISE


def test_a_remedy_names_the_lab() -> None:
    assert remedies.remedy("Suspended", "ada").startswith("practicum resume ada")
    assert remedies.remedy("SomethingNew", "ada") == remedies.OTHERWISE
