//! A selector in tables.

use std::fmt::{self, Write};

use model::{Dialect, Prefix, Selector, Upper};
use pfkey::dump::{PortText, PrefixText, UpperText};

/// The source prefix, with the port if it has one.
pub fn src(selector: &Selector, cell: &mut String) -> fmt::Result {
    end(selector.src(), selector, selector.src_port, cell)
}

/// The destination prefix, with the port if it has one.
pub fn dst(selector: &Selector, cell: &mut String) -> fmt::Result {
    end(selector.dst(), selector, selector.dst_port, cell)
}

/// A prefix.
pub fn prefix(prefix: Prefix, cell: &mut String) -> fmt::Result {
    write!(cell, "{}", PrefixText(prefix))
}

/// An end of a selector, with its port if it has one.
fn end(prefix: Prefix, selector: &Selector, port: u16, cell: &mut String) -> fmt::Result {
    write!(cell, "{}", PrefixText(prefix))?;
    let has_ports = selector.upper != Upper::GRE && !selector.upper.has_type_and_code();
    match port {
        1.. if has_ports => write!(cell, "{}", PortText(port)),
        _ => Ok(()),
    }
}

/// The upper-layer protocol, with the type and code or the key that it has instead of ports.
pub fn protocol(selector: &Selector, cell: &mut String) -> fmt::Result {
    let (src, dst) = (selector.src_port, selector.dst_port);
    match selector.upper {
        Upper::Any => cell.write_str("any")?,
        upper @ Upper::Number(_) => write!(cell, "{}", UpperText(upper, Dialect::Linux))?,
    }
    match selector.upper {
        _ if (src, dst) == (0, 0) => Ok(()),
        Upper::GRE => write!(cell, "/{}", u32::from(src) << 16 | u32::from(dst)),
        upper if upper.has_type_and_code() => write!(cell, "/{src},{dst}"),
        _ => Ok(()),
    }
}
