# Every verb of the project; `make help` lists them. Everything is built and cached outside the
# checkout, in $(PRACTICUM_CACHE).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PRACTICUM_CACHE ?= $(HOME)/.cache/practicum
export PYTHONPATH := operator:.
REQUIREMENTS := requirements/dev.txt
# One environment for each list of packages and each interpreter: one made with another python3 is
# never reused, whose standard library would meet a foreign binary.
INTERPRETER := python3 -c 'import sys; print(sys.base_prefix, sys.version)'
VENV := $(PRACTICUM_CACHE)/venv-$(shell { $(INTERPRETER); cat $(REQUIREMENTS); } 2>/dev/null | sha256sum | cut -c1-12)
PYTHON := $(VENV)/bin/python
CLUSTER := python3 -m e2e.cluster
SOURCES := operator tests e2e lab-templates tools
MODULES := $(patsubst lab-templates/%/template.yaml,%,$(wildcard lab-templates/*/template.yaml))
export KUBECONFIG_CLUSTER := $(or $(PRACTICUM_KUBECONFIG),$(PRACTICUM_CACHE)/cluster/kubeconfig)

help: ## list every verb
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.done ## create the Python environment in the cache
$(VENV)/.done:
	@python3 -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet --require-hashes -r $(REQUIREMENTS)
	@touch $@

print-python: ## path of the environment's interpreter, for scripts
	@echo $(PYTHON)

fmt: install ## format and fix what can be fixed
	@$(VENV)/bin/ruff format $(SOURCES)
	@$(VENV)/bin/ruff check --fix $(SOURCES)

lint: install ## format check, lint, types, import layers, and the same of the labs' policies
	@$(VENV)/bin/ruff format --check $(SOURCES)
	@$(VENV)/bin/ruff check $(SOURCES)
	@$(VENV)/bin/mypy operator/practicum e2e
	@$(VENV)/bin/lint-imports
	@$(PYTHON) -m tools.policies lint

crds: install ## generate crds/ from the models
	@$(PYTHON) -m practicum.api.crd crds

chart-sync: crds ## copy the CRDs into the chart
	@$(PYTHON) tools/sync_chart.py

golden: chart-sync ## write the golden manifests anew
	@$(CLUSTER) tools > /dev/null
	@$(PYTHON) -m pytest -q tests/golden tests/chart --update-golden

requirements: install ## compile the pinned requirements anew
	@tools/requirements.sh

test: ## everything: lint, policies, unit, golden, API level, alerts, attacks, chaos, journeys and modules on the real cluster
	@python3 -m tests.suites
test-fast: ## lint, policies, unit tests and golden manifests
	@python3 -m tests.suites lint policies unit golden
policies: install ## the labs' policies: opa test, and how much of each package it reaches
	@$(PYTHON) -m tools.policies test
test-chart: ## the chart as Helm renders it: lint, values, golden manifests
	@python3 -m tests.suites chart
test-apiserver: ## tests against a real API server, without nodes
	@python3 -m tests.suites apiserver
test-operations: ## alerts, dashboard and an induced failure, with a real Prometheus
	@python3 -m tests.suites operations
test-security: ## attacks on a real API server with learners' own credentials, the operator down
	@python3 -m tests.suites security
test-security-kind: ## the same attacks on the real cluster; it is to be thrown away afterwards
	@PRACTICUM_ATTACKED_KUBECONFIG=$(KUBECONFIG_CLUSTER) python3 -m tests.suites security
test-chaos: ## kills, a failing API server, two replicas: a slice of every sweep
	@python3 -m tests.suites chaos
chaos-full: ## the same with a kill after every single write, and expiry with the operator down
	@PRACTICUM_CHAOS=full python3 -m tests.suites chaos
kills-full: install ## on the real cluster: a kill of the operator's pod after every effect of a promotion
	@PRACTICUM_CHAOS=full $(PYTHON) -m pytest e2e/test_change_kills.py
test-e2e: ## journeys on the real cluster with the chart installed
	@python3 -m tests.suites e2e
test-modules: ## every module on the real cluster: new, every check fails; solved, every check passes
	@python3 -m tests.suites modules
coverage: install ## lab-templates/README.md: roadmap, tasks, checks, and what was seen last
	@$(PYTHON) -m tools.coverage $(ROADMAPS)
docs: install ## docs/api.md, and the table of what labs take in docs/operations.md
	@$(PYTHON) -m tools.api_reference
	@$(PYTHON) -m tools.sizing
test-netpol: ## Kubernetes' own NetworkPolicy cases, on a cluster that runs
	@$(CLUSTER) netpol

cluster-up: ## a real kind cluster, without Docker or a registry if need be
	@$(CLUSTER) up
cluster-down: ## remove the cluster and all it made
	@$(CLUSTER) down
cluster-status: ## what runs, and whether it is healthy
	@$(CLUSTER) status
images: ## build the images and load them into the cluster
	@$(CLUSTER) images

demo: install ## cluster, images, chart, one lab, the proof that it is real, and a governed change
	@$(PYTHON) -m e2e.demo up
demo-down: install ## remove the demo and its cluster
	@$(PYTHON) -m e2e.demo down
bench: install ## speed and scale on a control plane alone, beside raw floors; build/bench.json
	@$(PYTHON) -m tests.bench
bench-ready: install ## time from apply to Ready, against kubectl apply of the same manifests
	@$(PYTHON) -m tests.bench.ready

.PHONY: help install print-python fmt lint crds chart-sync golden requirements test test-fast policies test-chart \
  test-apiserver test-operations test-security test-security-kind test-chaos chaos-full kills-full test-e2e test-modules coverage docs test-netpol cluster-up cluster-down \
  cluster-status images demo demo-down bench bench-ready
