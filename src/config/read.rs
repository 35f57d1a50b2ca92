//! From the tree to the raw settings, fault by fault.
//!
//! Serde stops at the first fault. So a setting at fault is noted, put back to its default or taken
//! out, and the whole is read again until nothing is left to complain of: a few passes over a small
//! tree, for which every fault is named at once.

use config::{Map, Value, ValueKind};

use super::{
    faults::{Fault, accepted, fault, found},
    key::{Key, Step},
    layers::{Guesses, to_json},
    raw::Raw,
};

/// Reads the tree; adds to `faults`, and to `broken` the keys that were put back or taken out.
///
/// `tree` is left as it was written, so that later faults quote what people wrote.
pub(super) fn read(
    tree: &mut Value,
    defaults: &Value,
    mut guesses: Guesses,
    faults: &mut Vec<Fault>,
    broken: &mut Vec<Key>,
) -> Raw {
    let mut mended = tree.clone();
    loop {
        let error = match serde_path_to_error::deserialize(to_json(&mended)) {
            Ok(raw) => return raw,
            Err(error) => error,
        };
        let key = Key::from(error.path());
        if let Some(text) = guesses.remove(&key) {
            // Taken for a number or a truth, where a text was wanted.
            for tree in [&mut *tree, &mut mended] {
                if let Some(value) = key.find_mut(tree) {
                    value.kind = ValueKind::String(text.clone());
                }
            }
            continue;
        }
        let message = error.inner().to_string();
        let mut text = accepted(&message);
        if !message.starts_with("unknown field") {
            text += &found(tree, &key);
        }
        faults.push(fault(tree, &key, text));
        mend(&mut mended, defaults, &key);
        broken.push(key);
    }
}

/// Puts the setting back to its default, or takes it out; where neither helps, what holds it.
fn mend(tree: &mut Value, defaults: &Value, key: &Key) {
    let mut key = key.clone();
    loop {
        let default = key.find(defaults);
        match (key.find_mut(tree), default) {
            (Some(value), Some(default)) if value != default => {
                *value = default.clone();
                return;
            }
            _ => {}
        }
        let Some(parent) = key.parent() else {
            *tree = defaults.clone();
            return;
        };
        if let (None, Some(Step::Key(last)), Some(table)) =
            (default, key.steps().last(), table_at(tree, &parent))
            && table.remove(last).is_some()
        {
            return;
        }
        key = parent;
    }
}

fn table_at<'a>(tree: &'a mut Value, key: &Key) -> Option<&'a mut Map<String, Value>> {
    match &mut key.find_mut(tree)?.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    }
}
