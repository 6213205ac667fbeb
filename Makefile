# `make demo` and `make test` set up all they need on a Debian 12 machine that has git and Rust.

.PHONY: demo test scenario lint bench install-libipsec setup

demo: setup
	cargo build --quiet -p setkey
	examples/demo

test: setup
	tests/run

# One scenario, or those with T in their names: make scenario T=tunnel
scenario: setup
	cargo build --quiet --lib --bins --examples
	cargo scenario $(T)

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

bench: setup
	cargo build --quiet --release -p setkey -p benches
	unshare --net target/release/bench

# The C library, as `cargo build --release -p libipsec` has made it, for programs that want libipsec.so.0.
BUILT = target/release
DESTDIR =
PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
includes = $(DESTDIR)$(PREFIX)/include/libipsec

install-libipsec:
	install -D -m 644 $(BUILT)/liblibipsec.so $(DESTDIR)$(LIBDIR)/libipsec.so.0
	ln -sf libipsec.so.0 $(DESTDIR)$(LIBDIR)/libipsec.so
	install -d $(includes) $(includes)/bsd/net $(includes)/bsd/netinet6 $(includes)/bsd/netipsec
	install -m 644 crates/libipsec/include/libipsec/*.h $(includes)
	install -m 644 crates/libipsec/include/libipsec/bsd/net/*.h $(includes)/bsd/net
	install -m 644 crates/libipsec/include/libipsec/bsd/netinet6/*.h $(includes)/bsd/netinet6
	install -m 644 crates/libipsec/include/libipsec/bsd/netipsec/*.h $(includes)/bsd/netipsec
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/share/man/man3
	sed -e 's,@prefix@,$(PREFIX),' -e 's,@libdir@,$(LIBDIR),' -e 's,@includedir@,$(PREFIX)/include,' \
	    -e "s,@version@,$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)," \
	    crates/libipsec/libipsec.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/libipsec.pc
	install -m 644 man/ipsec_set_policy.3 man/ipsec_strerror.3 $(DESTDIR)$(PREFIX)/share/man/man3

setup:
	tests/kernel/setup
