.PHONY: help setup demo test check faults bench gas coverage mutants prove clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the pinned tools and environments into this folder
	@scripts/setup

demo: ## Watch money move: five acts on a local chain
	@scripts/demo

test: ## Run every test
	@scripts/test

check: ## Judge style, types, layers, contracts, gas and locks
	@scripts/check

prove: ## Prove the contract's invariants with halmos; takes an hour or more
	@scripts/prove

faults: ## Play every fault of the chain side with SEEDS seeds each, ten by default
	@scripts/faults

bench: ## Measure co-signed updates per second
	@scripts/bench

gas: ## Measure gas per operation, beside limits and rivals
	@scripts/gas

coverage: ## Show which lines and branches of the contracts the tests reach
	@scripts/coverage

mutants: ## Plant every known bug in the contracts and see it found
	@scripts/mutants

clean: ## Remove all that was built or installed here
	@scripts/clean
