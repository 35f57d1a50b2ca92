//! Inquiry templates, as the configuration last said them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{id::InquiryTemplateId, inquiry_template::InquiryTemplate};

/// A template with what the table says of it besides.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The template.
    pub template: InquiryTemplate,
    /// When it first was.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether the configuration no longer has it.
    pub is_removed: bool,
}

/// Writes the templates of the configuration; those that it no longer has are marked removed.
pub async fn save_all(
    conn: &mut PgConnection,
    templates: &[&InquiryTemplate],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for template in templates {
        let definition = serde_json::to_value(template).expect("a template is plain data");
        sqlx::query!(
            r#"
            insert into inquiry_templates (template_id, name, definition, created_at, updated_at)
            values ($1, $2, $3, $4, $4)
            on conflict on constraint inquiry_templates_pkey do update
            set definition = excluded.definition,
                removed_at = null,
                updated_at = excluded.updated_at
            where inquiry_templates.definition <> excluded.definition
               or inquiry_templates.removed_at is not null
            "#,
            template.id().0,
            template.name,
            definition,
            now,
        )
        .execute(&mut *conn)
        .await?;
    }
    let names: Vec<String> = templates.iter().map(|template| template.name.clone()).collect();
    sqlx::query!(
        r#"
        update inquiry_templates
        set removed_at = $2,
            updated_at = $2
        where name <> all($1::text[])
          and removed_at is null
        "#,
        &names,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn read(definition: Value) -> Result<InquiryTemplate, StoreError> {
    serde_json::from_value(definition)
        .map_err(|_| StoreError::Inconsistent { column: "inquiry_templates.definition" })
}

/// All templates that ever were configured, by name.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Kept>, StoreError> {
    let rows = sqlx::query!(
        "select definition, created_at, updated_at, removed_at from inquiry_templates order by name",
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Kept {
                template: read(row.definition)?,
                created_at: row.created_at,
                updated_at: row.updated_at,
                is_removed: row.removed_at.is_some(),
            })
        })
        .collect()
}

/// The template of an id, removed or not.
pub async fn find(conn: &mut PgConnection, id: InquiryTemplateId) -> Result<Option<Kept>, StoreError> {
    let row = sqlx::query!(
        "select definition, created_at, updated_at, removed_at from inquiry_templates where template_id = $1",
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Kept {
            template: read(row.definition)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            is_removed: row.removed_at.is_some(),
        })
    })
    .transpose()
}
