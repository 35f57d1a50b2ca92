//! What the steps of an action name beside their account: report templates, lists, and the items that go on them.

use sqlx::PgConnection;

use crate::{
    actions::{ActionError, Invalid},
    domain::{
        account_action::{ListStep, Step},
        list::{Given, ListValue},
        schedule::ReportTemplate,
    },
    store::{lists, schedules},
};

/// Refuses steps that name a report template or a list that is not there, or put on a list what it does not hold. A run
/// asks again: either may go meanwhile.
pub(super) async fn check_named(conn: &mut PgConnection, steps: &[Step]) -> Result<(), ActionError> {
    let mut faults = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let at = format!("/data/attributes/steps/{place}/{}", step.word());
        match step {
            Step::RunReport(template) => {
                let mut known = schedules::list_of_templates(conn).await?;
                known.retain(|of| !of.is_removed);
                if !known.iter().any(|of| of.template.id() == ReportTemplate::id_of(template)) {
                    let names: Vec<&str> = known.iter().map(|of| of.template.name.as_str()).collect();
                    let details = format!("accepted is the name of a report template ({})", names.join(", "));
                    faults.push(Invalid::at(at, details));
                }
            }
            Step::AddToList(item) => {
                let list = lists::list_by_names(conn, std::slice::from_ref(&item.list)).await?.pop();
                let Some(list) = list else {
                    faults.push(Invalid::at(format!("{at}/list"), "accepted is the name of a list in use"));
                    continue;
                };
                // What stands for something else is known when the action is run.
                let value = ListValue::of(list.kind, &given(item, |text| Some(text.to_owned())));
                if let (true, Err((attribute, details))) = (step.is_literal(), value) {
                    faults.push(Invalid::at(format!("{at}/{attribute}"), details));
                }
            }
            Step::UpdateFields(_)
            | Step::SetStatus(_)
            | Step::AddTag(_)
            | Step::RemoveTag(_)
            | Step::Redact => {}
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(ActionError::Invalid(faults)) }
}

/// The item that a step puts on a list, each of its texts as `text` reads it.
pub(super) fn given(step: &ListStep, text: impl Fn(&str) -> Option<String>) -> Given {
    let text = |value: &Option<String>| value.as_deref().and_then(&text);
    Given {
        name_first: text(&step.name_first),
        name_last: text(&step.name_last),
        value: text(&step.value),
        match_type: None,
        country_code: text(&step.country_code),
        id_class: text(&step.id_class),
        id_number: text(&step.id_number),
    }
}
