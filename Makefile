# What people run and what CI runs are the same commands. `make help` lists them.

PAGE := web/app/dist/index.html
PAGE_SOURCES := $(shell git ls-files web 2>/dev/null)
DATA ?= data
CLIENTS ?= 1000
DURATION ?= 30s
KILLS ?= 50
EDITS ?= 100000
ROOMS ?= 10000

.PHONY: help run build test check unit page-check e2e smoke bench crash soak setup setup-test clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: build ## Build page and server, and start it (DATA=folder)
	exec target/release/collab-server --data $(DATA)

build: $(PAGE) ## Build the page, the server, the terminal client and the load generator
	cargo build --release -p collab-server -p collab-cli -p collab-bench

test: setup-test check page-check unit e2e smoke ## Install what tests need, and run all of them
	@echo "all tests passed"

setup: ## Say what is missing to build
	scripts/setup build

setup-test: ## Install what the tests need (on Debian, with apt)
	scripts/setup test

$(PAGE): $(PAGE_SOURCES) | setup
	cd web && npm ci --no-audit --no-fund && npm run build

check: $(PAGE) ## Format, lints and documentation, all warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

unit: $(PAGE) ## Rust tests, the ones that drive the real binaries included
	cargo build --workspace --bins --locked
	timeout 1200 cargo test --workspace --locked

page-check: $(PAGE) ## Types, lint and tests of the page and the provider
	cd tests/e2e && npm ci --no-audit --no-fund
	cd web && npm run typecheck && npm run lint && npm test

e2e: page-check ## Two pages in Chromium and a terminal write into one text
	cargo build --workspace --bins --locked
	cd tests/e2e && timeout 600 npm test

smoke: ## A short run of the load generator: nothing lost, all replicas equal
	cargo build --workspace --bins --locked
	target/debug/collab-bench --clients 50 --rooms 5 --duration 5s
	target/debug/collab-bench reconnect --clients 50 --rooms 5 --duration 6s --kill-after 2s

bench: build ## Measure latencies with 1,000 clients (CLIENTS=, DURATION=)
	target/release/collab-bench --clients $(CLIENTS) --duration $(DURATION) --json target/bench.json

crash: $(PAGE) ## Kill the server under load, again and again: nothing saved is missing or twice (KILLS=)
	cargo build --workspace --bins --locked
	COLLAB_KILLS=$(KILLS) cargo test -p collab-tests --locked --test durability kills -- --nocapture

soak: build ## A room edited 100,000 times, 10,000 rooms visited once: file, load time and memory (EDITS=, ROOMS=)
	COLLAB_SOAK_EDITS=$(EDITS) COLLAB_SOAK_ROOMS=$(ROOMS) timeout 3600 \
		cargo test --release -p collab-tests --locked --test compaction -- --nocapture --test-threads 1

clean: ## Remove everything that was built
	cargo clean
	rm -rf web/node_modules web/app/dist tests/e2e/node_modules
