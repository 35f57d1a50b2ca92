//! Work for all cores at once.

use std::{num::NonZero, thread};

/// What `each` makes of `items`, in their order; every core takes a share. Blocks until all is done, so it is no place for
/// a worker of the runtime.
///
/// # Panics
/// Where `each` does.
pub fn on_all_cores<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(cores).max(1);
    let each = &each;
    thread::scope(|scope| {
        let shares: Vec<_> = items
            .chunks(share)
            .map(|share| scope.spawn(move || share.iter().map(each).collect::<Vec<R>>()))
            .collect();
        let done = shares.into_iter().map(thread::ScopedJoinHandle::join);
        done.flat_map(|share| share.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_and_in_order() {
        for count in [0, 1, 2, 3, 1000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(on_all_cores(&items, |item| item + 1), (1..=count).collect::<Vec<_>>());
        }
    }
}
