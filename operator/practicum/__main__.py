"""The operator's process: settings, leader election, then kopf until it is told to stop."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, cast

import kopf
import structlog
import uvloop

from practicum import __version__
from practicum import settings as configuration
from practicum.api.conditions import Phase
from practicum.api.names import COHORT, LabKey
from practicum.checks import asking
from practicum.checks.asking import Requests
from practicum.checks.evaluation import Evaluator
from practicum.checks.examiner import Examiner
from practicum.checks.looks.policies import PolicyLooks
from practicum.checks.looks.records import Records
from practicum.checks.pods import Pods
from practicum.checks.scene import Means
from practicum.clock import utcnow
from practicum.cohort import register as register_of_cohorts
from practicum.cohort.controller import CohortController
from practicum.cohort.register import Register
from practicum.errors import ApiError
from practicum.governance import drafts as of_drafts
from practicum.governance import files as change_files
from practicum.governance.drafts import Drafts
from practicum.governance.exported import AuditLogs
from practicum.governance.files import Files
from practicum.governance.governor import Governor
from practicum.governance.http import Services
from practicum.governance.opa import Opa
from practicum.governance.retention import EVERY, Retention
from practicum.governance.vetting import Vetter
from practicum.handlers import children as of_labs
from practicum.handlers import watches
from practicum.handlers.children import Children, followed
from practicum.kube.client import Kube
from practicum.kube.informer import Informer
from practicum.kube.lease import Elector
from practicum.observe import http, metrics
from practicum.observe import logging as logs
from practicum.reconcile import catalogue, rights
from practicum.reconcile import shelves as archives
from practicum.reconcile.apply import Applier
from practicum.reconcile.catalogue import Catalogue
from practicum.reconcile.credentials import Credentials
from practicum.reconcile.engine import Engine
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.labs import Labs
from practicum.reconcile.network_probe import NetworkProbe
from practicum.reconcile.report import Reporter
from practicum.reconcile.runner import Runner, background, periodically
from practicum.reconcile.shelves import Shelves
from practicum.reconcile.sweep import Sweep
from practicum.reconcile.templates import Templates
from practicum.reconcile.tools import Tools
from practicum.settings import Settings
from practicum.usage.books import Books
from practicum.usage.meter import Meter
from practicum.usage.spending import Spending

log = structlog.get_logger()
_BEAT_SECONDS = 1
_RETRY_SECONDS = 2


def tools_for(kube: Kube, settings: Settings) -> Tools:
    """Wire the parts of a reconcile together."""
    inventory = Inventory()
    applier = Applier(kube, inventory)
    labs = Labs()
    return Tools(
        kube=kube,
        inventory=inventory,
        applier=applier,
        labs=labs,
        templates=Templates(kube, settings),
        credentials=Credentials(kube, inventory, applier, settings, utcnow),
        reporter=Reporter(kube, labs, utcnow),
        settings=settings,
        clock=utcnow,
    )


Wiring = tuple[Runner, list[Informer], Callable[[LabKey, Phase], None]]
"""A kind of passes: their runner, what they follow, and what wakes a lab in a phase."""


def governance_for(
    tools: Tools, services: Services, vetter: Vetter, governed: Callable[[LabKey], None]
) -> Wiring:
    """Wire governed changes.

    Args:
        tools: what all kinds of passes share.
        services: how services of labs are asked.
        vetter: who compiles learners' policies.
        governed: called with a lab in which other things should hold from now on.
    """

    def wake(key: LabKey) -> None:
        changes.wake(key)

    files = Files(tools.labs.at, wake)
    drafts = Drafts(tools.labs.at, wake)
    governor = Governor(tools, services, files, drafts, vetter, governed)
    changes = Runner(governor.reconcile, tools.clock, name="changes")

    def govern(key: LabKey, phase: Phase) -> None:
        if governor.concerns(key, phase):
            changes.wake(key)

    informers = [*change_files.informers(tools.kube, files), of_drafts.informer(tools.kube, drafts)]
    return changes, informers, govern


def checks_for(
    tools: Tools,
    services: Services,
    vetter: Vetter,
    probe: NetworkProbe,
    drilled: Callable[[LabKey], None],
) -> Wiring:
    """Wire checks.

    Args:
        tools: what all kinds of passes share.
        services: how services of labs are asked.
        vetter: who compiles learners' policies.
        probe: knows whether the cluster enforces NetworkPolicy.
        drilled: called with a lab in which a drill has begun or ended.
    """
    kube, settings = tools.kube, tools.settings
    pods = Pods(kube, settings.check_pods)
    means = Means(
        kube=kube,
        opa=vetter.opa,
        clock=tools.clock,
        records=Records(kube, settings).of,
        enforcement=lambda: probe.known,
    )

    def wake(key: LabKey) -> None:
        runner.wake(key)

    requests = Requests(tools.labs.at, wake)
    evaluator = Evaluator(PolicyLooks(vetter))
    examiner = Examiner(tools, services, means, evaluator, pods, requests, drilled)
    runner = Runner(examiner.reconcile, tools.clock, name="checks")

    def examine(key: LabKey, phase: Phase) -> None:
        if examiner.concerns(key, phase):
            runner.wake(key)

    return runner, [asking.informer(kube, requests)], examine


def cohorts_for(
    tools: Tools, spending: Spending
) -> tuple[Runner, list[Informer], Callable[[str, str], None]]:
    """Wire classes; the last of what is returned wakes a course's cohort by its name."""

    def wake(key: LabKey) -> None:
        runner.wake(key)

    register = Register(wake)
    controller = CohortController(tools, register, spending)
    runner = Runner(controller.reconcile, tools.clock, name="cohorts")
    return runner, [register_of_cohorts.informer(tools.kube, register)], register.lab_changed


def metering_for(tools: Tools, spending: Spending) -> Meter:
    """Wire what meters labs, holds them to budgets and keeps the books of those that end."""
    meter = Meter(tools, Books(tools.kube), spending)
    tools.gates.append(spending.admit)
    tools.last_words.append(meter.close)
    return meter


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
        tools = tools_for(kube, settings)
        engine = Engine(tools, AuditLogs(kube, settings).of)
        runner = Runner(engine.reconcile, utcnow, engine.can_wait)
        ready = asyncio.Event()
        health.ready = ready.is_set
        children = Children(runner, tools.inventory, tools.labs)
        vetter = Vetter(Opa(settings.opa))
        probe = NetworkProbe(kube, settings, utcnow)
        spending = Spending(settings)
        meter = metering_for(tools, spending)
        cohorts, of_cohorts, wake_cohort = cohorts_for(tools, spending)
        changes, of_changes, govern = governance_for(tools, services, vetter, runner.wake)
        checks, of_checks, examine = checks_for(tools, services, vetter, probe, runner.wake)

        def wake_others(key: LabKey, phase: Phase) -> None:
            govern(key, phase)
            examine(key, phase)
            wake_cohort(key.namespace, tools.labs.label(key, COHORT))

        tools.reporter.written.append(lambda key, _, status: wake_others(key, status.phase))
        async with (
            background(_beating(health), probe.keep(), *_chores(tools, children, meter)),
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


def _chores(tools: Tools, children: Children, meter: Meter) -> list[Coroutine[None, None, None]]:
    """Return what is done from time to time, whatever happens in labs."""
    kube, settings = tools.kube, tools.settings
    sweep = Sweep(kube, settings, utcnow, children.compare)
    shelf = Catalogue(kube, settings)
    retention = Retention(kube, settings.audit_retention, utcnow)
    shelves = Shelves(tools)
    return [
        periodically("archives", shelves.run, archives.EVERY),
        periodically("sweep", sweep.run, settings.sweep_interval + timedelta(seconds=1)),
        periodically("retention", retention.run, EVERY),
        periodically("meter", meter.run, settings.meter_interval),
        periodically("catalogue", shelf.publish, catalogue.EVERY),
    ]


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
