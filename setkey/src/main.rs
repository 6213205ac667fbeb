//! setkey(8).
fn main() {}
