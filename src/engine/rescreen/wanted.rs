//! Tokens that are looked for among many.

/// As many bits as make one in thirty others look wanted at most.
const BITS_A_TOKEN: usize = 32;

/// A set of tokens, quick to say no.
pub(super) struct Wanted {
    sorted: Vec<i64>,
    /// A bit for each value of a token's highest bits: tokens are hashes.
    bits: Vec<u64>,
    shift: u32,
}

impl Wanted {
    /// Of tokens in any order.
    pub(super) fn new(mut tokens: Vec<i64>) -> Self {
        tokens.sort_unstable();
        tokens.dedup();
        let places = (tokens.len().max(2) * BITS_A_TOKEN).next_power_of_two();
        let shift = u64::BITS - places.ilog2();
        let mut wanted = Self { sorted: tokens, bits: vec![0; places / 64], shift };
        for token in &wanted.sorted {
            let place = place(*token, shift);
            if let Some(word) = wanted.bits.get_mut(place / 64) {
                *word |= 1 << (place % 64);
            }
        }
        wanted
    }

    /// All of them, sorted.
    pub(super) fn sorted(&self) -> &[i64] {
        &self.sorted
    }

    /// Whether one of `tokens` is wanted.
    pub(super) fn has_any(&self, tokens: &[i64]) -> bool {
        tokens.iter().any(|token| {
            let place = place(*token, self.shift);
            self.bits.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
                && self.sorted.binary_search(token).is_ok()
        })
    }
}

fn place(token: i64, shift: u32) -> usize {
    usize::try_from(token.cast_unsigned() >> shift).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_found_and_nothing_else() {
        let token = |number: i64| number.wrapping_mul(-7_046_029_254_386_353_131);
        let wanted = Wanted::new((0..1000).rev().chain(0..10).map(token).collect());
        assert_eq!(wanted.sorted().len(), 1000);
        assert!((0..1000).all(|number| wanted.has_any(&[token(-number - 1), token(number)])));
        assert!((1000..100_000).all(|number| !wanted.has_any(&[token(number)])));
        assert!(!wanted.has_any(&[]) && !Wanted::new(Vec::new()).has_any(&[0, i64::MIN, i64::MAX]));
        assert!(Wanted::new(vec![i64::MIN, -1]).has_any(&[-1]));
    }
}
