//! Where what a step is refused for was said: in a parameter of the run, or in the action itself.

use crate::{
    actions::{ActionError, Invalid},
    domain::account_action::Step,
};

/// Points at what was handed in, where an account refuses what a step makes of it.
pub(super) fn blamed(step: &Step, error: ActionError) -> ActionError {
    let ActionError::Invalid(faults) = error else { return error };
    let pointed = faults.into_iter().map(|fault| match parameter(step, &fault.pointer) {
        Some(pointer) => Invalid::at(pointer, fault.details),
        None => {
            let details = format!("its step {} is refused: {}", step.word(), fault.details);
            Invalid::at("/data/account-action-id", details)
        }
    });
    ActionError::Invalid(pointed.collect())
}

/// The place of the parameter that a field was to become.
fn parameter(step: &Step, pointer: &str) -> Option<String> {
    let Step::UpdateFields(step) = step else { return None };
    let rest = pointer.strip_prefix("/data/attributes/fields/")?;
    let (key, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some(format!("/data/parameters/{}{below}", step.parameter(key)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refused_field_is_the_parameter_that_it_was_to_become_or_else_the_actions_fault() {
        let step: Step = serde_json::from_value(json!({ "update-fields": { "fields": {
            "risk_rating": "{{risk}}", "tier": "low",
        } } }))
        .unwrap();
        let at = |key: &str| Invalid::at(format!("/data/attributes/fields/{key}"), "accepted is low or high");
        let error =
            blamed(&step, ActionError::Invalid(vec![at("risk_rating"), at("risk_rating/0"), at("tier")]));
        let ActionError::Invalid(faults) = error else { panic!("{error}") };
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/data/parameters/risk", "/data/parameters/risk/0", "/data/account-action-id"]);
        assert_eq!(faults[2].details, "its step update-fields is refused: accepted is low or high");
    }
}
