use std::{fs, process::Command};

use crate::{Outcome, report_skipped};

/// The program that loads modules for the kernel.
const LOADER: &str = "/proc/sys/kernel/modprobe";

/// What the kernel would look for by itself as algorithms and protocols are used.
const MODULES: &str = "esp4 esp6 ah4 ah6 ipcomp ipcomp6 xfrm4_tunnel xfrm6_tunnel veth authenc authencesn echainiv seqiv \
                       cbc ctr ecb ccm gcm ghash-generic hmac cmac xcbc crypto-sha512 rmd160 des_generic cast5_generic \
                       blowfish_generic camellia_generic serpent_generic twofish_generic deflate \
                       crypto_null";

/// Every module that the cases need is loaded, and while this is there the kernel looks for no
/// other. At every ADD and REGISTER AF_KEY looks for each algorithm that the kernel lacks
/// (`xfrm_probe_algs`), which takes 16 processes in the test kernel.
pub struct Modules {
    loader: String,
}

impl Modules {
    /// Loads them.
    #[must_use]
    pub fn load() -> Self {
        let loader = fs::read_to_string(LOADER).expect("the loader of modules");
        let modules = MODULES.split_whitespace();
        let outcome = Outcome::of(Command::new(loader.trim()).arg("-a").args(modules));
        // Kernels move what modules do into others; the same kernel answers both sides.
        let (absent, wrong): (Vec<_>, Vec<_>) =
            outcome.stderr.lines().partition(|line| line.contains(" not found in directory "));
        assert!(wrong.is_empty() && (outcome.status == 0 || !absent.is_empty()), "{outcome:?}");
        for line in absent {
            report_skipped(line);
        }
        fs::write(LOADER, "\n").expect("the loader of modules");
        Self { loader }
    }
}

impl Drop for Modules {
    fn drop(&mut self) {
        // The kernel ends soon after.
        let _ = fs::write(LOADER, &self.loader);
    }
}
