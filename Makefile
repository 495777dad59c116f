# The commands that people and CI run. `make` lists them.

.DEFAULT_GOAL := help
.PHONY: help build demo test test-integration test-engines chaos golden bench bench-peers bench-instructions bench-profile bench-history bench-listing fuzz lint fmt doc deny advisories dist check

CARGO ?= cargo
PYTHON ?= python3
# Where cargo puts what it builds; absolute, as tests run elsewhere.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
RELEASE := $(TARGET)/release
# What tests run: unoptimised but for the dependencies, and the same that `make test` builds.
DEBUG := $(TARGET)/debug
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(abspath .tools)/bin/cargo-deny
CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := $(abspath .tools)/bin/cargo-fuzz
AZURITE_VERSION := 3.37.0
# The servers of tests/servers that are no Python packages of tests/engines.
SERVERS := .venv/localstack/installed .tools/azurite/installed-$(AZURITE_VERSION) .tools/ceph/installed
FUZZ_SECONDS ?= 60
# Where tests/e2e is run once more, with logs and tables in buckets: moto or ceph.
E2E_SERVER ?= moto
BENCHES ?= all
BENCH_ROUNDS ?= 5
CHAOS_SEEDS ?= 10000
CHAOS_KILLS ?= 200

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.* ## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

build: ## Builds lakefront and loggen, optimised
	$(CARGO) build --locked --release -p lakefront -p lakefront-loggen --bins

demo: build ## Makes sample logs, converts them, and shows what came out, in demo/
	rm -rf demo
	$(RELEASE)/loggen demo/logs --distributions 2 --start 2025-01-02T00 --hours 24 --files-per-hour 2 --rows-per-file 5000
	$(RELEASE)/lakefront convert demo/logs demo/lake/cf_logs
	@echo; echo "The table, its first folders and files:"
	@cd demo/lake && find cf_logs | sort | head -n 16
	@echo; echo "Its DDL, the first lines (all of it: lakefront ddl demo/lake/cf_logs):"
	@$(RELEASE)/lakefront ddl demo/lake/cf_logs --location s3://example-bucket/lake/cf_logs | head -n 8

test: ## Runs the tests; needs no network, no server, no Python
	$(CARGO) test --locked --workspace

test-integration: .venv/integration/installed ## Reads tables with DuckDB and pyarrow; converts in S3 (moto), with and without faults
	$(CARGO) build --locked --workspace --all-targets
	LAKEFRONT_BIN=$(DEBUG)/lakefront LOGGEN_BIN=$(DEBUG)/loggen .venv/integration/bin/python -m pytest tests/integration

test-engines: .venv/engines/installed .venv/old-spark/installed $(SERVERS) build ## Spark, Hive and others read tables; Ceph, LocalStack, azurite, rclone hold them; needs Java, Node.js and apt, takes long
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen CARGO="$(CARGO)" E2E_SERVER=$(E2E_SERVER) \
		.venv/engines/bin/python -m pytest tests/engines

chaos: ## Tries to break the commit protocol: CHAOS_SEEDS (10000) random schedules, CHAOS_KILLS (200) SIGKILLs, a bit flipped in every byte of the state
	LAKEFRONT_SEEDS=$(CHAOS_SEEDS) $(CARGO) test --locked --release -p lakefront-pipeline --test exactly_once -- any_schedule
	LAKEFRONT_KILLS=$(CHAOS_KILLS) $(CARGO) test --locked --release -p lakefront --test e2e -- crash::
	LAKEFRONT_FLIP_EVERY=1 $(CARGO) test --locked --release -p lakefront-pipeline --test exactly_once -- a_turned_bit

golden: ## Writes tests/golden anew from what the program does now; look at the difference before you keep it
	UPDATE_GOLDEN=1 $(CARGO) test --locked -p lakefront --test e2e

bench: build ## Measures a whole conversion, its memory, and each stage alone
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen $(PYTHON) scripts/bench.py
	$(CARGO) bench --locked -p lakefront-cloudfront --bench decode
	$(CARGO) bench --locked -p lakefront-pipeline --bench stages
	$(CARGO) bench --locked -p lakefront-pipeline --bench stores

bench-peers: .venv/peers/installed build ## Measures BENCHES (all) beside gunzip, DuckDB, Polars, DataFusion and ClickHouse, BENCH_ROUNDS (5) times; takes long
	$(CARGO) build --locked --release -p lakefront-cloudfront --example gunzip
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen GUNZIP_BIN=$(RELEASE)/examples/gunzip \
		PEERS_PYTHON=$(abspath .venv/peers/bin/python) \
		$(PYTHON) scripts/bench_peers.py $(BENCHES) --rounds $(BENCH_ROUNDS)

bench-instructions: ## Counts instructions for a row of each stage, beside the recorded ones; RECORD=--record keeps these; needs valgrind
	$(CARGO) build --locked --release -p lakefront-pipeline --example stages
	STAGES_BIN=$(RELEASE)/examples/stages $(PYTHON) scripts/bench_instructions.py $(RECORD)

bench-profile: build ## Samples which share of a conversion each stage takes; needs perf
	LAKEFRONT_BIN=$(RELEASE)/lakefront LOGGEN_BIN=$(RELEASE)/loggen $(PYTHON) scripts/bench_profile.py

bench-history: build ## Measures runs on a table that knows ten million objects: needs 10 GB and as many inodes
	LAKEFRONT_BIN=$(RELEASE)/lakefront $(PYTHON) scripts/bench_history.py

bench-listing: build ## Counts requests, seconds and memory of listing a bucket of a million keys
	LAKEFRONT_BIN=$(RELEASE)/lakefront $(PYTHON) scripts/bench_listing.py

fuzz: $(CARGO_FUZZ) ## Throws random bytes at what reads logs, FUZZ_SECONDS (60) for each target
	for target in decompress decode; do \
		RUSTC_BOOTSTRAP=1 $(CARGO_FUZZ) run --fuzz-dir tests/fuzz $$target -- -max_total_time=$(FUZZ_SECONDS) -dict=tests/fuzz/decode.dict || exit 1; \
	done

lint: ## Looks for what clippy and rustfmt complain about
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

fmt: ## Formats the code
	$(CARGO) fmt --all

doc: ## Builds the documentation; a dead link is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: $(CARGO_DENY) ## Checks the dependencies: bans, licences, sources
	$(CARGO_DENY) --locked check --hide-inclusion-graph bans licenses sources

advisories: $(CARGO_DENY) ## Checks the dependencies for known vulnerabilities; says so when the database is out of reach
	@$(CARGO_DENY) fetch db || { echo "advisories: NOT CHECKED: the advisory database cannot be fetched from here"; exit 1; }
	$(CARGO_DENY) --locked check --disable-fetch advisories

dist: ## Builds lakefront as one would ship it: slow to build, quick to run
	$(CARGO) build --locked --profile dist -p lakefront --bins

check: ## Runs all that CI runs
	.ci/run

# Versions are pinned: figures of other ones are other figures.
.venv/peers/installed: scripts/peers/requirements.txt
	$(PYTHON) -m venv .venv/peers
	.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.venv/%/installed: tests/%/requirements.txt
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# LocalStack wants old versions of what others want new.
.venv/localstack/installed: tests/servers/localstack.txt
	$(PYTHON) -m venv .venv/localstack
	.venv/localstack/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Two versions of Spark want two environments.
.venv/old-spark/installed: tests/engines/old-spark.txt
	$(PYTHON) -m venv .venv/old-spark
	.venv/old-spark/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.tools/azurite/installed-$(AZURITE_VERSION):
	@command -v npm >/dev/null || { echo "azurite needs Node.js 20 or newer, with npm"; exit 1; }
	npm install --silent --no-audit --no-fund --prefix .tools/azurite azurite@$(AZURITE_VERSION)
	touch $@

# Debian's packages of Ceph, in the version that the release has; as root, unless they are there.
.tools/ceph/installed: scripts/install_ceph.sh
	scripts/install_ceph.sh
	mkdir -p $(@D)
	touch $@

# Unoptimised: that builds in a quarter of the time, and there is little to check.
$(CARGO_DENY):
	$(CARGO) install cargo-deny --debug --locked --version $(CARGO_DENY_VERSION) --root .tools

$(CARGO_FUZZ):
	$(CARGO) install cargo-fuzz --locked --version $(CARGO_FUZZ_VERSION) --root .tools
