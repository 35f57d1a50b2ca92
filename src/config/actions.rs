//! How the actions of account types are checked.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    key::Key,
    raw::{RawAccountType, RawAction},
};
use crate::domain::{
    account_action::{AccountAction, Step},
    account_type::AccountType,
};

/// Takes the actions out of the account types, by the types' names: they are checked once the types are.
pub(super) fn take(
    raw: &mut BTreeMap<String, RawAccountType>,
) -> BTreeMap<String, BTreeMap<String, RawAction>> {
    raw.iter_mut().map(|(name, raw)| (name.clone(), std::mem::take(&mut raw.actions))).collect()
}

/// Checks the actions of account types.
pub(super) fn actions(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, BTreeMap<String, RawAction>>,
    account_types: &BTreeMap<String, AccountType>,
) -> BTreeMap<String, Vec<AccountAction>> {
    let mut checked = BTreeMap::new();
    for (type_name, raw) in raw {
        let Some(account_type) = account_types.get(&type_name) else { continue };
        let section = Key::of("account-types").at(&type_name).at("actions");
        let mut actions = Vec::with_capacity(raw.len());
        for (name, raw) in raw {
            let key = section.at(&name);
            check.name(&key, &name);
            let steps = check.needed(&key.at("steps"), raw.steps, "a list of steps").unwrap_or_default();
            let action = AccountAction { name, steps };
            for (pointer, details) in action.faults(account_type) {
                check.refuse_name(
                    &key.at("steps"),
                    &format!("{}: {details}", pointer.trim_start_matches('/')),
                );
            }
            let templates = check.names("report-templates");
            for (index, step) in action.steps.iter().enumerate() {
                if let Step::RunReport(template) = step {
                    check.known(&key.at("steps").item(index), template, "a report template", &templates);
                }
            }
            actions.push(action);
        }
        checked.insert(type_name, actions);
    }
    checked
}
