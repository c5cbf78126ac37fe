"""Wires the parts of the operator together, a kind of passes at a time."""

from collections.abc import Callable, Coroutine
from datetime import timedelta

from practicum.api.conditions import Phase
from practicum.api.names import LabKey
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
from practicum.governance import drafts as of_drafts
from practicum.governance import files as change_files
from practicum.governance.drafts import Drafts
from practicum.governance.files import Files
from practicum.governance.governor import Governor
from practicum.governance.http import Services
from practicum.governance.retention import EVERY, Retention
from practicum.governance.vetting import Vetter
from practicum.kube.client import Kube
from practicum.kube.informer import Informer
from practicum.reconcile import catalogue
from practicum.reconcile import shelves as archives
from practicum.reconcile.apply import Applier
from practicum.reconcile.catalogue import Catalogue
from practicum.reconcile.credentials import Credentials
from practicum.reconcile.inventory import Inventory
from practicum.reconcile.labs import Labs
from practicum.reconcile.network_probe import NetworkProbe
from practicum.reconcile.report import Reporter
from practicum.reconcile.runner import Runner, periodically
from practicum.reconcile.shelves import Shelves
from practicum.reconcile.sweep import Sweep
from practicum.reconcile.templates import Templates
from practicum.reconcile.tools import Tools
from practicum.settings import Settings
from practicum.usage.books import Books
from practicum.usage.meter import Meter
from practicum.usage.spending import Spending


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


def chores(
    tools: Tools, compare: Callable[[], Callable[[set[str]], None]], meter: Meter
) -> list[Coroutine[None, None, None]]:
    """Return what is done from time to time, whatever happens in labs."""
    kube, settings = tools.kube, tools.settings
    sweep = Sweep(kube, settings, utcnow, compare)
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
