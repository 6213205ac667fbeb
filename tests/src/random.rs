use std::env;

/// Random numbers. Their seed is printed; it is that of `XFRM_SEED`, or another one each time.
#[must_use]
pub fn random() -> fastrand::Rng {
    let given = env::var("XFRM_SEED").ok();
    let given = given.map(|given| given.parse().expect("XFRM_SEED is a number"));
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("XFRM_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
