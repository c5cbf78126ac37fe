"""The dashboard is what Grafana reads, asks only for what is there, and its queries are PromQL."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from tools.dashboard_picture import DASHBOARD, expressions, panels

from .promtool import promtool, unknown


def test_what_grafana_needs_is_there() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert board["uid"] == "practicum" and board["title"] and board["schemaVersion"] >= 39
    (variable,) = board["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == (
        *("datasource", "datasource"),
        "prometheus",
    )
    shown = panels()
    assert len({panel["id"] for panel in shown}) == len(shown)
    for panel in shown:
        if panel["type"] != "row":
            assert panel["targets"], panel["title"]
            for source in [panel, *panel["targets"]]:
                assert source["datasource"]["uid"] == "${datasource}"
            ids = [target["refId"] for target in panel["targets"]]
            assert len(set(ids)) == len(ids)


def test_no_panel_lies_on_another() -> None:
    for one, other in combinations((panel["gridPos"] for panel in panels()), 2):
        assert one["x"] + one["w"] <= 24
        apart = [
            a[at] + a[length] <= b[at]
            for a, b in ((one, other), (other, one))
            for at, length in (("x", "w"), ("y", "h"))
        ]
        assert any(apart), (one, other)


def queries() -> list[str]:
    return [text for panel in panels() for text, _ in expressions(panel, interval="5m", span="6h")]


def test_queries_name_only_what_is_exported() -> None:
    found = queries()
    assert len(found) > 40
    assert not unknown(found)


def test_prometheus_reads_the_queries(tmp_path: Path) -> None:
    assert not [text for text in queries() if "$" in text]
    recorded: list[dict[str, Any]] = [
        {"record": f"query:{number}", "expr": text} for number, text in enumerate(queries())
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]}))
    content, said = promtool("check", "rules", file)
    assert content, said
