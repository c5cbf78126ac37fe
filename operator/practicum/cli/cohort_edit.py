"""``practicum cohort pause``, ``resume``, ``extend`` and ``reprovision``."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from practicum.api.labcohort import CohortPhase, RosterLearner
from practicum.api.times import format_duration, parse_duration, parse_rfc3339, rfc3339
from practicum.cli import cohorts, cohortview, delete, moments, output
from practicum.cli.exits import CliError, Exit
from practicum.cli.follow import Follow
from practicum.cli.session import Object, Session
from practicum.errors import RosterInvalid
from practicum.policy import roster as rosters

_POLL = 1.0
_IDLE = (CohortPhase.PAUSED, CohortPhase.ENDING, CohortPhase.ENDED)


@dataclass(frozen=True)
class Later:
    """By how much, or until when."""

    by: timedelta | None = None
    until: str = ""

    def after(self, end: datetime, now: datetime) -> datetime:
        """Return the moment that is meant.

        Raises:
            CliError: it is none, or is over.
        """
        try:
            moment = end + self.by if self.by else moment_of(self.until, now)
        except OverflowError as error:
            raise CliError("that is further off than time goes", code=Exit.USAGE) from error
        if moment <= now:
            raise CliError(f"{rfc3339(moment)} is past", code=Exit.CONFLICT)
        return moment


def moment_of(text: str, now: datetime, option: str = "--until") -> datetime:
    """Read an option that is a time.

    Raises:
        CliError: it is none.
    """
    try:
        return moments.until(text, now, moments.zone())
    except ValueError as error:
        raise CliError(f"{option}: {error}", code=Exit.USAGE) from error


async def set_paused(session: Session, name: str, learners: Sequence[str], paused: bool) -> None:
    """Suspend, or bring back, all labs of a class or those of some learners."""
    cohort = await cohorts.read(session, name)
    word = "paused" if paused else "resumed"
    if learners:
        spec = await _roster_edit(
            session, cohort, learners, lambda _: {"suspended": paused}, f"suspended={paused}"
        )
        await cohorts.patch(session, cohort, spec, manager="practicum-pause")
        output.line(f"{name}: {word} for {', '.join(learners)}")
    elif bool(cohort["spec"].get("paused")) is paused:
        output.line(f"{name}: is {'paused' if paused else 'not paused'} already")
    else:
        await cohorts.patch(session, cohort, {"paused": paused}, manager="practicum-pause")
        ends = cohort["spec"].get("schedule", {}).get("endAt")
        clock = f"; it ends {_described(ends, session)} all the same" if paused and ends else ""
        output.line(f"{name}: {word}{clock}")


async def extend(session: Session, name: str, later: Later, learners: Sequence[str]) -> None:
    """Move the end of a class, or of some learners' labs."""
    cohort = await cohorts.read(session, name)
    if cohortview.phase(cohort) == CohortPhase.ENDED:
        raise CliError(
            f"cohort {name} has ended: its labs do not come back",
            hint="make another cohort",
            code=Exit.CONFLICT,
        )
    end = cohort["spec"].get("schedule", {}).get("endAt")
    if learners:
        await _extend_learners(session, cohort, later, learners, end)
    elif end is None and later.by:
        ttl = cohort["spec"]["ttl"]
        longer = format_duration(parse_duration(ttl) + later.by)
        await cohorts.patch(session, cohort, {"ttl": longer}, manager="practicum-extend")
        output.line(f"{name}: each lab lives {longer}; was {ttl}")
    else:
        now = session.now()
        moment = rfc3339(later.after(parse_rfc3339(end) if end else now, now))
        spec = {"schedule": {"endAt": moment}}
        await cohorts.patch(session, cohort, spec, manager="practicum-extend")
        before = f"; was {_described(end, session)}" if end else ""
        output.line(f"{name}: ends {_described(moment, session)}{before}")
        _tell_exceptions(cohort)


def _tell_exceptions(cohort: Object) -> None:
    learners = cohort["spec"]["roster"].get("learners", [])
    if own := [one["id"] for one in learners if one.get("endAt")]:
        output.note(f"an end of their own keep: {', '.join(own)} (see --learner)")


def _described(moment: str, session: Session) -> str:
    return moments.described(parse_rfc3339(moment), session.now())


async def _extend_learners(
    session: Session, cohort: Object, later: Later, learners: Sequence[str], end: str | None
) -> None:
    said: dict[str, str] = {}

    def moved(learner: RosterLearner) -> Object:
        now, before = session.now(), learner.end_at or end
        if before is None and later.by:
            raise CliError(
                f"nothing says when the labs of {learner.id} end but their ttl",
                hint="name the moment with --until",
                code=Exit.CONFLICT,
            )
        said[learner.id] = rfc3339(later.after(parse_rfc3339(before) if before else now, now))
        return {"endAt": said[learner.id]}

    spec = await _roster_edit(session, cohort, learners, moved, "its endAt")
    await cohorts.patch(session, cohort, spec, manager="practicum-extend")
    for who, moment in said.items():
        output.line(f"{who}: ends {_described(moment, session)}")


async def _roster_edit(
    session: Session,
    cohort: Object,
    wanted: Sequence[str],
    change: Callable[[RosterLearner], Object],
    what: str,
) -> Object:
    """Return the spec in which fields of some learners are different.

    Raises:
        CliError: they are not on the roster, or it is a ConfigMap.
    """
    if cohort["spec"]["roster"].get("configMapRef"):
        raise await _elsewhere(session, cohort, wanted, what)
    known = {one.id: one for one in cohorts.roster(cohort)}
    refuse_strangers(cohort, wanted, known)
    edited = [one.wire() | (change(one) if one.id in wanted else {}) for one in known.values()]
    return {"roster": {"learners": edited}}


async def _elsewhere(
    session: Session, cohort: Object, wanted: Sequence[str], what: str
) -> CliError:
    """Say which lines of a ConfigMap to edit."""
    ref = cohort["spec"]["roster"]["configMapRef"]
    name, key = ref["name"], ref.get("key", "roster.csv")
    found = await session.kube.find("ConfigMap", session.namespace, name)
    text = (found or {}).get("data", {}).get(key, "")
    try:
        known = [one.id for one in rosters.read(text, key)]
    except RosterInvalid as error:
        return CliError(f"ConfigMap {name}, key {key}: {error}", code=Exit.CONFLICT)
    refuse_strangers(cohort, wanted, known)
    places = [
        str(number)
        for number, line in enumerate(text.splitlines(), 1)
        if any(who in line for who in wanted)
    ]
    return CliError(
        f"the roster of cohort {cohort['metadata']['name']} is ConfigMap {name}",
        hint=f"set {what} in line {', '.join(places)} of its key {key}: kubectl edit configmap "
        f"{name} -n {session.namespace}",
        code=Exit.CONFLICT,
    )


def refuse_strangers(cohort: Object, wanted: Sequence[str], known: Sequence[str] | Object) -> None:
    """Insist that learners are on the roster.

    Raises:
        CliError: with those that are not.
    """
    if strangers := [who for who in wanted if who not in known]:
        name = cohort["metadata"]["name"]
        raise CliError(
            f"cohort {name} has no learner {', '.join(strangers)}",
            hint=f"see: practicum cohort show {name} -o json",
            code=Exit.NOT_FOUND,
        )


@dataclass(frozen=True)
class Again:
    """Which lab is to be made again, and whether to ask and wait."""

    learner: str
    template: str = ""
    yes: bool = False
    wait: bool = False
    limit: timedelta = timedelta(minutes=10)


async def reprovision(session: Session, name: str, again: Again) -> Exit:
    """Delete a learner's lab, which the operator then makes anew."""
    cohort = await cohorts.read(session, name)
    if cohortview.phase(cohort) in _IDLE or cohort["spec"].get("paused"):
        raise CliError(
            f"cohort {name} is {cohortview.phase(cohort)}: no lab is made now",
            hint=f"see: practicum cohort explain {name}",
            code=Exit.CONFLICT,
        )
    row = _one(cohort, again)
    lab = await session.kube.find("LabEnvironment", session.namespace, row["lab"])
    if lab is None:
        output.line(f"{row['lab']}: is not made yet")
    else:
        await _delete(session, lab, again)
    if not again.wait:
        return Exit.OK
    old = lab["metadata"]["uid"] if lab else ""
    try:
        async with asyncio.timeout(again.limit.total_seconds()):
            await _until_another(session, row["lab"], old)
    except TimeoutError:
        raise CliError(
            f"lab {row['lab']} is not made again after {format_duration(again.limit)}",
            hint=f"see: practicum cohort explain {name}",
            code=Exit.TIMEOUT,
        ) from None
    return await Follow(session, [row["lab"]], again.limit).run()


def _one(cohort: Object, again: Again) -> Object:
    """Return the row of the lab that is meant."""
    rows = [one for one in cohortview.labs(cohort) if one["learner"] == again.learner]
    refuse_strangers(cohort, [again.learner], [one["learner"] for one in rows])
    fitting = [one for one in rows if again.template in ("", one["template"])]
    if len(fitting) != 1:
        names = ", ".join(one["template"] for one in rows)
        raise CliError(
            f"{again.learner} has labs of {names}",
            hint="say of which with --template",
            code=Exit.USAGE,
        )
    if fitting[0].get("removed"):
        raise CliError(
            f"{again.learner} is not on the roster any more: the lab would not be made again",
            hint=f"to end it: practicum delete {fitting[0]['lab']}",
            code=Exit.CONFLICT,
        )
    return fitting[0]


async def _delete(session: Session, lab: Object, again: Again) -> None:
    meta = lab["metadata"]
    for text in delete.inventory(lab):
        output.note(text)
    if not again.yes:
        delete.ask(f"Delete lab {meta['name']} and make it again?")
    await session.kube.delete("LabEnvironment", meta["namespace"], meta["name"], uid=meta["uid"])
    output.line(f"{meta['name']}: deletion begun; it is then made again")


async def _until_another(session: Session, name: str, old: str) -> None:
    """Wait until a lab of this name is there that is not the old one."""
    while True:
        found = await session.kube.find("LabEnvironment", session.namespace, name)
        if found and found["metadata"]["uid"] != old:
            return
        await asyncio.sleep(_POLL)
