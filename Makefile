# Everything a person or a machine does with this repository begins here; `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# rustup puts cargo there, and Debian the network tools; neither is always on an ordinary user's PATH.
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/sbin:/sbin
SMOKE := --package coremill-bench --test smoke

.PHONY: help
help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what building and the demo need and this machine lacks (apt, with sudo where not root)
	@deploy/host/setup build demo

.PHONY: build
build: ## build coremilld, coremill and coremill-load into target/release
	@deploy/host/setup build
	cargo build --release --locked --bins --examples

.PHONY: demo
demo: build ## show the daemon serving real clients inside namespaces of its own; KEEP=1 leaves it running
	@deploy/host/setup build demo
	@KEEP=$(KEEP) deploy/demo/run

.PHONY: test
test: ## format, lints, unit tests, tidiness and namespace tests with the real daemon
	@deploy/host/setup build demo test
	@deploy/host/test

.PHONY: verify
verify: ## make test, then all in release: 10,000 simulator seeds, long forms, and what make bench measures
	@deploy/host/setup build demo test bench
	@deploy/host/test --long

.PHONY: verify-simulation
verify-simulation: ## a million simulator seeds, or SEEDS of them, and the grid of throughputs; goes on where it stopped
	deploy/host/verify-simulation $(or $(SEEDS),1000000)

.PHONY: compliance
compliance: ## write tcp/COMPLIANCE.md anew from tcp/requirements
	COREMILL_WRITE=1 cargo test --locked --quiet --package coremill-bench --test compliance

.PHONY: coverage
coverage: ## the lines of the TCP machine that its tests reach: 95 % at least; those that none reaches are listed
	deploy/host/coverage

.PHONY: fuzz
fuzz: ## fuzz the TCP machine: TARGET=header, options, states or crossing, for SECONDS=60; goes on where it stopped
	tcp/fuzz/run $(or $(TARGET),states) $(or $(SECONDS),60)

.PHONY: verify-fuzz verify-fuzz-wire
verify-fuzz: ## one machine and two against each other fuzzed for half an hour, or SECONDS; goes on where it stopped
	tcp/fuzz/verify $(or $(SECONDS),1800) states crossing

verify-fuzz-wire: ## header and options fuzzed for half an hour, or SECONDS; goes on where it stopped
	tcp/fuzz/verify $(or $(SECONDS),1800) header options

.PHONY: verify-interop verify-hostile verify-deaths verify-applications
verify-interop: ## the kernel as peer: loss, options, small packets, 20 minutes of chance; goes on where it stopped
	@deploy/host/setup build demo test
	deploy/host/verify interop::

verify-hostile: ## applications that lie, a minute each, and what a liar costs another one; goes on where it stopped
	@deploy/host/setup build demo test
	deploy/host/verify hostile:: limits::

verify-deaths: ## applications killed at each step and 2,000 times under load; goes on where it stopped
	@deploy/host/setup build demo test
	deploy/host/verify deaths:: daemon_dies::

verify-applications: ## 1 GiB, loss, crowds, proxies and connecting out at full length; goes on where it stopped
	@deploy/host/setup build demo test
	deploy/host/verify applications:: crowds:: \
		passed_on:: connecting_out::

.PHONY: smoke
smoke: ## the namespace tests only; ONLY=name picks those whose name contains it
	@deploy/host/setup build demo test
	cargo build --locked --bins --examples
	cargo test --locked $(SMOKE) -- --nocapture $(ONLY)

.PHONY: script
script: ## play packetdrill scripts against the TCP machine; FILE=path or folder, AGAINST=daemon, kernel or all of them
	cargo build --locked --quiet --package coremill-daemon --package coremill-script
	cargo run --locked --quiet --package coremill-script -- $(and $(AGAINST),--against $(AGAINST)) \
		$(or $(FILE),tcp/tests/scripts)

.PHONY: verify-scripts
verify-scripts: ## all scripts on virtual time, in the daemon and beside the kernel; goes on where it was stopped
	@deploy/host/setup build demo
	cargo build --locked --release --package coremill-daemon --package coremill-script
	target/release/coremill-script --against all --record "target/verify-scripts/$$(deploy/host/tree)" tcp/tests/scripts

.PHONY: bench
bench: build ## what is measured: rates beside the kernel's sockets and testpmd, instructions, system calls of a busy worker
	@deploy/host/setup build bench
	cargo bench --locked --package coremill-bench --bench rpc_ratio --bench application_ratio
	bench/lab/instructions
	bench/lab/system_calls

.PHONY: clean
clean: ## remove what was built
	cargo clean
