"""How the report of Kubernetes' NetworkPolicy cases is read."""

from typing import Any

from e2e.cluster.judge import _cases, table

GROUP = "[sig-network] Netpol"


def spec(name: str, state: str, group: str = GROUP, **more: Any) -> dict[str, Any]:
    return {
        "ContainerHierarchyTexts": [group, "NetworkPolicy between server and client"],
        "LeafNodeType": "It",
        "LeafNodeText": f"{name} [Feature:NetworkPolicy]",
        "State": state,
        "RunTime": 2_000_000_000,
        **more,
    }


def test_failures_count_and_what_was_left_out_does_not() -> None:
    report = [
        {
            "SpecReports": [
                spec("should b", "failed", Failure={"Message": "wrong results\nat length"}),
                spec("should a", "passed"),
                spec("should c", "timedout"),
                spec("left out by the focus", "skipped"),
                spec("should d", "skipped", "[sig-network] [Feature:SCTPConnectivity]", RunTime=0),
                {**spec("", "passed"), "LeafNodeType": "BeforeSuite"},
            ]
        }
    ]
    cases = _cases(report)
    assert {case.name: case.failed for case in cases} == {
        "Netpol server and client should a": False,
        "Netpol server and client should b": True,
        "Netpol server and client should c": True,
        "[Feature:SCTPConnectivity] server and client should d": False,
    }
    assert "should b  (wrong results)" in table(cases)
    assert table(cases).endswith("1 passed, 2 failed, 1 skipped")
