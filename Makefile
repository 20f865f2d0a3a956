# fathom: what a person or a build machine runs. `make` lists it.
#
# One cargo profile (release) serves the program, the tests and the lints, so
# that the dependencies are compiled once.

SHELL := /bin/bash
CARGO ?= cargo

# faiss links the system's OpenBLAS and OpenMP. macOS has no libgomp, so there
# the built-in flat search takes its place.
ifeq ($(shell uname -s),Darwin)
FEATURES ?= --no-default-features --features llama
endif

# llama.cpp is built with AVX2 only unless told otherwise; it reads a prompt
# twice as fast with AVX-512 and VNNI. NATIVE=0 builds for other machines.
NATIVE ?= 1
ifeq ($(NATIVE)$(shell grep -sqw avx512_vnni /proc/cpuinfo && echo yes),1yes)
export GGML_AVX512 := ON
export GGML_AVX512_VNNI := ON
endif

FATHOM := $(or $(CARGO_TARGET_DIR),target)/release/fathom

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup tools runtime mcp-clients build install demo test fmt clippy doc nextest doctest features editors eval test-web test-qdrant fuzz-http

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Install (or name) what the build needs: compiler, cmake, OpenBLAS, pip
	@scripts/setup.sh

tools: setup ## Install (or name) what the tests need: rustfmt, clippy, cargo-nextest
	@scripts/setup.sh tools

runtime: setup ## Fetch ONNX Runtime into the user's cache
	@scripts/runtime.sh

mcp-clients: setup ## Fetch the official MCP clients that tests run, into target/
	@scripts/mcp-clients.sh

build: setup ## Build the program
	$(CARGO) build --release $(FEATURES)

install: build runtime ## Install the program with `cargo install`
	$(CARGO) install --path . --locked $(FEATURES)

demo: build runtime ## Index fathom's own source and the tantivy crate, search both
	@scripts/demo.sh $(FATHOM)

test: fmt clippy doc nextest doctest features editors ## Everything that CI runs

fmt: tools ## Check the formatting
	$(CARGO) fmt --all --check

clippy: tools ## Lint everything, warnings are errors
	$(CARGO) clippy --release --workspace --all-targets $(FEATURES) -- -D warnings

doc: setup ## Build the API documentation, warnings are errors
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --release --workspace --no-deps $(FEATURES)

nextest: tools runtime mcp-clients ## Run the tests
	$(CARGO) nextest run --release --workspace $(FEATURES)

doctest: setup ## Run the examples in the documentation
	$(CARGO) test --release --doc --workspace $(FEATURES)

features: setup ## Check that the store builds without faiss, answers without llama.cpp, and `--store`
	$(CARGO) check --release -p fathom-indexes --no-default-features --all-targets
	$(CARGO) check --release -p fathom-answerer --all-targets
	$(CARGO) clippy --release -p fathom --lib --bins --no-default-features --features qdrant -- -D warnings

editors: tools build runtime ## Test the language server with pytest-lsp, Neovim, Emacs and VS Code's client
	@scripts/editors.sh $(FATHOM)

eval: build runtime ## Measure quality: make eval LABELS=… SOURCES=…
	$(FATHOM) eval $(LABELS) --sources $(SOURCES) --mode all

test-web: build runtime ## Test the page in a real Chromium
	@scripts/web.sh browser
	python3 tests/web/page.py $(FATHOM)

test-qdrant: export CARGO_TARGET_DIR = $(abspath qdrant/target)
test-qdrant: tools runtime ## Test `--store` against Qdrant's engine, or the server of QDRANT_URL; compiles for long
	$(CARGO) build --release --no-default-features --features qdrant
	$(CARGO) nextest run --release -p fathom --lib --no-default-features --features qdrant -E 'test(qdrant)'
	cd qdrant && FATHOM=$$CARGO_TARGET_DIR/release/fathom $(CARGO) nextest run --release --locked

fuzz-http: build runtime ## Fuzz the HTTP interface for 5 minutes: make fuzz-http SECONDS=300
	@scripts/web.sh fuzz
	python3 tests/web/fuzz.py $(FATHOM) $(or $(SECONDS),300)
