//! Pages of listings whose actions take limits: one more is asked for than is shown, to know whether there is more.

use uuid::Uuid;

use super::call::Page;

/// How many to ask for.
pub(super) fn limit(page: &Page) -> i64 {
    i64::from(page.size) + 1
}

/// What is shown of `found`, newest first, and whether there is more in the direction that was asked for.
pub(super) fn cut<T>(mut found: Vec<T>, page: &Page) -> (Vec<T>, bool) {
    let size = usize::from(page.size);
    let more = found.len() > size;
    if more && page.is_before() {
        // Those before the cursor were asked for: the one too many is the farthest from it.
        found.remove(0);
    }
    found.truncate(size);
    (found, more)
}

/// The bounds of ids that cursors give: below the one, above the other, and whether the lowest are asked for.
pub(super) fn bounds(after: Option<Uuid>, before: Option<Uuid>) -> (Uuid, Uuid, bool) {
    (after.unwrap_or(Uuid::max()), before.unwrap_or(Uuid::nil()), before.is_some())
}
