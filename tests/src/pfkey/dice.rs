use std::env;

/// The environment variable with the number that generated messages follow from.
const SEED: &str = "PFKEY_SEED";

/// Numbers that follow from a seed (SplitMix64, as in `java.util.SplittableRandom`).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The seed that `PFKEY_SEED` gives, or 1; it is printed.
    #[must_use]
    pub fn of_environment() -> Self {
        let given = env::var(SEED).ok().map(|seed| seed.parse().expect("PFKEY_SEED is a number"));
        let seed = given.unwrap_or(1);
        println!("{SEED}={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// Other numbers, which follow from the same seed.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a small number");
        usize::try_from(self.next() % end).expect("it is below another")
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
