use std::io::{self, Write};

use zeroize::Zeroizing;

/// A script in memory, which is wiped also as it grows.
#[derive(Default)]
pub struct Wiped(pub Zeroizing<Vec<u8>>);

impl Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let room = (2 * self.0.capacity()).max(self.0.len() + bytes.len()).max(1 << 16);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
