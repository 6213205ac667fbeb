//! Gives the shared library the name under which programs of ipsec-tools look for it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libipsec.so.0");
}
