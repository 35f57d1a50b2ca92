//! Searches of inquiries, in the query language of accounts: by what inquiries are listed by.

use std::str::FromStr;

use serde_json::Value;

use super::{OpenInquiry, note_digest, open};
use crate::{
    actions::{
        ActionError, Context, Invalid, one_too_many,
        query::{self, Joined, Predicate, plain_word},
    },
    domain::{
        id::{InquiryId, NotAnId},
        inquiry::InquiryStatus,
    },
    store::inquiries::search::{Condition, Page, search as search_inquiries},
};

/// Searches inquiries by a query as the API writes it; null finds all. `sort` is the attribute, and whether the least
/// comes first; the newest do when there is none. Returns a page, and whether there are more in its direction.
pub async fn search(
    context: &Context,
    wanted: &Value,
    sort: Option<(&str, bool)>,
    (after, before): (Option<InquiryId>, Option<InquiryId>),
    size: u16,
) -> Result<(Vec<OpenInquiry>, bool), ActionError> {
    if sort.is_some_and(|(attribute, _)| plain_word(attribute) != "created_at") {
        let fault = Invalid::at("/sort/attribute", "accepted is created_at");
        return Err(ActionError::Invalid(vec![fault]));
    }
    let wanted = query::read(wanted, &|predicate| condition(context, predicate), joined)?;
    let ascending = sort.is_some_and(|(_, ascending)| ascending);
    // One more than the page has: so it is known whether there is another page.
    let page = Page { ascending, after, before, limit: i64::from(size) + 1 };
    let mut connection = context.store.connection().await?;
    let rows = match search_inquiries(&mut connection, &wanted, page).await {
        Err(error) if error.is_deadline() => {
            let details = "the search takes too long: add a condition that fewer inquiries fit, such as an account, a note or a time";
            return Err(ActionError::Invalid(vec![Invalid::at("/query", details)]));
        }
        rows => rows?,
    };
    drop(connection);
    let (rows, more) = one_too_many(rows, size, before.is_some());
    let opened = rows.into_iter().map(|row| open(context, row)).collect::<Result<_, _>>()?;
    Ok((opened, more))
}

fn joined(joined: Joined<Condition>) -> Condition {
    match joined {
        Joined::All(all) => Condition::All(all),
        Joined::Any(any) => Condition::Any(any),
        Joined::Not(one) => Condition::Not(Box::new(one)),
    }
}

fn condition(context: &Context, predicate: &Predicate<'_>) -> Result<Condition, Invalid> {
    let word = predicate.word();
    match word.as_str() {
        "created_at" => return Ok(Condition::Created(predicate.compare, predicate.time()?)),
        "updated_at" => return Ok(Condition::Updated(predicate.compare, predicate.time()?)),
        _ => {}
    }
    let text = predicate.text()?;
    match word.as_str() {
        "inquiry_id" => Ok(Condition::Id(id(predicate, text)?)),
        "account_id" => Ok(Condition::Account(id(predicate, text)?)),
        "reference_id" => Ok(Condition::Reference(text.to_owned())),
        "inquiry_template_id" | "template_id" => Ok(Condition::Template(id(predicate, text)?)),
        "status" => match InquiryStatus::of_word(&text.replace('-', "_")) {
            Some(status) => Ok(Condition::Status(status)),
            None => {
                let known = InquiryStatus::ALL.map(InquiryStatus::word).join(", ");
                Err(predicate.refuse("value", format!("accepted is any of: {known}")))
            }
        },
        "note" => Ok(Condition::Note(note_digest(context, text))),
        _ => {
            let details = "accepted is inquiry_id, account_id, reference_id, inquiry_template_id, status, note, created_at \
                           or updated_at";
            Err(predicate.refuse("attribute", details))
        }
    }
}

/// The id that is asked for.
fn id<T: FromStr<Err = NotAnId>>(predicate: &Predicate<'_>, text: &str) -> Result<T, Invalid> {
    text.parse().map_err(|error: NotAnId| predicate.refuse("value", error.to_string()))
}
