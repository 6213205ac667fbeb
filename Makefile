# `make demo` and `make test` set up all they need on a Debian 12 machine that has git and Rust.

.PHONY: demo test quick stress test-qemu scenario fuzz lint docs schema bench bench-sas bench-pfkey install install-libipsec setup

demo: setup
	cargo build --quiet -p setkey
	examples/demo

# Everything, where something is repeated in small counts.
test: setup
	tests/run

# For the inner loop: the crates and a few scenarios.
quick: setup
	tests/run quick

# Everything, with full counts.
stress: setup
	tests/run stress

# What only a distribution's kernel has, in QEMU: tests/kernel/on-qemu-7.2.
test-qemu:
	TEST_KERNEL=qemu-7.2 tests/kernel/setup
	tests/run qemu

# One scenario, or those with T in their names: make scenario T=tunnel
scenario: setup
	cargo build --quiet --lib --bins --examples
	cargo scenario $(T)

# Every fuzz target for an hour; `.ci/run` gives each a minute.
fuzz:
	fuzz/run 3600

# The rules of the house: docs/glossary.md, ARCHITECTURE.md, CONTRIBUTING.md.
lint:
	tests/lint/self-test --quiet
	tests/lint/run
	cargo test --quiet --locked -p grammar --test words # the grammars' words are those of the tables
	! git grep -nIE '^(<{7}|>{7}) ' # what a merge has left
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo metadata --quiet --locked --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null # its lock file is its own
	git ls-files -z | xargs -0 awk 'FNR == 1 && /^#!.*sh$$/ { printf "%s%c", FILENAME, 0 } { nextfile }' | xargs -0 shellcheck

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps --workspace
	mandoc -Tlint -Wwarning man/*

# docs/json/ and man/xfrm-tools-json.5, from the types of crates/cli/src/json/: CONTRIBUTING.md.
schema:
	UPDATE_SCHEMA=1 cargo test --quiet --locked -p cli --test json
	cargo test --quiet --locked -p cli --test json

bench: setup
	cargo build --quiet --release -p setkey -p ipsecctl -p benches
	unshare --net target/release/bench

# Its part of SAs in the test kernel, which has ESP.
bench-sas: setup
	cargo build --quiet --release -p ipsecctl -p benches
	tests/kernel/run target/release/bench sas

# The PF_KEY service beside AF_KEY, in the test kernel, which has both.
bench-pfkey: setup
	cargo build --quiet --release -p scenarios -p ipsecd --bins
	TEST_KERNEL_TIMEOUT=1800 tests/kernel/run target/release/pfkey_rate

# What `cargo build --release` has made; DESTDIR=... for a package.
BUILT = target/release
DESTDIR =
PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
UNITDIR = $(PREFIX)/lib/systemd/system
SYSUSERSDIR = $(PREFIX)/lib/sysusers.d
SYSCONFDIR = /etc
includes = $(DESTDIR)$(PREFIX)/include/libipsec
mandir = $(DESTDIR)$(PREFIX)/share/man

# The commands, the daemon, what is preloaded, the manual pages, the completions, the units. The daemon may execute all of its own directory.
install:
	install -D -t $(DESTDIR)$(PREFIX)/sbin $(addprefix $(BUILT)/,setkey sysctl-shim ipsecctl)
	install -D -t $(DESTDIR)$(PREFIX)/libexec/xfrm-tools $(BUILT)/ipsecd
	ln -sf ../libexec/xfrm-tools/ipsecd $(DESTDIR)$(PREFIX)/sbin/ipsecd
	install -d $(DESTDIR)$(SYSCONFDIR)/xfrm-tools
	install -D -m 644 $(BUILT)/libpfkey_preload.so $(DESTDIR)$(LIBDIR)/libpfkey-preload.so
	for section in 4 5 7 8; do install -D -m 644 -t $(mandir)/man$$section man/*.$$section || exit; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/xfrm-tools README.md CHANGELOG.md docs/quirks.md dist/sysctl.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/xfrm-tools/json docs/json/*.json
	for shell in bash zsh fish; do case $$shell in \
	    bash) folder=bash-completion/completions prefix= suffix= ;; \
	    zsh) folder=zsh/site-functions prefix=_ suffix= ;; \
	    fish) folder=fish/vendor_completions.d prefix= suffix=.fish ;; esac; \
	    install -d $(DESTDIR)$(PREFIX)/share/$$folder && \
	    for program in "setkey --completions" "sysctl-shim --completions" "ipsecctl completions"; do \
	        $(BUILT)/$$program $$shell >"$(DESTDIR)$(PREFIX)/share/$$folder/$$prefix$${program%% *}$$suffix" || exit; \
	    done || exit; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/xfrm-tools/prometheus dist/prometheus/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/xfrm-tools/grafana dist/grafana/xfrm-tools.json
	install -d $(DESTDIR)$(UNITDIR)
	install -D -m 644 -t $(DESTDIR)$(SYSUSERSDIR) dist/sysusers.d/xfrm-tools.conf
	for unit in dist/systemd/*.service dist/systemd/*.socket; do \
	    sed -e 's,/usr/sbin/,$(PREFIX)/sbin/,' $$unit >"$(DESTDIR)$(UNITDIR)/$${unit##*/}" || exit; done

# The C library, for programs that want libipsec.so.0.

install-libipsec:
	install -D -m 644 $(BUILT)/liblibipsec.so $(DESTDIR)$(LIBDIR)/libipsec.so.0
	ln -sf libipsec.so.0 $(DESTDIR)$(LIBDIR)/libipsec.so
	install -d $(includes)
	install -m 644 crates/libipsec/include/libipsec/*.h $(includes)
	for folder in net netinet netinet6 netipsec; do \
	    install -D -m 644 -t $(includes)/bsd/$$folder crates/libipsec/include/libipsec/bsd/$$folder/*.h || exit; done
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(mandir)/man3
	sed -e 's,@prefix@,$(PREFIX),' -e 's,@libdir@,$(LIBDIR),' -e 's,@includedir@,$(PREFIX)/include,' \
	    -e "s,@version@,$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)," \
	    crates/libipsec/libipsec.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/libipsec.pc
	install -m 644 man/ipsec_set_policy.3 man/ipsec_strerror.3 $(mandir)/man3

setup:
	tests/kernel/setup
