//! The templates that there are: those of the configuration, and one for each account type.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    actions::{ActionError, Context, Invalid},
    domain::{
        account_type::AccountType,
        id::{AccountTypeId, InquiryTemplateId},
        inquiry_template::InquiryTemplate,
    },
    store::{account_types, inquiry_templates},
};

/// A template as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The template.
    pub template: InquiryTemplate,
    /// The id of the type that it is for.
    pub type_id: AccountTypeId,
    /// When it first was; none for one that a type has without configuration.
    pub created_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Whether the configuration no longer has it.
    pub is_removed: bool,
}

/// All templates that inquiries may be made by, by name.
pub async fn list(context: &Context) -> Result<Vec<Shown>, ActionError> {
    let mut connection = context.store.connection().await?;
    let types = account_types::list(&mut connection).await?;
    let kept = inquiry_templates::list(&mut connection).await?;
    let mut shown: Vec<Shown> = Vec::new();
    for kept in kept.into_iter().filter(|kept| !kept.is_removed) {
        let of_type = types.iter().find(|(_, one)| one.name == kept.template.account_type);
        shown.extend(of_type.map(|(type_id, _)| of_kept(kept, *type_id)));
    }
    for (type_id, account_type) in &types {
        if !shown.iter().any(|shown| shown.template.name == account_type.name) {
            shown.push(of_type(*type_id, account_type));
        }
    }
    shown.sort_unstable_by(|one, other| one.template.name.cmp(&other.template.name));
    Ok(shown)
}

/// The template of an id, also one that the configuration no longer has.
pub async fn find(context: &Context, id: InquiryTemplateId) -> Result<Option<Shown>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(get(&mut connection, id).await?.map(|(shown, _)| shown))
}

/// The same with its type.
pub(super) async fn get(
    conn: &mut PgConnection,
    id: InquiryTemplateId,
) -> Result<Option<(Shown, AccountType)>, ActionError> {
    let types = account_types::list(conn).await?;
    let kept = inquiry_templates::find(conn, id).await?;
    if let Some(kept) = kept.as_ref().filter(|kept| !kept.is_removed) {
        let of_type = types.iter().find(|(_, one)| one.name == kept.template.account_type);
        return Ok(of_type.map(|(type_id, one)| (of_kept(kept.clone(), *type_id), one.clone())));
    }
    let own = types.iter().find(|(_, one)| InquiryTemplate::id_of(&one.name) == id);
    if let Some((type_id, account_type)) = own {
        return Ok(Some((of_type(*type_id, account_type), account_type.clone())));
    }
    let removed = kept.and_then(|kept| {
        let of_type = types.iter().find(|(_, one)| one.name == kept.template.account_type);
        of_type.map(|(type_id, one)| (of_kept(kept, *type_id), one.clone()))
    });
    Ok(removed)
}

/// The template that a new inquiry is made by.
pub(super) async fn get_for_new(
    conn: &mut PgConnection,
    id: InquiryTemplateId,
) -> Result<(Shown, AccountType), ActionError> {
    let found = get(conn, id).await?.filter(|(shown, _)| !shown.is_removed);
    found.ok_or_else(|| {
        let fault = Invalid::at(
            "/data/attributes/inquiry-template-id",
            "there is no inquiry template of that id; GET /inquiry-templates lists those that there are",
        );
        ActionError::Invalid(vec![fault])
    })
}

fn of_kept(kept: inquiry_templates::Kept, type_id: AccountTypeId) -> Shown {
    Shown {
        template: kept.template,
        type_id,
        created_at: Some(kept.created_at),
        updated_at: Some(kept.updated_at),
        is_removed: kept.is_removed,
    }
}

fn of_type(type_id: AccountTypeId, account_type: &AccountType) -> Shown {
    let template = InquiryTemplate::of_type(account_type);
    Shown { template, type_id, created_at: None, updated_at: None, is_removed: false }
}
