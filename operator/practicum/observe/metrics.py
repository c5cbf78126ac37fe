"""Prometheus metrics; every label has few values, none of them a learner's or a lab's name."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600)

LABS = Gauge("practicum_labs", "LabEnvironments by phase.", ["phase"])
RECONCILES = Counter("practicum_reconcile_total", "Passes over a lab.", ["result"])
RECONCILE_SECONDS = Histogram(
    "practicum_reconcile_duration_seconds", "Duration of one pass over a lab.", buckets=_SECONDS
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
LEADER = Gauge("practicum_leader", "1 while this replica holds the lease.")
