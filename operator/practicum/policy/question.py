"""What a lab's policy is asked: the input of a decision, made of evidence and of who is who.

The schema is that of ``lab-templates/*/policies``: a policy sees personas, never usernames, and
``personas`` says who each of them is.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from practicum.api.canonical import canonical
from practicum.api.change import Action
from practicum.api.times import parse_duration, parse_rfc3339, rfc3339
from practicum.policy.floor import Actor

ASK: Final = "request"
"""Action under which a request is judged before anybody is asked to approve it."""
_VERBS: Final = {
    Action.PROMOTE_MODEL: "promote",
    Action.ROLLBACK_MODEL: "rollback",
    Action.APPROVE_FEATURES: "approve_features",
    Action.RELEASE_POLICY: "release_policy",
}


@dataclass(frozen=True)
class Matter:
    """One request as it stands when policy is asked."""

    name: str
    action: Action
    requester: Actor
    approvers: tuple[Actor, ...]
    """Those whose approvals count."""
    facts: Mapping[str, Any]
    """The evidence."""
    digest: str
    """The evidence's digest."""


def question(
    matter: Matter, personas: Iterable[Actor], now: datetime, *, asking: bool
) -> dict[str, Any]:
    """Return the input.

    Args:
        matter: the request.
        personas: everybody who has a role in the lab.
        now: the moment of the decision.
        asking: before approvals are collected.
    """
    about = _about(matter, now)
    seen = about["model"]["digest"] if "model" in about else matter.digest
    return {
        "action": ASK if asking else _VERBS[matter.action],
        "now": rfc3339(now),
        "actor": {"user": matter.requester.persona, "roles": [matter.requester.role]},
        "request": {
            "id": matter.name,
            "requester": matter.requester.persona,
            "state": "Draft" if asking else "Approved",
        },
        "approvals": [
            {"user": one.persona, "role": one.role, "digest": seen} for one in matter.approvers
        ],
        "break_glass": None,
        "personas": [
            {
                "user": one.persona,
                "kubernetes": one.username,
                "role": one.role,
                "person": one.person,
                "simulated": one.simulated,
            }
            for one in personas
        ],
        "evidence_digest": matter.digest,
        **about,
    }


def evaluated_digest(metrics: Mapping[str, float], artifact: str) -> str:
    """Return the digest over metrics and model that an evaluation leaves as ``evaluated_digest``.

    Args:
        metrics: of the run.
        artifact: SHA-256 of the model's artifact, hexadecimal.
    """
    document = canonical({"metrics": dict(metrics), "model": artifact})
    return "sha256:" + hashlib.sha256(document.encode()).hexdigest()


def _about(matter: Matter, now: datetime) -> dict[str, Any]:
    if matter.action is Action.RELEASE_POLICY:
        return {"policy": matter.facts["policy"], "current": matter.facts["current"]}
    if matter.action is Action.APPROVE_FEATURES:
        return _of_features(matter)
    return _of_model(matter, now)


def _of_features(matter: Matter) -> dict[str, Any]:
    return {"features": matter.facts["features"]}


def _of_model(matter: Matter, now: datetime) -> dict[str, Any]:
    model, run = matter.facts["model"], matter.facts["run"]
    tags = model["tags"]
    features = matter.facts.get("features") or {}
    return {
        "model": {
            "name": model["name"],
            "version": model["version"],
            "tier": model["tier"],
            "author": model["author"],
            "digest": tags.get("evaluated_digest", ""),
            "approved_before": model["approved_before"],
        },
        "current": matter.facts["current"],
        "evidence": {
            "run_id": model["run_id"],
            "age_days": _age_days(tags.get("evaluated_at", ""), now),
            "digest": evaluated_digest(run["metrics"], model["artifact"]),
            "git_commit": run["git_commit"],
            "dataset_digest": next((one["digest"] for one in run["datasets"]), ""),
            "metrics": run["metrics"],
        },
        "lineage": {
            "feature_service": features.get("service", ""),
            "features_approved": features.get("tags", {}).get("status") == "approved",
            "freshness_ok": _fresh(features.get("views", []), now),
        },
    }


def _fresh(views: Sequence[Mapping[str, Any]], now: datetime) -> bool | None:
    """Return whether each view has values as new as its tag ``freshness_slo`` or its ttl says.

    None where nobody can tell: a view whose values are not measured, or no view at all.
    """
    try:
        return all([now - _newest(view) <= _promised(view) for view in views]) if views else None
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return None


def _newest(view: Mapping[str, Any]) -> datetime:
    return parse_rfc3339(view["monitoring"]["max_event_timestamp"])


def _promised(view: Mapping[str, Any]) -> timedelta:
    promised = view["tags"].get("freshness_slo")
    return parse_duration(promised) if promised else timedelta(seconds=view["ttl_seconds"])


def _age_days(evaluated_at: str, now: datetime) -> float | None:
    """Return how old an evaluation is; None where nobody can tell."""
    try:
        return round((now - parse_rfc3339(evaluated_at)).total_seconds() / 86400, 2)
    except ValueError:
        return None
