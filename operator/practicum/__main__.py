"""The operator's process: settings, leader election, then kopf until it is told to stop."""

import asyncio
import os
import signal
import socket
import sys
from typing import Any, cast

import kopf
import structlog
import uvloop

from practicum import __version__, wiring
from practicum import settings as configuration
from practicum.api.conditions import Phase
from practicum.api.names import COHORT, LabKey
from practicum.clock import utcnow
from practicum.errors import ApiError
from practicum.governance.exported import AuditLogs
from practicum.governance.http import Services
from practicum.governance.opa import Opa
from practicum.governance.vetting import Vetter
from practicum.handlers import children as of_labs
from practicum.handlers import watches
from practicum.handlers.children import Children, followed
from practicum.kube.client import Kube
from practicum.kube.lease import Elector
from practicum.observe import http, metrics
from practicum.observe import logging as logs
from practicum.reconcile import rights
from practicum.reconcile.engine import Engine
from practicum.reconcile.network_probe import NetworkProbe
from practicum.reconcile.runner import Runner, background
from practicum.settings import Settings
from practicum.usage.spending import Spending

log = structlog.get_logger()
_BEAT_SECONDS = 1
_RETRY_SECONDS = 2


async def operate(
    settings: Settings, health: http.Health, stop: asyncio.Event, elector: Elector | None
) -> None:
    """Run the operator until ``stop``; this replica is the only one that acts."""
    async with await Kube.connect() as kube, Services() as services:
        if elector:
            kube.fence = elector.holds
        kube.answered, kube.watch_restarted = metrics.api_answered, metrics.watch_restarted

        def skew() -> float:
            return kube.skew.total_seconds()

        metrics.CLOCK_SKEW.set_function(skew)
        tools = wiring.tools_for(kube, settings)
        engine = Engine(tools, AuditLogs(kube, settings).of)
        runner = Runner(engine.reconcile, utcnow, engine.can_wait)
        ready = asyncio.Event()
        health.ready = ready.is_set
        children = Children(runner, tools.inventory, tools.labs)
        vetter = Vetter(Opa(settings.opa))
        probe = NetworkProbe(kube, settings, utcnow)
        spending = Spending(settings)
        meter = wiring.metering_for(tools, spending)
        cohorts, of_cohorts, wake_cohort = wiring.cohorts_for(tools, spending)
        changes, of_changes, govern = wiring.governance_for(tools, services, vetter, runner.wake)
        checks, of_checks, examine = wiring.checks_for(tools, services, vetter, probe, runner.wake)

        def wake_others(key: LabKey, phase: Phase) -> None:
            govern(key, phase)
            examine(key, phase)
            wake_cohort(key.namespace, tools.labs.label(key, COHORT))

        tools.reporter.written.append(lambda key, _, status: wake_others(key, status.phase))
        chores = wiring.chores(tools, children.compare, meter)
        async with (
            background(_beating(health), probe.keep(), *chores),
            followed(of_labs.informers(kube, children), runner),
            followed(of_changes, changes),
            followed(of_checks, checks),
            followed(of_cohorts, cohorts),
        ):
            await kopf.operator(
                registry=watches.registry(),
                settings=watches.settings(),
                clusterwide=True,
                standalone=True,
                # Unused without peering, but its default asks for a passwd entry, which an
                # arbitrary uid has not.
                identity=cast(Any, "practicum"),
                ready_flag=ready,
                stop_flag=stop,
                memo=watches.Context(runner, tools.labs, tools.templates, wake_others, wake_cohort),
            )
        await cohorts.stop()
        await checks.stop()
        await changes.stop()
        await runner.stop()


async def _beating(health: http.Health, pause: float = _BEAT_SECONDS) -> None:
    now = asyncio.get_running_loop().time
    while True:
        health.beat()
        due = now() + pause
        await asyncio.sleep(pause)
        metrics.LOOP_LAG.observe(max(0.0, now() - due))


async def _demand_rights(settings: Settings, health: http.Health, stop: asyncio.Event) -> None:
    """End the process, naming each rule that RBAC lacks; wait for an API server that is away."""
    while not stop.is_set():
        health.beat()
        try:
            async with await Kube.connect() as kube:
                lacking = await rights.missing(kube, settings.system_namespace)
        except ApiError as error:
            log.warning("cannot ask for the operator's rights, trying again", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        if not lacking:
            return
        for right in lacking:
            log.error("a right is missing", right=str(right))
        sys.exit(
            f"practicum: RBAC does not let the operator {lacking[0]}"
            + (f" (and {len(lacking) - 1} more, see above)" if len(lacking) > 1 else "")
            + "; install the chart's roles of this version (helm upgrade), nothing was started"
        )


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = http.Health()
    metrics.BUILD.info({"version": __version__})
    http.serve(health, settings.http_port)
    await _demand_rights(settings, health, stop)
    elector = None
    if settings.leader_elect:
        identity = os.environ.get("PRACTICUM_IDENTITY") or f"{socket.gethostname()}-{os.getpid()}"
        # A lost lease ends the process at once: cleaning up could write.
        elector = Elector(settings.system_namespace, identity, lambda: os._exit(1))
        elector.start()
        health.ready = lambda: True
        while not elector.acquired.is_set() and not stop.is_set():
            health.beat()
            await asyncio.sleep(0.2)
    metrics.LEADER.set(1)
    if not stop.is_set():
        log.info("operator starts", version=__version__, namespace=settings.system_namespace)
        await operate(settings, health, stop, elector)
    if elector:
        await asyncio.to_thread(elector.stop)


def main() -> None:
    """Entry point of ``python -m practicum``."""
    try:
        settings = configuration.load()
        if not settings.root_key:
            raise ValueError("PRACTICUM_ROOT_KEY is empty: the chart sets it from its Secret")
    except ValueError as error:
        sys.exit(f"practicum: {error}")
    logs.configure(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(settings))


if __name__ == "__main__":
    main()
