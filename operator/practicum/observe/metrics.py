"""Prometheus metrics; every label has few values, none of them a learner's or a lab's name.

No label is called as those that a scrape adds (``job``, ``namespace``, ``pod``): they are renamed.
"""

from prometheus_client import Counter, Gauge, Histogram, Info

_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600)
_WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

BUILD = Info("practicum_build", "What runs.")
LABS = Gauge(
    "practicum_labs",
    "LabEnvironments by phase and template; other: a course's own template.",
    ["phase", "template"],
)
QUEUED = Gauge(
    "practicum_queued_labs",
    "Labs without room: those that may not begin yet, and those whose pods no node takes.",
    ["lacks"],
)
RECONCILES = Counter("practicum_reconcile_total", "Passes over a lab.", ["runner", "result"])
RECONCILE_SECONDS = Histogram(
    "practicum_reconcile_duration_seconds",
    "Duration of one pass over a lab.",
    ["runner"],
    buckets=_SECONDS,
)
QUEUE_DEPTH = Gauge("practicum_queue_depth", "Labs that wait for their pass.", ["runner"])
QUEUE_SECONDS = Histogram(
    "practicum_queue_wait_seconds",
    "From the wake of a lab to the begin of its pass.",
    ["runner"],
    buckets=_WAITS,
)
LOOP_LAG = Histogram(
    "practicum_event_loop_lag_seconds",
    "How much later than asked for the event loop came back to a timer.",
    buckets=_WAITS,
)
TASK_FAILURES = Counter(
    "practicum_task_failures_total",
    "Turns of a periodic task of the operator that failed.",
    ["task"],
)
STEP_SECONDS = Histogram(
    "practicum_provision_duration_seconds",
    "From the creation of a LabEnvironment to a condition's first True.",
    ["condition"],
    buckets=_SECONDS,
)
PROVISION_FAILURES = Counter(
    "practicum_provision_failures_total", "Labs that failed before they were ever ready."
)
DELETE_SECONDS = Histogram(
    "practicum_delete_duration_seconds",
    "From a lab's end until all access is revoked, and until everything is gone.",
    ["step"],
    buckets=_SECONDS,
)
APPLIES = Counter("practicum_applies_total", "Objects written.", ["kind"])
DRIFT_REPAIRS = Counter("practicum_drift_repairs_total", "Objects put right again.", ["kind"])
TOKENS = Counter(
    "practicum_tokens_minted_total",
    "ServiceAccount tokens minted: for new labs, before the old ones end, or since access changed.",
    ["cause"],
)
TOKEN_FAILURES = Counter("practicum_token_mint_failures_total", "Mintings that failed.")
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
API_SECONDS = Histogram(
    "practicum_api_request_duration_seconds",
    "Duration of one request to the API server, or of opening one watch.",
    ["verb"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
API_REQUESTS = Counter(
    "practicum_api_requests_total",
    "Answers of the API server by class of status code; none: it did not answer.",
    ["verb", "code"],
)
API_THROTTLED = Counter(
    "practicum_api_throttled_total", "Requests that the API server put off with 429."
)
WATCH_RESTARTS = Counter(
    "practicum_watch_restarts_total", "Watches that broke and began with a listing anew.", ["kind"]
)
ARCHIVES = Counter(
    "practicum_archives_total", "Attempts at archives of labs, and archives removed.", ["result"]
)
ARCHIVES_FAILING = Gauge(
    "practicum_archives_failing_labs", "Ended labs that are kept, for their archive fails."
)
ARCHIVE_SECONDS = Histogram(
    "practicum_archive_duration_seconds",
    "From a lab's end to its verified archive.",
    buckets=(*_SECONDS, 1800, 3600),
)
ARCHIVE_BYTES = Histogram(
    "practicum_archive_size_bytes",
    "Size of an archive.",
    buckets=tuple(2.0**power for power in range(16, 37, 2)),
)
RESTORES = Counter("practicum_restores_total", "Attempts at bringing a lab back.", ["result"])
LEADER = Gauge("practicum_leader", "1 while this replica holds the lease.")


def api_answered(verb: str, status: int, seconds: float) -> None:
    """Count one answer of the API server; a status of 0 is none."""
    API_REQUESTS.labels(verb, f"{status // 100}xx" if status else "none").inc()
    API_SECONDS.labels(verb).observe(seconds)
    if status == 429:
        API_THROTTLED.inc()


def watch_restarted(kind: str) -> None:
    """Count a watch that broke."""
    WATCH_RESTARTS.labels(kind).inc()
