"""Prometheus metrics; every label has few values, none of them a learner's or a lab's name."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600)

LABS = Gauge("practicum_labs", "LabEnvironments by phase.", ["phase"])
RECONCILES = Counter("practicum_reconcile_total", "Passes over a lab.", ["result"])
RECONCILE_SECONDS = Histogram(
    "practicum_reconcile_duration_seconds", "Duration of one pass over a lab.", buckets=_SECONDS
)
JOB_FAILURES = Counter(
    "practicum_job_failures_total", "Turns of a periodic job of the operator that failed.", ["job"]
)
STEP_SECONDS = Histogram(
    "practicum_provision_duration_seconds",
    "From the creation of a LabEnvironment to a condition's first True.",
    ["condition"],
    buckets=_SECONDS,
)
DELETE_SECONDS = Histogram(
    "practicum_delete_duration_seconds", "From a lab's end to nothing left.", buckets=_SECONDS
)
APPLIES = Counter("practicum_applies_total", "Objects written.", ["kind"])
DRIFT_REPAIRS = Counter("practicum_drift_repairs_total", "Objects put right again.", ["kind"])
TOKENS = Counter("practicum_tokens_minted_total", "ServiceAccount tokens minted.")
DELETION_BLOCKED = Gauge(
    "practicum_deletion_blocked_labs", "Labs whose namespaces will not go for now."
)
ORPHANS = Gauge("practicum_orphan_namespaces", "Lab namespaces without a LabEnvironment.")
SWEPT = Counter("practicum_orphan_namespaces_deleted_total", "Orphan namespaces deleted.")
SWEEP_HALTED = Gauge("practicum_sweep_halted", "1 while the sweep refuses: too many orphans.")
CLOCK_SKEW = Gauge("practicum_clock_skew_seconds", "The API server's clock minus ours.")
NETWORK_POLICY = Gauge(
    "practicum_network_policy_enforced",
    "1 where the cluster enforces NetworkPolicy, 0 where it does not, NaN where that is not known.",
)
NETWORK_POLICY.set(float("nan"))
CHANGES = Counter(
    "practicum_change_transitions_total", "Transitions of ChangeRequests.", ["action", "state"]
)
CHANGE_SECONDS = Histogram(
    "practicum_change_lead_time_seconds",
    "From the creation of a ChangeRequest to the end of its execution.",
    ["action"],
    buckets=(1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600),
)
SERVED_SECONDS = Histogram(
    "practicum_change_served_seconds",
    "From the execution of a change to its version in the lab's traffic.",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300),
)
VETTING_SECONDS = Histogram(
    "practicum_policy_vetting_seconds",
    "Duration of one vetting of a lab's policies, with the wait for a compiler.",
    ["result"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
ALIASES_REVERTED = Counter(
    "practicum_aliases_reverted_total", "Aliases put back that somebody else had moved."
)
AUDIT_RECORDS = Counter("practicum_audit_records_total", "Records written to audit logs.", ["type"])
AUDIT_BROKEN = Counter(
    "practicum_audit_broken_total", "Findings of an audit log that is not as it was written."
)
CHECKS = Counter("practicum_checks_total", "Looks at checks.", ["kind", "state"])
CHECK_SECONDS = Histogram(
    "practicum_check_duration_seconds",
    "Duration of one look at a check.",
    ["kind"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120),
)
COURSE_COST = Gauge(
    "practicum_course_cost", "What a course's labs have cost, by the rate card.", ["course"]
)
IDLE_SUSPENSIONS = Counter(
    "practicum_idle_suspensions_total", "Labs suspended because nobody used them."
)
LEADER = Gauge("practicum_leader", "1 while this replica holds the lease.")
