"""When a lab's time is up: by its ttl, by having been of no use, and not while clocks disagree."""

from datetime import datetime

import structlog

from practicum.api.conditions import Phase
from practicum.api.labenvironment import LabEnvironment
from practicum.api.labtemplate import LabTemplateSpec
from practicum.api.times import parse_duration, parse_rfc3339
from practicum.clock import Clock
from practicum.errors import InvalidLab
from practicum.kube.client import Kube
from practicum.policy import acceptance, expiry
from practicum.policy.readiness import READY, Readiness
from practicum.settings import Settings

log = structlog.get_logger()


class Times:
    """Reads the clocks for the decisions of a lab's end."""

    def __init__(self, kube: Kube, settings: Settings, clock: Clock) -> None:
        self._kube = kube
        self._settings = settings
        self._clock = clock

    def wished_end(self, lab: LabEnvironment) -> datetime:
        """Return the end that spec.endAt or spec.ttl asks for."""
        return expiry.wished_end(lab.spec, parse_rfc3339(lab.metadata["creationTimestamp"]))

    def end(self, lab: LabEnvironment, template: LabTemplateSpec) -> tuple[datetime, Readiness]:
        """Return when the lab ends; an unacceptable wish leaves the end where it was."""
        created = parse_rfc3339(lab.metadata["creationTimestamp"])
        try:
            acceptance.check_end(lab.spec, created, template)
        except InvalidLab as error:
            longest = created + parse_duration(template.max_ttl)
            before = lab.status.expires_at
            refused = Readiness(False, error.reason, str(error))
            return parse_rfc3339(before) if before else longest, refused
        return self.wished_end(lab), READY

    def given_up_at(self, lab: LabEnvironment) -> datetime | None:
        """Return when a lab ends before its time; one that was ever ready has work in it."""
        settings, status = self._settings, lab.status
        if status.phase is Phase.FAILED and status.ready_at:
            return None
        return expiry.given_up_at(
            status.phase, since(lab), settings.failed_timeout, settings.suspended_timeout
        )

    def patience_ends(self, lab: LabEnvironment) -> datetime | None:
        """Return when the phase that a lab is in has lasted too long."""
        limit, began = self._settings.start_timeout, since(lab)
        if lab.status.phase is Phase.PROVISIONING and began and limit:
            return began + limit
        return self.given_up_at(lab)

    def over(self, lab: LabEnvironment, end: datetime) -> bool:
        """Whether the lab's time is up; where clocks disagree, by either of them."""
        if lab.status.phase is Phase.EXPIRING:
            return True
        now = self._clock()
        latest = max(now, now + self._kube.skew) if expiry.skewed(self._kube.skew) else now
        return latest >= min(end, self.given_up_at(lab) or end)

    def skewed(self) -> bool:
        """Whether our clock and the API server's differ too much for an irreversible act."""
        skew = self._kube.skew
        if not expiry.skewed(skew):
            return False
        log.error("clock skew: expiry waits", reason="ClockSkew", seconds=skew.total_seconds())
        return True


def since(lab: LabEnvironment) -> datetime | None:
    """Return when the lab entered its phase."""
    return parse_rfc3339(lab.status.phase_since) if lab.status.phase_since else None
