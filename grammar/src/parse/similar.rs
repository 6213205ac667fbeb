/// The shortest beginning of a word that is worth a guess.
const SHORTEST_BEGINNING: usize = 3;

/// The shortest word that is worth a guess.
const SHORTEST_GUESS: usize = 4;

/// The closest of `candidates`, if it is close.
pub(crate) fn closest(word: &str, candidates: &[&'static str]) -> Option<&'static str> {
    by_distance(word, candidates).first().copied()
}

/// Those of `candidates` that are close, the closest first.
pub(crate) fn by_distance(word: &str, candidates: &[&'static str]) -> Vec<&'static str> {
    let lower = word.to_ascii_lowercase();
    let distance = |&candidate: &&str| strsim::damerau_levenshtein(&lower, candidate);
    let limit = if word.len() < SHORTEST_GUESS { 1 } else { 2 };
    let close = candidates.iter().filter(|candidate| {
        candidate.len() > 2
            && **candidate != word
            && distance(candidate) <= limit
            && !is_opposite(&lower, candidate)
    });
    let mut close: Vec<_> = close.copied().collect();
    close.sort_by_key(distance);
    close
}

/// The only one of `candidates` that begins as the word does.
pub(crate) fn abbreviated(word: &str, candidates: &[&'static str]) -> Option<&'static str> {
    only(word, candidates, |candidate| candidate.len() > word.len() && candidate.starts_with(word))
}

/// The only one of `candidates` that begins as the word does, or that the word begins with.
pub(crate) fn by_beginning(word: &str, candidates: &[&'static str]) -> Option<&'static str> {
    only(word, candidates, |candidate| {
        let rest = word.strip_prefix(candidate);
        candidate.len() > word.len() && candidate.starts_with(word)
            || rest.is_some_and(|rest| rest.starts_with(['-', '_']))
    })
}

/// The only one of `candidates` that is alike, if the word is long enough for a guess.
fn only(
    word: &str,
    candidates: &[&'static str],
    is_alike: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    let mut alike = candidates.iter().filter(|candidate| is_alike(candidate));
    let first = alike.next().filter(|_| word.len() >= SHORTEST_BEGINNING)?;
    alike.next().is_none().then_some(*first)
}

/// Whether one of the words is the other with `no` before it.
fn is_opposite(word: &str, other: &str) -> bool {
    [(word, other), (other, word)].iter().any(|(long, short)| {
        let (long, short) = (long.trim_start_matches('-'), short.trim_start_matches('-'));
        long.strip_prefix("no").is_some_and(|rest| rest.trim_start_matches('-') == short)
    })
}
