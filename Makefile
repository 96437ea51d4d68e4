.PHONY: help setup demo test check prove bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the pinned tools and environments into this folder
	@scripts/setup

demo: ## Watch money move: five acts on a local chain
	@scripts/demo

test: ## Run every test
	@scripts/test

check: ## Judge style, types, layers, contracts and locks
	@scripts/check

prove: ## Prove the contract's invariants with halmos; takes minutes
	@scripts/prove

bench: ## Measure co-signed updates per second
	@scripts/bench

clean: ## Remove all that was built or installed here
	@scripts/clean
