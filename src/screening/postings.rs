//! What stands under a key, in three flat arrays: an index over a million names has no million little vectors.

use crate::names::sound::Key;

/// Values under keys; built once.
pub(super) struct Postings<T> {
    keys: Vec<Key>,
    /// Where the values of each key begin, and where the last ones end.
    starts: Vec<u32>,
    values: Vec<T>,
    /// Where the keys begin that share their highest bits: keys are hashes, so each range is short.
    directory: Vec<u32>,
    shift: u32,
}

impl<T: Copy> Postings<T> {
    /// Arranges `pairs`.
    pub(super) fn new(mut pairs: Vec<(Key, T)>) -> Self {
        // Stable: the values of a key stay in the order in which they came.
        pairs.sort_by_key(|(key, _)| *key);
        let mut keys: Vec<Key> = Vec::new();
        let mut starts = Vec::new();
        for (place, (key, _)) in pairs.iter().enumerate() {
            if keys.last() != Some(key) {
                keys.push(*key);
                starts.push(small(place));
            }
        }
        starts.push(small(pairs.len()));
        keys.shrink_to_fit();
        starts.shrink_to_fit();
        let values = pairs.into_iter().map(|(_, value)| value).collect();
        let bits = (keys.len().max(2).ilog2()).min(24);
        let shift = Key::BITS - bits;
        let mut directory = Vec::with_capacity((1 << bits) + 1);
        let mut at = 0;
        for range in 0..=(1_u64 << bits) {
            while keys.get(at).is_some_and(|key| key >> shift < range) {
                at += 1;
            }
            directory.push(small(at));
        }
        Self { keys, starts, values, directory, shift }
    }

    /// The values under `key`.
    pub(super) fn under(&self, key: Key) -> &[T] {
        let range = usize::try_from(key >> self.shift).unwrap_or(usize::MAX);
        let bounds = self.directory.get(range).zip(self.directory.get(range.saturating_add(1)));
        let Some((first, end)) = bounds.map(|(first, end)| (*first as usize, *end as usize)) else {
            return &[];
        };
        let found = self.keys.get(first..end).and_then(|keys| keys.iter().position(|known| *known == key));
        let Some(place) = found.map(|at| first + at) else { return &[] };
        match (self.starts.get(place), self.starts.get(place + 1)) {
            (Some(start), Some(end)) => self.values.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// A count of things of one list.
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a list has fewer names, and names fewer keys, than 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_gives_its_values_in_order_and_no_others() {
        let mut dice = 1_u64;
        let pairs: Vec<(Key, usize)> = (0..5_000)
            .map(|value| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                ((dice >> 40) << 40, value)
            })
            .collect();
        let postings = Postings::new(pairs.clone());
        for (key, _) in &pairs {
            let expected: Vec<usize> =
                pairs.iter().filter(|(other, _)| other == key).map(|(_, value)| *value).collect();
            assert_eq!(postings.under(*key), expected);
        }
        assert!(postings.under(3).is_empty() && postings.under(Key::MAX).is_empty());
        assert!(Postings::<u32>::new(Vec::new()).under(7).is_empty());
    }
}
