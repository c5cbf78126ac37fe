"""For each alert a scenario in which it fires, what it says then, and one in which it does not."""

from dataclasses import dataclass, field

Series = dict[str, str]
"""Samples every 30 s, in promtool's notation, by series."""
HOUR, FAR = 120, 1440
"""Samples in one hour, and in twelve."""


@dataclass(frozen=True)
class Case:
    """One alert of one severity."""

    alert: str
    severity: str
    at: str
    """When, from the first sample on."""

    fires: Series
    quiet: Series
    """What is different where it does not fire; empty values: no such series."""

    says: str
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The case's own name."""
        return f"{self.alert}-{self.severity}"


def ready(count: str, fast: str, failed: str = f"0x{FAR}") -> Series:
    """Return labs that became Ready, those within 120 s, and those that failed."""
    seconds = "practicum_provision_duration_seconds"
    return {
        f'{seconds}_count{{condition="Ready"}}': count,
        f'{seconds}_bucket{{condition="Ready",le="120.0"}}': fast,
        "practicum_provision_failures_total": failed,
    }


def gone(step: str, le: str, count: str, fast: str) -> Series:
    """Return ended labs that took a step, and those that took it in time."""
    seconds = "practicum_delete_duration_seconds"
    return {
        f'{seconds}_count{{step="{step}"}}': count,
        f'{seconds}_bucket{{step="{step}",le="{le}"}}': fast,
    }


def passes(ok: str, error: str) -> Series:
    """Return passes over labs by result."""
    total = "practicum_reconcile_total"
    return {
        f'{total}{{runner="labs",result="ok"}}': ok,
        f'{total}{{runner="labs",result="error"}}': error,
    }


def labs(**phases: str) -> Series:
    """Return labs by phase."""
    return {
        f'practicum_labs{{phase="{phase}",template="mod-506"}}': values
        for phase, values in phases.items()
    }


def waits(metric: str, below: str, all_of_them: str, le: str, **labels: str) -> Series:
    """Return a histogram of waits with one bucket and the last one."""
    names = "".join(f',{name}="{value}"' for name, value in labels.items())
    return {
        f'practicum_{metric}_bucket{{le="{le}"{names}}}': below,
        f'practicum_{metric}_bucket{{le="30.0"{names}}}': all_of_them,
        f'practicum_{metric}_bucket{{le="+Inf"{names}}}': all_of_them,
    }


NO_QUEUE = {'practicum_queued_labs{lacks="place"}': f"0x{FAR}"}
QUEUE = {'practicum_queued_labs{lacks="place"}': f"3x{FAR}"}

CASES = (
    Case(
        "PracticumDown",
        "critical",
        "12m",
        {'practicum_build_info{version="0.1.0"}': "1x10 stale"},
        {'practicum_build_info{version="0.1.0"}': f"1x{HOUR}"},
        "No replica of the operator has been scraped for 5 minutes. Labs are not built, repaired "
        "or ended.",
    ),
    Case(
        "PracticumNoLeader",
        "critical",
        "5m",
        {
            'practicum_leader{pod="a"}': f"0x{HOUR}",
            'practicum_leader{pod="b"}': f"1x2 0x{HOUR}",
        },
        {'practicum_leader{pod="b"}': f"1x{HOUR}"},
        "Replicas run, but none has held the lease for 2 minutes. Labs are not built, repaired or "
        "ended.",
    ),
    Case(
        "PracticumPassesFailing",
        "critical",
        "1h10m",
        passes(f"0+95x{FAR}", f"0+5x{FAR}"),
        passes(f"0+995x{FAR}", f"0+1x{FAR}"),
        "5% of the passes of the last hour ended in an error; the objective is 0.1 %.",
    ),
    Case(
        "PracticumPassesFailing",
        "warning",
        "7h",
        passes(f"0+99x{FAR}", f"0+1x{FAR}"),
        # A single lab of a small class, an hour long.
        passes(f"0+2x{FAR}", f"0x700 0+1x20 20x{FAR}"),
        "1% of the passes of the last 6 hours ended in an error; the objective is 0.1 %.",
    ),
    Case(
        "PracticumPassesLate",
        "warning",
        "30m",
        waits("queue_wait_seconds", f"0+8x{FAR}", f"0+10x{FAR}", "10.0", runner="labs"),
        waits("queue_wait_seconds", f"0+10x{FAR}", f"0+10x{FAR}", "10.0", runner="labs"),
        "One in twenty passes of runner labs began 25s or more after the lab was woken.",
        {"runner": "labs"},
    ),
    Case(
        "PracticumEventLoopLag",
        "warning",
        "30m",
        waits("event_loop_lag_seconds", f"0+8x{FAR}", f"0+10x{FAR}", "1.0"),
        waits("event_loop_lag_seconds", f"0+10x{FAR}", f"0+10x{FAR}", "1.0"),
        "One in twenty timers came 22.75s or more late: the operator lacks CPU, or something "
        "blocks it.",
    ),
    Case(
        "PracticumTaskFailing",
        "warning",
        "30m",
        {'practicum_task_failures_total{task="sweep"}': f"0x10 0+1x{HOUR}"},
        {'practicum_task_failures_total{task="sweep"}': f"0x10 2x{HOUR}"},
        "Task sweep failed 30 times in 15 minutes.",
        {"task": "sweep"},
    ),
    Case(
        "PracticumWatchesBreaking",
        "warning",
        "30m",
        {'practicum_watch_restarts_total{kind="Pod"}': f"0+1x{HOUR}"},
        {'practicum_watch_restarts_total{kind="Pod"}': f"0x10 4x{HOUR}"},
        "The watch of Pod began anew 30 times in 15 minutes; changes of labs are seen late.",
        {"kind": "Pod"},
    ),
    Case(
        "PracticumApiThrottled",
        "warning",
        "20m",
        {"practicum_api_throttled_total": f"0+60x{HOUR}"},
        {"practicum_api_throttled_total": f"0+6x{HOUR}"},
        "2 requests a second of the operator are answered with 429.",
    ),
    Case(
        "PracticumClockSkew",
        "critical",
        "10m",
        {"practicum_clock_skew_seconds": f"-90x{HOUR}"},
        {"practicum_clock_skew_seconds": f"-30x{HOUR}"},
        "They differ by 1m 30s. While it is more than a minute, no lab expires and no orphan is "
        "swept.",
    ),
    Case(
        "PracticumProvisionBudgetBurn",
        "critical",
        "1h10m",
        NO_QUEUE | ready(f"0+1x{FAR}", f"0+0.5x{FAR}", f"0+1x{FAR}"),
        ready(f"0+2x{FAR}", f"0+2x{FAR}", f"0x{FAR}"),
        "75% of the labs of the last hour were not Ready within 120 s; the objective is 1 %.",
    ),
    Case(
        "PracticumProvisionBudgetBurn",
        "warning",
        "7h",
        NO_QUEUE | ready(f"0+10x{FAR}", f"0+9x{FAR}"),
        # They waited for room, which is no fault of the operator's.
        QUEUE,
        "10% of the labs of the last 6 hours were not Ready within 120 s; the objective is 1 %.",
    ),
    Case(
        "PracticumAvailabilityBudgetBurn",
        "critical",
        "1h10m",
        labs(Ready=f"9x{FAR}", Degraded=f"1x{FAR}"),
        # It is over, and the last minutes say so.
        labs(Ready=f"9x115 10x{FAR}", Degraded=f"1x115 0x{FAR}"),
        "10% of the labs in use were Degraded over the last hour; the objective is 0.5 %.",
    ),
    Case(
        "PracticumAvailabilityBudgetBurn",
        "warning",
        "7h",
        labs(Ready=f"95x{FAR}", Degraded=f"5x{FAR}"),
        labs(Ready=f"98x{FAR}", Degraded=f"2x{FAR}"),
        "5% of the labs in use were Degraded over the last 6 hours; the objective is 0.5 %.",
    ),
    Case(
        "PracticumLabsStuckProvisioning",
        "warning",
        "45m",
        labs(Provisioning=f"4x{FAR}") | ready(f"7x{FAR}", f"7x{FAR}"),
        ready(f"7+1x{FAR}", f"7+1x{FAR}"),
        "4 labs are Provisioning, and for half an hour none became Ready.",
    ),
    Case(
        "PracticumLabsFailed",
        "warning",
        "31m",
        {"practicum_provision_failures_total": f"2x20 4x{HOUR}"},
        {"practicum_provision_failures_total": f"2x{HOUR}"},
        "2 labs failed in the last 30 minutes before they were ever Ready.",
    ),
    Case(
        "PracticumLabsQueued",
        "info",
        "40m",
        QUEUE,
        {'practicum_queued_labs{lacks="place"}': f"3x30 0x{HOUR}"},
        "3 labs have waited for a place for 30 minutes or more.",
        {"lacks": "place"},
    ),
    Case(
        "PracticumTokenMintFailures",
        "critical",
        "10m",
        {"practicum_token_mint_failures_total": f"0x5 0+1x{HOUR}"},
        {"practicum_token_mint_failures_total": f"0x5 1x{HOUR}"},
        "14 mintings failed in 10 minutes; new labs stay closed, and old tokens end within a day.",
    ),
    Case(
        "PracticumNetworkPolicyNotEnforced",
        "critical",
        "10m",
        {"practicum_network_policy_enforced": f"0x{HOUR}"},
        # A cluster of which that is not known.
        {"practicum_network_policy_enforced": " ".join(["NaN"] * 30)},
        "The operator's probe reached a pod that a NetworkPolicy closes. Labs are not kept apart "
        "on the network.",
    ),
    Case(
        "PracticumAuditLogBroken",
        "critical",
        "10m",
        {"practicum_audit_broken_total": f"0x10 1x{HOUR}"},
        {"practicum_audit_broken_total": f"1x{HOUR}"},
        "A log was altered or shortened. No change of its lab is decided until that is cleared up.",
    ),
    Case(
        "PracticumChecksBroken",
        "warning",
        "1h",
        {
            'practicum_checks_total{kind="http",state="pass"}': f"0+1x{FAR}",
            'practicum_checks_total{kind="http",state="error"}': f"0+1x{FAR}",
        },
        # Learners who fail are no fault of the check's.
        {
            'practicum_checks_total{kind="http",state="fail"}': f"0+9x{FAR}",
            'practicum_checks_total{kind="http",state="error"}': f"0x{FAR}",
        },
        "50% of the looks at checks of kind http ended in an error that is not the learner's.",
        {"kind": "http"},
    ),
    Case(
        "PracticumAccessRevokedLate",
        "critical",
        "20m",
        gone("revoked", "60.0", f"9x10 12x{HOUR}", f"9x10 10x{HOUR}"),
        gone("revoked", "60.0", f"9x10 12x{HOUR}", f"9x10 12x{HOUR}"),
        "2 labs of the last 30 minutes were closed more than 60 s after their end.",
    ),
    Case(
        "PracticumDeletionSlow",
        "warning",
        "7h",
        gone("gone", "300.0", f"0+100x{FAR}", f"0+95x{FAR}"),
        gone("gone", "300.0", f"0+1000x{FAR}", f"0+999x{FAR}"),
        "5% of the labs that went in the last 6 hours took more than 5 minutes; the objective is "
        "1 %.",
    ),
    Case(
        "PracticumDeletionBlocked",
        "warning",
        "15m",
        {"practicum_deletion_blocked_labs": f"1x{HOUR}"},
        # Whatever held it went by itself, or was purged.
        {"practicum_deletion_blocked_labs": f"1x15 0x{HOUR}"},
        "1 labs have ended, and something holds their namespaces.",
    ),
    Case(
        "PracticumArchivesFailing",
        "warning",
        "20m",
        {"practicum_archives_failing_labs": f"1x{HOUR}"},
        # It was tried again, and went well.
        {"practicum_archives_failing_labs": f"1x10 0x{HOUR}"},
        "1 labs have ended and keep their volumes until their archives succeed.",
    ),
    Case(
        "PracticumSweepHalted",
        "critical",
        "1m",
        {"practicum_sweep_halted": f"1x{HOUR}"},
        {"practicum_sweep_halted": f"0x{HOUR}"},
        "More labs than leftovers could be look orphaned. Nothing of them is deleted; somebody has "
        "to look.",
    ),
    Case(
        "PracticumOrphansStay",
        "warning",
        "1h5m",
        {"practicum_orphan_namespaces": f"2x{FAR}"},
        # The sweep does what it is for.
        {"practicum_orphan_namespaces": f"2x40 0x{FAR}"},
        "2 namespaces have no LabEnvironment any more, and the sweep has not removed them for an "
        "hour.",
    ),
)
