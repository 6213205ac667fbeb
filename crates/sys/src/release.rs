/// The first two numbers of a kernel's release, as uname(2) has it: those of `6.1.0-18-amd64` are 6 and 1. One that
/// is not there is 0.
#[must_use]
pub fn release_numbers(release: &str) -> (u32, u32) {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|it| it.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_two_numbers() {
        let releases = ["6.1.0-18-amd64", "7.2-rc1", "5", ""];
        assert_eq!(releases.map(release_numbers), [(6, 1), (7, 2), (5, 0), (0, 0)]);
    }
}
