# Tierline's commands. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help run test tools redis bench rehearsal crash

PROGRAM := $(or $(CARGO_TARGET_DIR),target)/release/tierline

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start a server with sample customers and agents; it says how to submit and pull
	cargo build --release --locked
	@exec $(PROGRAM) serve --import-customers config/customers.csv --import-agents config/agents.csv

test: tools redis ## Everything: format, lints as errors, all tests with a real Redis
	@echo '== 1/3 format'
	cargo fmt --check
	@echo '== 2/3 lints'
	cargo clippy --locked --all-targets -- -D warnings
	@echo '== 3/3 tests'
	cargo test --locked --no-fail-fast

# Rust's minimal profile comes without them, and Debian's own packages are separate.
tools:
	@for tool in fmt clippy; do \
	    cargo $$tool --version >/dev/null 2>&1 && continue; \
	    component=$$(test $$tool = fmt && echo rustfmt || echo clippy); \
	    echo "== installing $$component"; \
	    if command -v rustup >/dev/null; then rustup component add $$component || exit 1; else \
	        echo "cargo $$tool is missing: install it with your Rust (rustup component add $$component)" >&2; \
	        exit 1; \
	    fi; \
	done

redis:
	@command -v redis-server >/dev/null || { \
	    echo '== installing redis-server'; \
	    root=; test $$(id -u) -eq 0 || root=sudo; \
	    if ! command -v apt-get >/dev/null || { test -n "$$root" && ! command -v sudo >/dev/null; }; then \
	        echo 'redis-server is missing and cannot be installed from here: install it (Debian: apt-get install redis-server) and run make test again' >&2; \
	        exit 1; \
	    fi; \
	    $$root apt-get update -q && \
	    $$root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends redis-server || { \
	        echo 'redis-server could not be installed: see above, install it yourself and run make test again' >&2; \
	        exit 1; \
	    }; \
	}

bench: ## The server under load, beside the machine's ceilings; more with BENCH="--million"
	cargo build --release --locked
	$(PROGRAM) bench $(BENCH)

rehearsal: ## A trace of calls against a policy: TRACE=calls.csv POLICY=config/bank.toml AGENTS=7 RULE=edf
	cargo build --release --locked
	$(PROGRAM) rehearse --in-process $(if $(TRACE),--trace $(TRACE),--generate 20) \
	    --policy $(or $(POLICY),config/bank.toml) --agents $(or $(AGENTS),7) $(if $(RULE),--rule $(RULE))

crash: ## Kill the server under load and check what it acknowledged: KILLS=200
	TIERLINE_KILLS=$(or $(KILLS),200) cargo test --locked --test crash -- --nocapture
