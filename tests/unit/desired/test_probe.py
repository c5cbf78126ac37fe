"""The network probe's pods: alike but for a label, and fit for Pod Security ``restricted``."""

import copy

from practicum.api import names
from practicum.desired import probe
from practicum.settings import Settings

SETTINGS = Settings(probe_image="registry.example/practicum:1", node_selector={"pool": "labs"})


def test_the_two_differ_in_nothing_that_a_network_could_mind() -> None:
    first, second = (copy.deepcopy(probe.pod(door, SETTINGS)) for door in probe.DOORS)
    assert first != second
    for body, door in ((first, "open"), (second, "closed")):
        assert body["metadata"].pop("generateName") == f"{door}-"
        assert body["metadata"]["labels"].pop(names.PROBE) == door
    assert first == second


def test_it_runs_where_labs_run_with_the_operators_image_and_without_a_token() -> None:
    body = probe.pod("open", SETTINGS)
    assert body["metadata"]["namespace"] == "practicum-probe"
    spec = body["spec"]
    assert spec["nodeSelector"] == {"pool": "labs"}
    assert [one["image"] for one in spec["containers"]] == ["registry.example/practicum:1"]
    assert spec["automountServiceAccountToken"] is False
    assert "volumes" not in spec


def test_it_ends_by_itself() -> None:
    spec = probe.pod("open", SETTINGS)["spec"]
    assert spec["activeDeadlineSeconds"] == 120
    assert spec["restartPolicy"] == "Never"
    assert spec["terminationGracePeriodSeconds"] == 1
