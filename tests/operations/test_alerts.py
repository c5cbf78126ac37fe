"""Every alert fires when it should, does not when it should not, and has its page."""

import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e import test_readme as readme
from tests.apiserver.conftest import tool
from tests.apiserver.operator_process import ROOT

from .cases import CASES, Case, Series
from .promtool import RULES, alerts, promtool, rules, unknown

RUNBOOKS = ROOT / "docs/runbooks"
PARTS = ("## Meaning", "## Impact", "## Diagnosis", "## Remedy")
DOCUMENT = ROOT / "docs/operations.md"


def test_prometheus_reads_the_rules() -> None:
    content, said = promtool("check", "rules", RULES)
    assert content, said


def test_every_alert_has_a_case_and_no_case_is_of_no_alert() -> None:
    there = {(rule["alert"], rule["labels"]["severity"]) for rule in alerts()}
    assert {(case.alert, case.severity) for case in CASES} == there
    assert len({case.name for case in CASES}) == len(CASES)
    assert {severity for _, severity in there} <= {"critical", "warning", "info"}


def test_rules_name_only_what_is_exported() -> None:
    assert not unknown(rule["expr"] for rule in rules())
    assert not unknown(series for case in CASES for series in case.fires | case.quiet)
    assert unknown(["rate(practicum_lab_total[5m])"]) == {"practicum_lab_total"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_alert(case: Case, tmp_path: Path) -> None:
    recorded = [rule for rule in rules() if "record" in rule]
    (alert,) = (
        rule
        for rule in alerts()
        if (rule["alert"], rule["labels"]["severity"]) == (case.alert, case.severity)
    )
    alone = tmp_path / "rules.yaml"
    alone.write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": [*recorded, alert]}]}))
    summary = alert["annotations"]["summary"]
    groups = [
        _group(case, case.fires, summary, fires=True),
        _group(case, case.fires | case.quiet, summary, fires=False),
    ]
    file = tmp_path / "test.yaml"
    test = {"rule_files": [str(alone)], "evaluation_interval": "30s", "tests": groups}
    file.write_text(yaml.safe_dump(test))
    content, said = promtool("test", "rules", file)
    assert content, said


def _group(case: Case, series: Series, summary: str, *, fires: bool) -> dict[str, Any]:
    expected = {
        "exp_labels": {"severity": case.severity, **case.labels},
        "exp_annotations": {"summary": summary, "description": case.says},
    }
    return {
        "name": f"{case.name} {'fires' if fires else 'does not'}",
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": case.at,
                "alertname": case.alert,
                "exp_alerts": [expected] if fires else [],
            }
        ],
    }


def test_every_alert_has_its_page_and_no_page_is_of_no_alert() -> None:
    names = {rule["alert"] for rule in alerts()}
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == names
    table = DOCUMENT.read_text(encoding="utf-8")
    for name in names:
        text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {name}\n"), name
        places = [text.find(f"\n{part}\n") for part in PARTS]
        assert -1 not in places and places == sorted(places), (name, places)
        assert f"](runbooks/{name}.md)" in table, name


def _templates(*options: str) -> list[dict[str, Any]]:
    command = [tool("helm"), "template", "practicum", ROOT / "charts/practicum", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [body for body in yaml.safe_load_all(done.stdout) if body]


def _monitoring(bodies: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    names = {"practicum", "practicum-dashboard"}
    kinds = {"PrometheusRule", "ServiceMonitor", "ConfigMap"}
    return {
        body["kind"]: body
        for body in bodies
        if body["kind"] in kinds and body["metadata"]["name"] in names
    }


def test_the_chart_ships_nothing_of_it_unless_asked() -> None:
    assert not _monitoring(_templates())


def test_the_documented_command_ships_rules_scraping_and_dashboard(tmp_path: Path) -> None:
    ((_, command),) = readme.commands(DOCUMENT.read_text(encoding="utf-8"))
    settings = [word for word in shlex.split(command) if word.startswith("monitoring.")]
    bodies = _templates(*(f"--set={setting}" for setting in settings))
    shipped = _monitoring(bodies)
    rule = shipped["PrometheusRule"]
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    content, said = promtool("check", "rules", file)
    assert content, said
    for group in rule["spec"]["groups"]:
        for one in group["rules"]:
            if "alert" in one:
                url = one["annotations"].pop("runbook_url")
                assert url == f"https://git.example.org/practicum/docs/runbooks/{one['alert']}.md"
    assert rule["spec"] == yaml.safe_load(RULES.read_text(encoding="utf-8"))
    (service,) = (body for body in bodies if body["kind"] == "Service")
    wanted = shipped["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    (endpoint,) = shipped["ServiceMonitor"]["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    dashboard = shipped["ConfigMap"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    text = (ROOT / "charts/practicum/files/dashboard.json").read_text(encoding="utf-8")
    assert dashboard["data"]["practicum.json"].strip() == text.strip()
