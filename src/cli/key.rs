//! `key`: keys of the API.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    actor, say, show,
    tables::{self, KeyView},
};
use crate::{
    actions::api_keys::{self, NewKey},
    app,
    config::Settings,
    domain::{
        api_key::{BLOCKABLE, PERMISSIONS, blockable, is_permission, network},
        id::ApiKeyId,
    },
};

/// What to do with keys.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Makes a key and shows it, this once: only its hash is kept.
    Create(Create),
    /// Lists keys, the newest first.
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Revokes a key: within a second it opens nothing any more.
    Revoke {
        /// Its id, as `key list` shows it.
        #[arg(value_name = "KEY")]
        key: ApiKeyId,
        /// Who does it; the user of the system when not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

/// A key to make.
#[derive(Args, Clone, Debug)]
pub(super) struct Create {
    /// Its name, which events show as the actor; its id when not given.
    #[arg(long)]
    name: Option<String>,
    /// What it may do: `account.read`, `account.*`, or `*` for everything. Several times for several.
    #[arg(long = "permission", value_name = "PERMISSION", required = true, value_parser = permission)]
    permissions: Vec<String>,
    /// For how long it is good, such as 90d; until it is revoked when not given.
    #[arg(long, value_name = "DURATION", value_parser = super::times::length)]
    expires: Option<Duration>,
    /// An address or network that it may be used from. Several times for several; from anywhere when not given.
    #[arg(long = "allow", value_name = "NETWORK", value_parser = allowed)]
    allowed: Vec<ipnet::IpNet>,
    /// An attribute that its answers lack: `social-security-number`, `address-*`, `fields.name.last`,
    /// `/data/attributes/fields/*-number`. Several times for several.
    #[arg(long = "block", value_name = "ATTRIBUTE", value_parser = blocked)]
    blocked: Vec<String>,
    /// How many requests a minute it may make.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_minute: Option<u32>,
    /// Whom it belongs to. What two people must agree on takes keys of two owners, and only this command sets them.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// A word on it.
    #[arg(long)]
    note: Option<String>,
    /// Who makes it; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

fn permission(text: &str) -> Result<String, String> {
    if is_permission(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("accepted is *, ROOM.*, or any of {}", PERMISSIONS.join(", ")))
    }
}

fn allowed(text: &str) -> Result<ipnet::IpNet, String> {
    network(text).ok_or_else(|| "accepted is an address or a network such as 10.0.0.0/8".to_owned())
}

fn blocked(text: &str) -> Result<String, String> {
    blockable(text).ok_or_else(|| format!("accepted is {BLOCKABLE}"))
}

pub(super) async fn run(settings: &Settings, command: &KeyCommand) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    match command {
        KeyCommand::Create(create) => {
            let new = NewKey {
                name: create.name.clone().unwrap_or_default(),
                note: create.note.clone(),
                permissions: create.permissions.clone(),
                ip_allowlist: create.allowed.clone(),
                attributes_blocklist: create.blocked.clone(),
                requests_per_minute: create.requests_per_minute,
                version: None,
                inflection: None,
                expires_at: create.expires.map(|expires| context.now() + expires),
                owner: create.owner.clone(),
            };
            let (kept, secret) = api_keys::create(&context, &actor(create.by.as_deref()), new).await?;
            let secret = secret.into_revealed();
            let shown = json!({ "id": kept.key.id, "name": kept.key.name, "value": secret });
            show(create.json, &shown, || {
                format!("{secret}\n\nThis is the only time that it is shown. Its id is {}.", kept.key.id)
            })?;
        }
        KeyCommand::List { json } => {
            let keys = api_keys::list(&context).await?;
            let now = context.now();
            let shown: Vec<_> = keys
                .iter()
                .map(|kept| {
                    let state = if kept.revoked_at.is_some() {
                        "revoked"
                    } else if kept.is_valid(now) {
                        "valid"
                    } else {
                        "expired"
                    };
                    let beside = (kept.hint.as_str(), state, kept.owner.clone());
                    KeyView::new(&kept.key, beside, kept.created_at, kept.expires_at, kept.last_used_at)
                })
                .collect();
            show(*json, &shown, || tables::keys(&shown))?;
        }
        KeyCommand::Revoke { key, by } => {
            api_keys::revoke(&context, &actor(by.as_deref()), *key).await?;
            say("Revoked.")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
