"""``practicum attest`` against the real API server, which alone knows who is asking."""

import json

from e2e.cluster.control_plane import ControlPlane

from .command import practicum
from .conftest import LabMaker


async def test_a_rating_is_made_and_listed(control_plane: ControlPlane, make_lab: LabMaker) -> None:
    name = (await make_lab())["metadata"]["name"]
    scores = ("--score", "clarity=3/5", "--score", "evidence=5/5")
    made = practicum(
        control_plane.kubeconfig,
        *("attest", name, "features", *scores, "--not-passed", "--comment", "no slices"),
    )
    assert made.returncode == 0, made.stderr
    assert "features not passed, 8 of 10 points, by " in made.stdout
    listed = practicum(control_plane.kubeconfig, "attest", "list", name, "-o", "json")
    (one,) = json.loads(listed.stdout)["items"]
    assert one["spec"]["rater"] == made.stdout.strip().rpartition(" by ")[2]
    assert (one["spec"]["passed"], one["spec"]["comment"]) == (False, "no slices")


async def test_what_the_server_refuses_is_one_line(
    control_plane: ControlPlane, make_lab: LabMaker
) -> None:
    name = (await make_lab())["metadata"]["name"]
    words = ("attest", name, "features", "--passed", "--score", "clarity=6/5")
    refused = practicum(control_plane.kubeconfig, *words)
    assert refused.returncode == 5, refused
    assert "a score must be at most its max" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
