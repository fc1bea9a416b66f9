# What people run and what CI runs are the same commands. `make help` lists them.

PAGE := web/app/dist/index.html
PAGE_SOURCES := $(shell git ls-files web 2>/dev/null)
DATA ?= data
DURATION ?= 10s
SEEDS ?= 100000
FIRST ?= 1
SECONDS ?= 600
OPERATIONS ?= 10000000
KILLS ?= 50
EDITS ?= 100000
ROOMS ?= 10000
ROUNDS ?= 3

.PHONY: differential-short help run build test check unit page-check e2e screenshots smoke bench bench-peers differential fuzz crash soak sim setup setup-test clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: build ## Build page and server, and start it (DATA=folder)
	exec target/release/collab-server --data $(DATA)

build: $(PAGE) ## Build the page, the server, the terminal client and the load generator
	cargo build --release -p collab-server -p collab-cli -p collab-bench

test: setup-test check page-check unit differential-short e2e smoke ## Install what tests need, and run all of them
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

differential-short: ## A short comparison of the shared text with Yjs
	cd tests/differential && npm ci --no-audit --no-fund
	timeout 600 cargo run --locked -p collab-fuzz-targets --example differential -- 100000

differential: ## Compare the shared text with Yjs, in honest and hostile histories (OPERATIONS=)
	cd tests/differential && npm ci --no-audit --no-fund
	cargo run --release --locked -p collab-fuzz-targets --example differential -- $(OPERATIONS)

fuzz: ## Fuzz everything that takes bytes from outside, with nightly Rust (SECONDS= for all together)
	scripts/setup fuzz
	cargo run --locked -p collab-fuzz-targets --example seeds -- fuzz/corpus
	cd fuzz && for target in codec update state_vector room; do \
	  CARGO_TARGET_DIR=../target/fuzz cargo +nightly fuzz run --fuzz-dir . $$target -- \
	    -max_total_time=$$(($(SECONDS) / 4)) -rss_limit_mb=2048 -timeout=10 || exit 1; \
	done

page-check: $(PAGE) ## Types, lint and tests of the page and the provider
	cd tests/e2e && npm ci --no-audit --no-fund
	cd web && npm run typecheck && npm run lint && npm test

e2e: page-check ## Pages in Chromium and Firefox, terminals and stock Yjs providers write into one text
	cargo build --workspace --bins --locked
	cd tests/e2e && timeout 600 npm test

screenshots: page-check ## Take the README's pictures anew, from a test run
	cargo build --workspace --bins --locked
	cd tests/e2e && COLLAB_SCREENSHOTS=../../docs timeout 300 npm test -- looks

smoke: ## A short run of the load generator: nothing lost, all replicas equal
	cargo build --workspace --bins --locked
	target/debug/collab-bench --clients 50 --rooms 5 --duration 5s --lag-limit 1h
	target/debug/collab-bench --clients 50 --rooms 5 --duration 3s --lag-limit 1h --transport websocket
	target/debug/collab-bench --clients 50 --rooms 5 --duration 3s --lag-limit 1h --transport yjs-ws
	target/debug/collab-bench --clients 50 --rooms 5 --duration 3s --lag-limit 1h --workers 2
	target/debug/collab-bench reconnect --clients 50 --rooms 5 --duration 6s --lag-limit 1h --kill-after 2s

bench: build ## Measure what this server has goals for, and print both (ROUNDS=); the loss needs root
	target/release/collab-bench goals --rounds $(ROUNDS)
	-target/release/collab-bench lossy --loss 1%

bench-peers: build ## Compare with y-websocket, Hocuspocus and Y-Sweet, into bench/RESULTS.md (DURATION=, ROUNDS=)
	-scripts/setup bench
	target/release/collab-bench peers --duration $(DURATION) --rounds $(ROUNDS)


crash: $(PAGE) ## Kill the server under load, again and again: nothing saved is missing or twice (KILLS=)
	cargo build --workspace --bins --locked
	COLLAB_KILLS=$(KILLS) cargo test -p collab-tests --locked --test durability kills -- --nocapture

soak: build ## A room edited 100,000 times, 10,000 rooms visited once: file, load time and memory (EDITS=, ROOMS=)
	COLLAB_SOAK_EDITS=$(EDITS) COLLAB_SOAK_ROOMS=$(ROOMS) timeout 3600 \
		cargo test --release -p collab-tests --locked --test compaction -- --nocapture --test-threads 1

sim: ## Play the simulation: people, a room, and everything that goes wrong (SEEDS=, FIRST=, SIM_ARGS=--trace)
	cargo build --release --locked -p collab-tests --bin collab-sim
	target/release/collab-sim --first $(FIRST) --seeds $(SEEDS) $(SIM_ARGS)

clean: ## Remove everything that was built
	cargo clean
	rm -rf web/node_modules web/app/dist tests/e2e/node_modules tests/differential/node_modules
