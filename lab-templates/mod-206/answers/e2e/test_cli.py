"""Drives the learner's command line against the API that runs: what users of it would notice."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

URL = "http://learner-api:8000"
# The service's name and the platform's namespace; the learner's has the same name without its end.
SPACE = urlsplit(os.environ["MLFLOW_URL"]).hostname.split(".")[1].removesuffix("-platform")
GROUPS = ("tenants", "models", "features", "promotions", "usage")


def run(*words, caller="team-a-dev"):
    token = f"{caller}.{SPACE}" if caller else ""
    environment = dict(os.environ, PLATFORM_URL=URL, PLATFORM_TOKEN=token)
    command = [sys.executable, "-m", "platform_sdk.cli", *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def shown(*words, caller="team-a-dev"):
    done = run(*words, caller=caller)
    assert done.returncode == 0, f"{' '.join(words)}: exit {done.returncode}: {done.stderr[-300:]}"
    try:
        return json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"{' '.join(words)} prints no JSON: {done.stdout[:200]}")


def asked(path, caller="platform-admin"):
    request = urllib.request.Request(URL + path)
    request.add_header("Authorization", f"Bearer {caller}.{SPACE}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        pytest.fail(f"GET {path} as {caller} was answered {error.code}")


def names(found):
    return {one["name"] for one in found}


def test_help_names_the_groups():
    done = run("--help")
    assert done.returncode == 0
    missing = [group for group in GROUPS if group not in done.stdout]
    assert not missing, f"--help does not name {missing}"


def test_a_tenant_lists_its_own_models():
    mine = names(shown("models", "list"))
    assert {"fraud", "fraud-dev"} <= mine
    assert "churn-dev" not in mine


def test_a_list_has_all_pages():
    mine = names(shown("models", "list", "--limit", "1"))
    assert {"fraud", "fraud-dev"} <= mine, "with --limit 1 the list ends before its end"


def test_pages_of_the_api_have_no_holes_and_no_doubles():
    seen, cursor = [], ""
    for _ in range(20):
        page = asked(f"/v1/models?limit=1&cursor={cursor}")
        seen += [one["name"] for one in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert sorted(seen) == ["churn-dev", "fraud", "fraud-dev"]


def test_another_tenant_is_refused_with_a_reason():
    done = run("models", "show", "churn-dev")
    assert done.returncode not in (0, 2)
    assert "403" in done.stderr, "the status is not on stderr"
    assert "API-2" in done.stderr, "the control is not on stderr"
    assert "Traceback" not in done.stderr, "users get a traceback"


def test_without_a_token_it_says_so():
    done = run("tenants", "list", caller="")
    assert done.returncode not in (0, 2)
    assert "401" in done.stderr
    assert "Traceback" not in done.stderr, "users get a traceback"


def test_features_take_a_purpose():
    assert run("features", "show", "fraud_v1").returncode not in (0, 2)
    found = shown("features", "show", "fraud_v1", "--purpose", "fraud-detection")
    assert found["name"] == "fraud_v1"
    assert found["pii"] == "indirect"


def test_features_of_others_are_not_listed():
    assert "churn_v1" not in names(shown("features", "list"))
    assert "churn_v1" in names(shown("features", "list", caller="team-b-dev"))


def test_a_promotion_is_asked_for_and_found_again():
    words = ("promotions", "create", "fraud-dev", "--version", "2", "--reason", "end to end test")
    made = shown(*words)
    assert made["id"].startswith("prm-")
    assert made["model"] == "fraud-dev"
    found = shown("promotions", "show", made["id"])
    assert (found["version"], found["state"]) == ("2", "requested")
    assert made["id"] in {one["id"] for one in shown("promotions", "list")}
    assert run("promotions", "show", made["id"], caller="team-b-dev").returncode not in (0, 2)


def test_viewers_do_not_ask_for_promotions():
    words = ("promotions", "create", "fraud-dev", "--version", "2", "--reason", "viewers only look")
    done = run(*words, caller="team-a-viewer")
    assert done.returncode not in (0, 2)
    assert "API-3" in done.stderr


def test_a_canary_compares_with_what_answers_in_production():
    where = urlsplit(os.environ["SERVING_URL"])
    with urllib.request.urlopen(f"http://{where.netloc}/version", timeout=30) as answer:
        production = json.load(answer)
    same = {one["version"]: one["run_id"] == production["run_id"] for one in versions()}
    for version in ("1", "2"):
        found = shown("models", "canary", "fraud-dev", "--version", version)
        assert found["requests"] >= 100
        assert str(found["production_version"]) == str(production["version"])
        differs = found["flipped_percent"] != 0 or found["mean_shift"] != 0
        assert differs is not same[version], f"version {version}: {found}"


def versions():
    return asked("/v1/models/fraud-dev")["versions"]


def test_calls_are_counted():
    before = calls("listTenants")
    for _ in range(3):
        shown("tenants", "list")
    assert calls("listTenants") - before >= 3
    assert set(shown("usage", "show")["totals"]) == {"team-a"}, "a tenant sees what others do"


def calls(operation):
    periods = asked("/v1/usage")["periods"]
    mine = [one["calls"] for one in periods if one["operation"] == operation]
    return sum(mine)
