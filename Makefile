# edge-token. `make help` lists what there is.
#
# Everything that is installed lies in ignored folders of this checkout: .tools, node_modules,
# target. The exceptions are the Rust toolchain and its wasm target, which are rustup's.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

RUST := $(shell sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
WORKER_BUILD := $(shell sed -n 's/^worker-build = "=\([0-9.]*\)".*/\1/p' tools/Cargo.toml)
CARGO_DENY := 0.20.2
WASM_BINDGEN := $(shell sed -n 's/^wasm-bindgen = "=\([0-9.]*\)".*/\1/p' Cargo.toml)
CARGO_FUZZ := 0.13.2
OHA := 1.16.0
# In bytes. A later release spends what is left on speed.
WASM_MAX := 1000000
WASM_GZIP_MAX := 400000

BIN := $(CURDIR)/node_modules/.bin
TOOLS := $(CURDIR)/.tools
export PATH := $(BIN):$(TOOLS)/bin:$(PATH)
export WASM_BINDGEN_BIN := $(TOOLS)/bin/wasm-bindgen
export ESBUILD_BIN := $(BIN)/esbuild
export WRANGLER_SEND_METRICS := false

say = @printf '\n\033[1m==> %s\033[0m\n' $(1)

.PHONY: help setup run build test check native e2e interop deploy-check audit sbom reproducible timing signatures fuzz load bench bench-check clean

help: ## Show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf 'make %-12s %s\n' "$$name" "$$text"; done

run: setup build ## Serve the demo on http://127.0.0.1:8787 (PORT= for another)
	@node scripts/run.mjs

build: build/index.js ## Build the release wasm into build/

test: check native build e2e interop deploy-check ## Run every test; the only thing that CI calls
	$(call say,"All of make test passed.")

# ---- Set-up -------------------------------------------------------------------------------------

setup: $(TOOLS)/prerequisites $(TOOLS)/wasm32 node_modules/.installed $(TOOLS)/wasm-bindgen-$(WASM_BINDGEN) $(TOOLS)/worker-build-$(WORKER_BUILD) ## Install what is missing
	@rm -rf $(TOOLS)/target

need = command -v $(1) >/dev/null || { printf 'make: %s is missing. Install it with: %s\n' '$(1)' '$(2)' >&2; exit 1; }

$(TOOLS)/prerequisites: Makefile rust-toolchain.toml
	@$(call need,cc,apt-get install -y build-essential)
	@$(call need,rustup,see https://rustup.rs)
	@$(call need,npm,apt-get install -y nodejs npm)
	@mkdir -p $(TOOLS)
	@rustc --version >/dev/null 2>&1 || { \
	  printf '\n==> [1/5] Installing Rust %s\n' '$(RUST)'; \
	  rustup toolchain install $(RUST) --profile minimal --component clippy --component rustfmt; }
	@touch $@

$(TOOLS)/wasm32: | $(TOOLS)/prerequisites
	$(call say,"[2/5] Adding the wasm32 target to Rust $(RUST)")
	rustup target add wasm32-unknown-unknown
	@touch $@

node_modules/.installed: package.json package-lock.json | $(TOOLS)/prerequisites
	$(call say,"[3/5] Installing the npm packages: wrangler and workerd and Node and test clients")
	npm ci --no-audit --no-fund
	@touch $@

# What these two write is deployed: each is built by its lock file in tools/.
$(TOOLS)/wasm-bindgen-$(WASM_BINDGEN): tools/Cargo.lock tools/wasm-bindgen-cli.lock | $(TOOLS)/prerequisites
	$(call say,"[4/5] Building wasm-bindgen $(WASM_BINDGEN): one to two minutes")
	TOOLS=$(TOOLS) node scripts/install-tool.mjs wasm-bindgen-cli --no-default-features
	@touch $@

$(TOOLS)/worker-build-$(WORKER_BUILD): tools/Cargo.lock tools/worker-build.lock | $(TOOLS)/prerequisites
	$(call say,"[5/5] Building worker-build $(WORKER_BUILD): one to two minutes")
	TOOLS=$(TOOLS) node scripts/install-tool.mjs worker-build
	@touch $@

# ---- Build --------------------------------------------------------------------------------------

SOURCES := $(shell find src -name '*.rs' -not -path 'src/bin/*') $(wildcard src/*/*.js) Cargo.toml Cargo.lock rust-toolchain.toml scripts/shrink.mjs Makefile

# The same octets wherever it is built: panics name files without the folders of this machine, the
# standard library's as they are called where its source is not installed. No other RUSTFLAGS count.
# SHA-256 is taken in its rolled form: 12 KB less to compile for an isolate, for some µs a token.
define build-wasm
	cargo fetch --locked --target wasm32-unknown-unknown
	@flags='--remap-path-prefix=$(CURDIR)='; \
	for folder in "$${CARGO_HOME:-$$HOME/.cargo}"/registry/src/*; do \
	  flags+=$$'\x1f'"--remap-path-prefix=$$folder="; \
	done; \
	commit=$$(rustc -vV | sed -n 's/^commit-hash: //p'); \
	flags+=$$'\x1f'"--remap-path-prefix=$$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$$commit"; \
	flags+=$$'\x1f--cfg\x1fsha2_backend_soft="compact"'; \
	export CARGO_ENCODED_RUSTFLAGS="$$flags"; \
	set -x; worker-build --release --out-dir $(@D) -- --locked $(1)
	node scripts/shrink.mjs $(@D)/index_bg.wasm
	@touch $@
endef

build/index.js: $(SOURCES) | setup
	$(call say,"Building the release wasm: about two minutes the first time")
	$(call build-wasm)

# The same with a path that panics on demand, for tests.
target/panic/index.js: $(SOURCES) | setup
	$(call say,"Building the wasm that panics on demand")
	$(call build-wasm,--features panic-on-demand)

# The same with a path that signs on demand, and what make bench compares with.
target/sign/index.js: $(SOURCES) | setup
	$(call say,"Building the wasm that signs on demand")
	$(call build-wasm,--features sign-on-demand)

target/bench/hello/index.js: $(wildcard bench/peers/sdk-hello/*.toml bench/peers/sdk-hello/src/*) Cargo.lock | setup
	$(call say,"Building the SDK's hello")
	worker-build --release bench/peers/sdk-hello --out-dir ../../../$(@D) -- --locked
	@touch $@

target/bench/p256-0.13/build/index.js: $(SOURCES) $(wildcard bench/peers/p256-0.13/*) | setup
	$(call say,"Building this project with p256 0.13")
	bash bench/peers/p256-0.13/build.sh target/bench/p256-0.13
	@touch $@

bench/peers/node_modules/.installed: bench/peers/package.json bench/peers/package-lock.json | setup
	$(call say,"Installing the npm packages of the peers")
	cd bench/peers && npm ci --no-audit --no-fund
	@touch $@

target/bench/hono.js: bench/peers/hono.mjs bench/peers/node_modules/.installed
	esbuild bench/peers/hono.mjs --bundle --minify --format=esm --log-level=warning --outfile=$@

# ---- Test ---------------------------------------------------------------------------------------

$(TOOLS)/cargo-deny-$(CARGO_DENY): | $(TOOLS)/prerequisites
	$(call say,"Building cargo-deny $(CARGO_DENY): one to two minutes")
	CARGO_PROFILE_DEV_DEBUG=false cargo install cargo-deny --version $(CARGO_DENY) --locked --debug --force --root $(TOOLS)
	@touch $@

check: setup $(TOOLS)/cargo-deny-$(CARGO_DENY)
	$(call say,"[test 1/6] Formatting and layers and dependencies and lints for both targets")
	cargo fmt --check
	@node scripts/layers.mjs
	cargo fetch --locked --quiet
	cargo deny --frozen check --deny warnings licenses bans sources
	@echo 'Advisories are checked by make audit, which needs the network.'
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --lib --target wasm32-unknown-unknown --features panic-on-demand,sign-on-demand -- -D warnings

native: setup
	$(call say,"[test 2/6] Native tests")
	cargo test --locked
	cargo test --locked --no-default-features --test vectors

# Without jq the tests of the pages' filters are skipped and say so, in CI after it has tried.
$(TOOLS)/jq: | $(TOOLS)/prerequisites
	@if command -v jq >/dev/null; then touch $@; \
	elif [ -n "$${CI:-}" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  printf '\n==> Installing jq for the filters of docs/observe.md and docs/deploy.md\n'; \
	  apt-get update -qq && apt-get install -y -qq jq >/dev/null && touch $@; \
	else \
	  echo 'make: no jq. Install it with: apt-get install -y jq' >&2; \
	fi

e2e: setup build target/panic/index.js $(TOOLS)/jq
	$(call say,"[test 3/6] What is in the wasm: its size and no path of this machine")
	@node tests/e2e/size.mjs $(WASM_MAX) $(WASM_GZIP_MAX)
	@node tests/e2e/paths.mjs
	$(call say,"[test 4/6] The built wasm under workerd and the tool and make run")
	@cargo build --locked --quiet
	node --test --test-concurrency=2 'tests/e2e/*.test.mjs'

# What requirements.txt asks for, requirements.lock has by its hashes; its first lines say how it is made.
# Without Python the tests that need it are skipped and say so; CI fails.
$(TOOLS)/venv/.installed: tests/interop/requirements.lock tests/interop/requirements.txt | $(TOOLS)/prerequisites
	$(call say,"Installing the Python test clients")
	@if python3 -c 'import ensurepip, venv' 2>/dev/null; then \
	  python3 -m venv $(TOOLS)/venv && \
	  pip="$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check"; \
	  $$pip --require-hashes -r tests/interop/requirements.lock && \
	  $$pip --no-index -r tests/interop/requirements.txt && touch $@; \
	else \
	  echo 'make: no Python with venv. Install it with: apt-get install -y python3-venv' >&2; \
	fi

# Without a browser the test that needs one is skipped and says so; CI fails, after it has tried.
$(TOOLS)/chromium: | $(TOOLS)/prerequisites
	@if command -v chromium chromium-browser google-chrome >/dev/null; then touch $@; \
	elif [ -n "$${CI:-}" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  printf '\n==> Installing Chromium for the test in a browser\n'; \
	  apt-get update -qq && apt-get install -y -qq chromium >/dev/null && touch $@; \
	else \
	  echo 'make: no Chromium. Install it with: apt-get install -y chromium' >&2; \
	fi

# Without Go or Java the tests of their verifiers are skipped and say so, in CI after it has tried.
$(TOOLS)/languages: | $(TOOLS)/prerequisites
	@if command -v go >/dev/null && command -v javac >/dev/null && [ -e /usr/share/java/jackson-databind.jar ]; then \
	  touch $@; \
	elif [ -n "$${CI:-}" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  printf '\n==> Installing Go and Java for the tests of their verifiers\n'; \
	  apt-get update -qq || true; \
	  for package in golang-go default-jdk-headless libjackson2-databind-java; do \
	    apt-get install -y -qq --no-install-recommends $$package >/dev/null || true; \
	  done; \
	fi

interop: setup build $(TOOLS)/venv/.installed $(TOOLS)/chromium $(TOOLS)/languages
	$(call say,"[test 5/6] Clients and verifiers and a browser that others wrote")
	@cargo build --locked --quiet
	node --test --test-concurrency=2 'tests/interop/*.test.mjs'

deploy-check: setup build
	$(call say,"[test 6/6] wrangler deploy --dry-run for the demo and for production")
	wrangler deploy --dry-run --env ''
	wrangler deploy --dry-run --env production

# ---- Supply chain -------------------------------------------------------------------------------

audit: setup $(TOOLS)/cargo-deny-$(CARGO_DENY) ## Ask for known vulnerabilities and for signatures of the npm packages
	@node scripts/audit.mjs

sbom: setup build ## Write what the wasm consists of to build/sbom.cdx.json (CycloneDX)
	@node scripts/sbom.mjs

timing: setup ## Test whether comparing secrets and signing take time that tells of them (about three minutes)
	cargo bench --locked --bench timing

signatures: setup ## Compare a million signatures with those of the crate p256 (about two minutes)
	cargo bench --locked --bench signatures

reproducible: setup ## Build what is committed twice, in two folders, and compare the octets
	@node scripts/reproducible.mjs

# ---- Fuzz ---------------------------------------------------------------------------------------

FUZZ_SECONDS ?= 30

$(TOOLS)/cargo-fuzz-$(CARGO_FUZZ): | $(TOOLS)/prerequisites
	@$(call need,c++,apt-get install -y build-essential)
	$(call say,"Building cargo-fuzz $(CARGO_FUZZ): one minute")
	cargo install cargo-fuzz --version $(CARGO_FUZZ) --locked --debug --force --root $(TOOLS)
	@touch $@

fuzz: $(TOOLS)/cargo-fuzz-$(CARGO_FUZZ) ## Run each fuzz target for FUZZ_SECONDS=30 (TARGETS= for some)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) node scripts/fuzz.mjs $(TARGETS)

# ---- Load ---------------------------------------------------------------------------------------

load: setup build $(TOOLS)/oha-$(OHA) ## Hold it under hostile traffic, LOAD_SECONDS (600) long
	@$(call need,taskset,apt-get install -y util-linux)
	@taskset -c "$$(($$(nproc) - 1))" node tests/load/load.mjs

$(TOOLS)/oha-$(OHA): | $(TOOLS)/prerequisites
	$(call say,"Building oha $(OHA) which sends the load: some minutes")
	cargo install oha --version $(OHA) --locked --force --root $(TOOLS)
	@touch $@

# ---- Benchmark ----------------------------------------------------------------------------------

bench: setup build target/sign/index.js target/bench/hello/index.js target/bench/hono.js target/bench/p256-0.13/build/index.js ## Measure what a token costs, beside its peers (about a quarter of an hour)
	@$(call need,taskset,apt-get install -y util-linux)
	@node bench/bench.mjs

bench-check: setup build target/bench/hello/index.js target/bench/hono.js ## Fail if a token has become dearer by a fifth, beside the SDK's hello or Hono, or the wasm too large
	@$(call need,taskset,apt-get install -y util-linux)
	@node tests/e2e/size.mjs $(WASM_MAX) $(WASM_GZIP_MAX)
	@node bench/bench.mjs --check

# ---- The rest -----------------------------------------------------------------------------------

clean: ## Go back to a fresh clone; the demo's keys and clients go too
	rm -rf target build node_modules bench/peers/node_modules .tools .demo .wrangler fuzz/target fuzz/found fuzz/artifacts
