# Commands for developers and CI. `make` lists them.

.DEFAULT_GOAL := help
.PHONY: help build demo test test-integration test-engines chaos golden bench bench-peers bench-instructions bench-profile bench-history bench-listing fuzz lint fmt doc deny advisories dist check

CARGO ?= cargo
PYTHON ?= python3
# Cargo's target folder; absolute, because tests run in other folders.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
RELEASE := $(TARGET)/release
# The build that tests run: the same as that of `make test`, with only the dependencies optimised.
DEBUG := $(TARGET)/debug
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(abspath .tools)/bin/cargo-deny
CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := $(abspath .tools)/bin/cargo-fuzz
AZURITE_VERSION := 3.37.0
# Servers of tests/servers that are installed separately from tests/engines/requirements.txt.
SERVERS := .venv/localstack/installed .tools/azurite/installed-$(AZURITE_VERSION) .tools/ceph/installed
FUZZ_SECONDS ?= 60
# Server for the run of tests/e2e with logs and tables in buckets: moto or ceph.
E2E_SERVER ?= moto
BENCHES ?= all
BENCH_ROUNDS ?= 5
CHAOS_SEEDS ?= 10000
CHAOS_KILLS ?= 200

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.* ## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

build: ## Builds lakefront and loggen, optimised
	$(CARGO) build --locked --release -p lakefront -p lakefront-loggen --bins

demo: build ## Makes sample logs, converts them, and shows the table, in demo/
	rm -rf demo
	$(RELEASE)/loggen demo/logs --distributions 2 --start 2025-01-02T00 --hours 24 --files-per-hour 2 --rows-per-file 5000
	$(RELEASE)/lakefront convert demo/logs demo/lake/cf_logs
	@echo; echo "The first folders and files of the table:"
	@cd demo/lake && find cf_logs | sort | head -n 16
	@echo; echo "The first lines of its DDL (lakefront ddl demo/lake/cf_logs prints all of it):"
	@$(RELEASE)/lakefront ddl demo/lake/cf_logs --location s3://example-bucket/lake/cf_logs | head -n 8

test: ## Runs the tests; needs no network, server or Python
	$(CARGO) test --locked --workspace

test-integration: .venv/integration/installed ## Reads tables with DuckDB and pyarrow; converts in S3 (moto), with and without injected faults
	$(CARGO) build --locked --workspace --all-targets
	LAKEFRONT_BIN=$(DEBUG)/lakefront LOGGEN_BIN=$(DEBUG)/loggen .venv/integration/bin/python -m pytest tests/integration

test-engines: .venv/engines/installed .venv/old-spark/installed $(SERVERS) build ## Reads tables with Spark, Hive and others; stores them in Ceph, LocalStack, azurite and rclone; slow; needs Java, Node.js and apt
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen CARGO="$(CARGO)" E2E_SERVER=$(E2E_SERVER) \
		.venv/engines/bin/python -m pytest tests/engines

chaos: ## Tries to break the commit protocol: CHAOS_SEEDS (10000) random schedules, CHAOS_KILLS (200) SIGKILLs, one flipped bit in each byte of the state
	LAKEFRONT_SEEDS=$(CHAOS_SEEDS) $(CARGO) test --locked --release -p lakefront-operations --test exactly_once -- any_schedule
	LAKEFRONT_KILLS=$(CHAOS_KILLS) $(CARGO) test --locked --release -p lakefront --test e2e -- crash::
	LAKEFRONT_FLIP_EVERY=1 $(CARGO) test --locked --release -p lakefront-operations --test exactly_once -- a_turned_bit

golden: ## Rewrites tests/golden from the program's current output; review the difference before you commit it
	UPDATE_GOLDEN=1 $(CARGO) test --locked -p lakefront --test e2e

bench: build ## Measures whole conversions, their memory, and single stages
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen $(PYTHON) scripts/bench/__main__.py convert
	$(CARGO) bench --locked -p lakefront-cloudfront --bench decode
	$(CARGO) bench --locked -p lakefront-operations --bench stages
	$(CARGO) bench --locked -p lakefront-operations --bench stores

bench-peers: .venv/peers/installed build ## Compares with gunzip, DuckDB, Polars, DataFusion and ClickHouse: BENCHES (all), BENCH_ROUNDS (5) rounds; slow
	$(CARGO) build --locked --release -p lakefront-cloudfront --example gunzip
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen GUNZIP_BIN=$(RELEASE)/examples/gunzip \
		PEERS_PYTHON=$(abspath .venv/peers/bin/python) \
		$(PYTHON) scripts/bench/__main__.py $(BENCHES) --rounds $(BENCH_ROUNDS)

bench-instructions: ## Counts instructions per row of each stage, compared with recorded ones; RECORD=--record updates those; needs valgrind
	$(CARGO) build --locked --release -p lakefront-operations --example stages
	STAGES_BIN=$(RELEASE)/examples/stages $(PYTHON) scripts/bench/__main__.py instructions $(RECORD)

bench-profile: build ## Samples the share of processor time of each stage; needs perf
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen $(PYTHON) scripts/bench/__main__.py profile

bench-history: build ## Measures runs on a table that has converted ten million objects; needs 10 GB and ten million inodes
	LAKEFRONT_BIN=$(RELEASE)/lakefront $(PYTHON) scripts/bench/__main__.py history

bench-listing: build ## Measures requests, seconds and memory of listing a bucket of a million keys
	LAKEFRONT_BIN=$(RELEASE)/lakefront $(PYTHON) scripts/bench/__main__.py listing

fuzz: $(CARGO_FUZZ) ## Fuzzes the log readers and the encoder, FUZZ_SECONDS (60) per target
	for target in decompress decode encode; do \
		mkdir -p tests/fuzz/corpus/$$target tests/fuzz/seeds/$$target && \
		RUSTC_BOOTSTRAP=1 $(CARGO_FUZZ) run --fuzz-dir tests/fuzz $$target tests/fuzz/corpus/$$target tests/fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -dict=tests/fuzz/decode.dict || exit 1; \
	done

lint: ## Checks with rustfmt and clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

fmt: ## Formats the code
	$(CARGO) fmt --all

doc: ## Builds the documentation; a broken link is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: $(CARGO_DENY) ## Checks the dependencies for bans, licences and sources
	$(CARGO_DENY) --locked check --hide-inclusion-graph bans licenses sources

advisories: $(CARGO_DENY) ## Checks the dependencies for known vulnerabilities; fails if the database cannot be fetched
	@$(CARGO_DENY) fetch db || { echo "advisories: NOT CHECKED: the advisory database cannot be fetched from here"; exit 1; }
	$(CARGO_DENY) --locked check --disable-fetch advisories

dist: ## Builds lakefront for distribution: slow to build, fast to run
	$(CARGO) build --locked --profile dist -p lakefront --bins

check: ## Runs everything that CI runs
	.ci/run

# Versions are pinned, because figures depend on them.
.venv/peers/installed: scripts/bench/peers/requirements.txt
	$(PYTHON) -m venv .venv/peers
	.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.venv/%/installed: tests/%/requirements.txt
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# LocalStack needs older versions of packages than the others.
.venv/localstack/installed: tests/servers/localstack.txt
	$(PYTHON) -m venv .venv/localstack
	.venv/localstack/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Two versions of Spark need two environments.
.venv/old-spark/installed: tests/engines/old-spark.txt
	$(PYTHON) -m venv .venv/old-spark
	.venv/old-spark/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.tools/azurite/installed-$(AZURITE_VERSION):
	@command -v npm >/dev/null || { echo "azurite needs Node.js 20 or newer, with npm"; exit 1; }
	npm install --silent --no-audit --no-fund --prefix .tools/azurite azurite@$(AZURITE_VERSION)
	touch $@

# Debian's packages of Ceph, in the version of the release. Needs root unless they are installed.
.tools/ceph/installed: scripts/install_ceph.sh
	scripts/install_ceph.sh
	mkdir -p $(@D)
	touch $@

# Not optimised: it builds in a quarter of the time, and there is little to check.
$(CARGO_DENY):
	$(CARGO) install cargo-deny --debug --locked --version $(CARGO_DENY_VERSION) --root .tools

$(CARGO_FUZZ):
	$(CARGO) install cargo-fuzz --locked --version $(CARGO_FUZZ_VERSION) --root .tools
