"""The whole desired state of one lab, in the order in which it may come into being."""

from collections.abc import Iterable
from dataclasses import dataclass

from practicum.desired import access, components, guards
from practicum.desired.lab import Lab, Object


@dataclass(frozen=True)
class Plan:
    """Waves of desired objects; within a wave the order does not matter."""

    namespaces: list[Object]
    operator_bindings: list[Object]
    guards: list[Object]
    configs: list[Object]
    workloads: list[Object]
    identities: list[Object]
    """ServiceAccounts and the Role that the bindings name."""
    bindings: list[Object]
    exhibits: list[Object]
    """What becomes the learner's own: made once, and no part of what is kept as it is."""

    def everything(self) -> list[Object]:
        """Return every object of the plan except the namespaces and the credentials."""
        return [
            *(*self.operator_bindings, *self.guards, *self.configs, *self.workloads),
            *(*self.identities, *self.bindings),
        ]


def plan(lab: Lab, rendered: Iterable[components.Rendered]) -> Plan:
    """Return the desired state of a lab.

    A lab that is suspended, without a learner or whose access is revoked has none: the objects are
    simply absent.

    Raises:
        TemplateError: the template uses an unknown placeholder.
    """
    rendered = list(rendered)
    configs, workloads = components.bind(lab, rendered)
    exhibits = components.exhibits(lab, rendered)
    return Plan(
        namespaces=[guards.namespace(lab, side) for side in lab.sides],
        operator_bindings=[guards.operator_binding(lab, side) for side in lab.sides],
        guards=guards.guards(lab),
        configs=configs,
        workloads=workloads,
        identities=[*access.accounts(lab), access.role(lab)] if lab.accessible else [],
        bindings=access.bindings(lab) if lab.accessible else [],
        exhibits=exhibits,
    )
