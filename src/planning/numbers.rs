//! Counts as numbers that can be parted, and how lateness is spread.

/// A count as a number that can be parted.
#[expect(clippy::cast_precision_loss, reason = "counts of monitors are far below 2^52")]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}

/// A place in a list; the first for what lies before it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
pub(super) fn place(number: f64) -> usize {
    number.clamp(0.0, 4e9) as usize
}

/// A place in a list, as a number.
#[expect(clippy::cast_precision_loss, reason = "places are far below 2^52")]
pub(super) const fn of_place(place: usize) -> f64 {
    place as f64
}

/// How many runs were how late: exact up to a minute, beyond that within a sixteenth.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    counts: Vec<f64>,
    whole: f64,
    largest: f64,
}

/// Parts of a doubling.
const PARTS: f64 = 16.0;

impl Spread {
    pub(super) fn add(&mut self, seconds: f64, count: f64) {
        let bucket = place((1.0 + seconds.max(0.0) / 60.0).log2() * PARTS);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0.0);
        }
        if let Some(kept) = self.counts.get_mut(bucket) {
            *kept += count;
        }
        self.whole += count;
        self.largest = self.largest.max(seconds);
    }

    pub(super) fn largest(&self) -> f64 {
        self.largest
    }

    /// So many seconds or less is the lateness of that part of the runs.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        let (wanted, mut sum) = (self.whole * part, 0.0);
        for (bucket, count) in self.counts.iter().enumerate() {
            sum += count;
            if sum >= wanted && *count > 0.0 {
                let end = (of_place(bucket + 1) / PARTS).exp2() - 1.0;
                return (end * 60.0).min(self.largest);
            }
        }
        self.largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_sixteenth_of_a_doubling() {
        let mut spread = Spread::default();
        for second in 0..10_000_u32 {
            spread.add(f64::from(second), 1.0);
        }
        for part in [0.5, 0.9, 0.99] {
            let (found, right) = (spread.quantile(part), 10_000.0 * part);
            assert!(found >= right - 1.0 && found <= (right + 60.0) * 1.05, "{part}: {found}");
        }
        assert!((spread.largest() - 9_999.0).abs() < 1e-9);
        assert!(Spread::default().quantile(0.5).abs() < 1e-9);
    }
}
