# Each target does all of its own set-up; `make demo` and `make test` are the two to know.

CARGO ?= cargo
# Personal choices of the shell must not reach builds: the committed .sqlx data checks the statements.
export SQLX_OFFLINE = true
BINARY = target/debug/watchkeeper
# PostgreSQL for the tests: an embedded cluster, or the server of DATABASE_URL.
BESIDE = $(BINARY) with-postgres --

.PHONY: demo test check lint unit-check docs sqlx sqlx-check openapi bench chaos limits build prerequisites

## Shows it at work on invented accounts. ARGS="--list FOLDER", ARGS="--download", ARGS="--exit", …
demo: prerequisites
	$(CARGO) run -- demo $(ARGS)

## All tests, against real PostgreSQL. ARGS="NAME" runs some.
test: build
	$(BESIDE) $(CARGO) test --lib --bins --tests $(ARGS)
	$(BESIDE) $(CARGO) test --doc --quiet

## What CI runs: linters, then tests.
check: lint test

lint: prerequisites
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --features opentelemetry -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items --quiet
	$(MAKE) --no-print-directory sqlx-check unit-check

## The systemd units: well formed, and hardened as promised.
unit-check:
	tools/check-units

docs:
	$(CARGO) doc --no-deps --document-private-items

## Writes the .sqlx data anew, from the migrations; after a change of a statement or of the schema.
sqlx: $(BINARY)
	$(BESIDE) tools/sqlx-data write

## Writes docs/openapi.json anew; after a change of the API.
openapi: build
	$(BINARY) openapi > docs/openapi.json

sqlx-check: $(BINARY)
	$(BESIDE) tools/sqlx-data check

# Any earlier build will do: a statement that is not in .sqlx yet must not keep it from being put there.
$(BINARY): | prerequisites
	$(CARGO) build

## Figures: runs per second beside plain SQL, latency, memory, import (docs/figures.md).
bench: prerequisites
	$(CARGO) bench --bench engine $(ARGS)

## Three daemons under load and what can happen to them, N times each (20), or KILLS=… FREEZES=… CUTS=… STOPS=…
## STORMS=… ROLLS=… FULL_DATA=… FULL_LOG=…; SEED=… decides the order.
chaos: build
	WATCHKEEPER_CHAOS=$(or $(N),20) WATCHKEEPER_CHAOS_SEED=$(or $(SEED),$(shell date +%s)) \
	WATCHKEEPER_CHAOS_KILLS=$(KILLS) WATCHKEEPER_CHAOS_FREEZES=$(FREEZES) WATCHKEEPER_CHAOS_CUTS=$(CUTS) \
	WATCHKEEPER_CHAOS_STOPS=$(STOPS) WATCHKEEPER_CHAOS_STORMS=$(STORMS) WATCHKEEPER_CHAOS_ROLLS=$(ROLLS) \
	WATCHKEEPER_CHAOS_FULL_DATA=$(FULL_DATA) WATCHKEEPER_CHAOS_FULL_LOG=$(FULL_LOG) \
		$(BESIDE) $(CARGO) test --test fleet lose_no_slot -- --nocapture --test-threads=1

## A provider that counts, asked N times (1,000,000) at most RATE times a second by three daemons that are killed; at least
## USED percent (95) of the limit must be used.
limits: build
	WATCHKEEPER_CHAOS_CALLS=$(or $(N),1000000) WATCHKEEPER_CHAOS_SEED=$(or $(SEED),$(shell date +%s)) \
	WATCHKEEPER_CHAOS_RATE=$(or $(RATE),2000) WATCHKEEPER_CHAOS_BURST=$(or $(BURST),200) \
	WATCHKEEPER_CHAOS_USED=$(or $(USED),95) \
		$(BESIDE) $(CARGO) test --test fleet keeps_the_limit -- --nocapture --include-ignored

build: prerequisites
	$(CARGO) build

prerequisites:
	@tools/ensure-postgres
