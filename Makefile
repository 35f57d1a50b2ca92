# Each target does all of its own set-up; `make demo` and `make test` are the two to know.

CARGO ?= cargo
# Personal choices of the shell must not reach builds: the committed .sqlx data checks the statements.
export SQLX_OFFLINE = true
BINARY = target/debug/watchkeeper
# PostgreSQL for the tests: an embedded cluster, or the server of DATABASE_URL.
BESIDE = $(BINARY) with-postgres --

.PHONY: demo test check lint unit-check docs sqlx sqlx-check bench chaos build prerequisites

## Shows it at work on invented accounts. ARGS="--list FOLDER", ARGS="--download", ARGS="--exit", …
demo: prerequisites
	$(CARGO) run --release -- demo $(ARGS)

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

sqlx-check: $(BINARY)
	$(BESIDE) tools/sqlx-data check

# Any earlier build will do: a statement that is not in .sqlx yet must not keep it from being put there.
$(BINARY): | prerequisites
	$(CARGO) build

## Figures: runs per second beside plain SQL, import, memory.
bench: prerequisites
	$(CARGO) bench --bench engine $(ARGS)

## PostgreSQL stopped and the daemon killed under load, N times each.
chaos: build
	WATCHKEEPER_CHAOS=$(or $(N),20) $(BESIDE) $(CARGO) test --test it chaos -- --nocapture

build: prerequisites
	$(CARGO) build

prerequisites:
	@tools/ensure-postgres
