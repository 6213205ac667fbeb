# `make demo` and `make test` set up all they need on a Debian 12 machine that has git and Rust.

.PHONY: demo test scenario lint bench setup

demo: setup
	cargo build --quiet -p setkey
	examples/demo

test: setup
	tests/run

# One scenario, or those with T in their names: make scenario T=tunnel
scenario: setup
	cargo build --quiet -p setkey
	cargo scenario $(T)

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

bench: setup
	cargo build --quiet --release -p setkey -p benches
	unshare --net target/release/bench

setup:
	tests/kernel/setup
