"""Solves the module, as its learner would."""

from practicum.sdk.solving import Solver

lab = Solver.from_environment()
with lab.service("opa") as opa:
    limit = opa.call("GET", "/v1/data/lab/example/limit", persona="")["result"]
lab.config_map("docs", {"answer.yaml": f"limit: {limit}\n"})
