"""Every request that Practicum sends for a lab or a change, and why it sends it."""

from collections import Counter
from typing import Any

from .audit import Call, Counted

REASONS = {
    "get labtemplates": "the template as it is now; labs that begin together share the answer",
    "create controllerrevisions": "freezes the template; once for each new content",
    "patch labenvironments": "the finalizer, before anything exists that it must outlive",
    "create namespaces": "claims the namespace: made or refused, never adopted",
    "patch rolebindings": "the operator's right in this namespace; the learner's access in the "
    "lab; the learner's view of the own lab in the course",
    "patch resourcequotas": "object counts and storage; running pods; jobs",
    "patch limitranges": "defaults for containers that ask for nothing",
    "patch networkpolicies": "deny all; DNS; within the namespace",
    "patch serviceaccounts": "default, without a token, before Kubernetes makes it; the learner's",
    "patch roles": "the own lab and the own credentials, by name",
    "create serviceaccounts/token": "the learner's token",
    "patch secrets": "the credentials",
    "patch labenvironments/status": "the status: once, when all is in force",
    "get pods": "where a service of the lab is; once a pass for each that is asked",
    "create configmaps": "the first record of a lab's audit log, and of each further segment",
    "patch configmaps": "one record of the audit log",
    "patch changerequests/status": "what became of a request",
    "create events": "the news: one Event for steps taken at once",
    "update leases": "leader election, every two seconds, whatever the labs",
    "get leases": "leader election: read again after somebody else wrote",
}


def shares(counted: Counted, n: int) -> dict[str, dict[str, float]]:
    """Return the requests for each of n by what they are."""

    def each(calls: Counter[Call]) -> dict[str, float]:
        return {str(call): round(count / n, 3) for call, count in calls.most_common()}

    return {"operator": each(counted.operator), "controllers": each(counted.controllers)}


def table(of: str, ledger: dict[str, Any]) -> str:
    """Write the operator's ledger for people."""
    lines = [f"requests each: {of}"]
    for call, count in ledger["operator"].items():
        lines.append(f"  {count:7.2f}  {call:<34} {REASONS.get(call, '')}")
    return "\n".join(lines)
