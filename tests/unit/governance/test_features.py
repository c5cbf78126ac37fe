"""Features are read the same on both sides, and an approval is one of what they consist of."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from practicum.api.change import ChangeRequest
from practicum.api.governing import Changes
from practicum.errors import ServiceError
from practicum.governance.evidence import Unfounded
from practicum.governance.executors import Executor, Pending
from practicum.governance.features import STAMP, Features, definition, sensible
from practicum.governance.http import Answer
from practicum.governance.ledger import Ledger
from tests.lab_services import APPROVALS, FEAST_ANSWERS, Feast

Object = dict[str, Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SERVICES = ["fraud_v0", "fraud_v1"]
EVIDENCE = "e" * 64
BASELINE = "monitoring/metrics/baseline?project=lab&feature_view_name="
VIEW = "application_behaviour"


class Backend:
    """Feast as it answered, with changes."""

    def __init__(self) -> None:
        self.answers: Any = copy.deepcopy(FEAST_ANSWERS)
        self.status = 200
        self.monitoring = 200

    async def feast(self, path: str) -> Answer:
        if self.status != 200:
            return Answer(self.status, None)
        if path.startswith("monitoring/"):
            view = path.removeprefix(BASELINE)
            return Answer(self.monitoring, self.answers["baselines"].get(view, []))
        kind, _, name = path.removesuffix("?project=lab").partition("/")
        found = self.answers[kind].get(name)
        return Answer(200 if found else 404, found)

    def spec(self, kind: str, name: str) -> Any:
        return self.answers[kind][name]["spec"]


def features(backend: Backend) -> Features:
    anything: Any = backend
    return Features(anything, "lab")


async def digest(backend: Backend, name: str = "fraud_v1") -> str:
    facts = await features(backend).service(name)
    assert facts is not None
    return definition(facts)


@pytest.mark.parametrize("name", SERVICES)
async def test_the_job_computes_the_same(name: str) -> None:
    backend = Backend()
    views = {name: one["spec"] for name, one in backend.answers["feature_views"].items()}
    spec = backend.spec("feature_services", name)
    assert await digest(backend, name) == APPROVALS.definition("lab", spec, views)
    assert set(APPROVALS.STAMP) == STAMP


async def test_the_facts_are_what_people_and_policy_look_at() -> None:
    facts = await features(Backend()).service("fraud_v0")
    assert facts is not None
    identity, behaviour = facts["views"]
    assert (identity["name"], identity["ttl_seconds"]) == ("applicant_identity", 604800.0)
    assert identity["source"]["fileOptions"]["uri"] == "/data/applicant_identity.parquet"
    assert identity["entities"] == ["applicant"]
    assert [one["tags"] for one in identity["fields"]] == [{"pii": "direct"}]
    assert [one["type"] for one in behaviour["fields"]] == ["INT64", "DOUBLE", "INT64"]
    assert facts["owner"] == "credit-data@example.org"


async def monitoring(backend: Backend) -> Any:
    facts = await features(backend).service("fraud_v1")
    assert facts is not None
    return facts["views"][0]["monitoring"]


async def test_what_is_measured_of_the_values_a_service_has() -> None:
    backend = Backend()
    rows = {one["feature_name"]: one for one in backend.answers["baselines"][VIEW]}
    rows["payment_delay_days"]["max_event_timestamp"] = "2026-11-21T11:00:00+00:00"
    rows["utilisation_90d"]["max_event_timestamp"] = None
    found = await monitoring(backend)
    assert found["max_event_timestamp"] == max(
        str(one["max_event_timestamp"] or "") for one in rows.values()
    )
    assert found["features"].keys() == rows.keys()
    assert found["features"]["payment_delay_days"] == {
        key: rows["payment_delay_days"][key] for key in ("row_count", "null_rate", "mean", "stddev")
    }
    # A column that the service does not have is none of its business.
    columns = backend.spec("feature_services", "fraud_v1")["features"][0]["featureColumns"]
    columns[:] = [one for one in columns if one["name"] == "utilisation_90d"]
    assert (await monitoring(backend))["features"].keys() == {"utilisation_90d"}


async def test_what_nobody_measures_is_not_made_up() -> None:
    backend = Backend()
    backend.monitoring = 503
    assert await monitoring(backend) is None
    backend.monitoring = 200
    backend.answers["baselines"][VIEW] = []
    assert await monitoring(backend) is None
    backend.monitoring = 500
    with pytest.raises(ServiceError, match="500"):
        await monitoring(backend)


async def test_new_values_are_no_new_definition() -> None:
    backend = Backend()
    before = await digest(backend)
    backend.answers["baselines"][VIEW] = []
    assert await digest(backend) == before


async def test_an_approval_does_not_change_what_it_approves() -> None:
    backend = Backend()
    before = await digest(backend)
    backend.spec("feature_services", "fraud_v1")["tags"] |= dict.fromkeys(STAMP, "x")
    assert await digest(backend) == before


CHANGES: list[Callable[[Object, Object], object]] = [
    lambda service, view: service["tags"].update(consumer_class="restricted"),
    lambda service, view: service.update(owner="somebody@example.org"),
    lambda service, view: service["features"][0]["featureColumns"].pop(),
    lambda service, view: view.update(ttl="60s"),
    lambda service, view: view["tags"].update(freshness_slo="1h"),
    lambda service, view: view["features"][0]["tags"].update(pii="direct"),
    lambda service, view: view["features"][0].update(valueType="STRING"),
    lambda service, view: view["batchSource"]["fileOptions"].update(uri="/elsewhere"),
    lambda service, view: view["entities"].append("another"),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_any_other_change_does(change: Callable[[Object, Object], object]) -> None:
    backend = Backend()
    before = await digest(backend)
    service = backend.spec("feature_services", "fraud_v1")
    change(service, backend.spec("feature_views", "application_behaviour"))
    assert await digest(backend) != before


async def test_what_is_not_there_is_not_there() -> None:
    backend = Backend()
    assert await features(backend).service("nobody") is None
    del backend.answers["feature_views"]["application_behaviour"]
    assert await features(backend).service("fraud_v1") is None


async def test_a_registry_that_fails_is_no_answer() -> None:
    backend = Backend()
    backend.status = 500
    with pytest.raises(ServiceError, match="500"):
        await features(backend).service("fraud_v1")
    with pytest.raises(ServiceError, match="unexpected"), sensible():
        raise KeyError("spec")


def approved(digest: str, age: timedelta = timedelta(0)) -> ChangeRequest:
    """Return a request that was approved some time ago."""
    decided = (NOW - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {
        "state": "Approved",
        "evidence": {"digest": EVIDENCE, "gatheredAt": decided, "document": "{}"},
        "decision": {"allow": True, "decidedAt": decided},
        "outcome": {"name": "fraud_v1", "after": "approved", "definition": digest},
    }
    spec = {
        "action": "ApproveFeatures",
        "target": {"name": "fraud_v1"},
        "requester": "ds",
        "reason": "because",
    }
    body = {"metadata": {"name": "approve-v1", "uid": "u"}, "spec": spec, "status": status}
    return ChangeRequest.model_validate(body)


def executor(backend: Backend) -> Executor:
    anything: Any = backend
    return Executor(anything, Changes(), Ledger(), anything, lambda: NOW)


async def test_the_registry_has_to_show_this_very_approval() -> None:
    backend = Backend()
    request = approved(await digest(backend))
    with pytest.raises(Pending, match=r"waits for Job feast-apply to show .* registry$"):
        await executor(backend).execute(request)
    tags = backend.spec("feature_services", "fraud_v1")["tags"]
    # One of an earlier request of that name.
    tags |= {"approval_id": "approve-v1", "evidence_digest": "0" * 64}
    with pytest.raises(Pending):
        await executor(backend).execute(request)
    tags["evidence_digest"] = EVIDENCE
    assert await executor(backend).execute(request) == request.status.outcome


async def test_after_a_while_it_says_where_to_look() -> None:
    backend = Backend()
    request = approved(await digest(backend), timedelta(minutes=4))
    with pytest.raises(Pending, match=r"for over 3m now: the log of its pod"):
        await executor(backend).execute(request)


async def test_what_is_not_what_was_approved_is_not_carried_out() -> None:
    backend = Backend()
    with pytest.raises(Unfounded, match="not what was approved"):
        await executor(backend).execute(approved("0" * 64))
    request = approved(await digest(backend))
    del backend.answers["feature_services"]["fraud_v1"]
    with pytest.raises(Unfounded):
        await executor(backend).execute(request)


def approval(service: str, definition: str, request: str = "first") -> Object:
    return {
        "service": service,
        "request": request,
        "approvedBy": "ml,risk",
        "approvedAt": "2026-11-21T12:00:00Z",
        "evidenceDigest": EVIDENCE,
        "definition": definition,
    }


async def test_the_job_marks_what_was_approved_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    feast, backend = Feast(), Backend()
    others = {name: dict(one["tags"]) for name, one in feast.services.items()}
    feast.apply([approval("fraud_v1", await digest(backend))])
    tags = feast.services["fraud_v1"]["tags"]
    assert (tags["approval_id"], tags["evidence_digest"]) == ("first", EVIDENCE)
    assert tags["consumer_class"] == "internal"
    assert feast.services["fraud_v0"]["tags"] == others["fraud_v0"]

    feast.views["application_behaviour"]["description"] = "changed"
    feast.apply([approval("fraud_v1", await digest(backend)), approval("gone", "0" * 64)])
    assert feast.services["fraud_v1"]["tags"] == others["fraud_v1"]
    said = capsys.readouterr().out
    assert "fraud_v1 is not what request first approved" in said
    assert "gone, approved by request first, is not defined any more" in said

    del feast.views["application_behaviour"]
    feast.apply([approval("fraud_v1", await digest(backend))])
    assert "one without view 'application_behaviour'" in capsys.readouterr().out
