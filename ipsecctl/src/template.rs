//! A template in one word, as in scripts.

use std::fmt::{self, Write};

use model::{AlgorithmMasks, Template, TemplateDetails};
use pfkey::dump::TemplateText;

/// Writes `esp/tunnel/192.0.2.1-192.0.2.2/unique:7`, and behind it what ipsec-tools has no words for.
pub fn write(template: &Template, cell: &mut String) -> fmt::Result {
    write!(cell, "{}", TemplateText::of(template))?;
    let TemplateDetails { reqid, spi, algorithms, .. } = template.details;
    if let Some(reqid) = reqid {
        write!(cell, " reqid={}", reqid.number())?;
    }
    if let Some(spi) = spi {
        write!(cell, " spi={:#x}", spi.0)?;
    }
    // In templates of AF_KEY, 0 stands for all.
    if algorithms != AlgorithmMasks::OF_AF_KEY {
        let AlgorithmMasks { crypt, auth, comp } = algorithms;
        let masks = [("enc-mask", crypt), ("auth-mask", auth), ("comp-mask", comp)];
        for (word, mask) in masks.into_iter().filter(|(_, mask)| *mask != u32::MAX) {
            write!(cell, " {word}={mask:#x}")?;
        }
    }
    Ok(())
}
