//! `client import`: registers the clients of another system, or those that `client export` wrote.

use std::collections::HashMap;
use std::fs;

use clap::Args;
use edge_token::client::{AuthMethod, Client, ClientId, ClientSecretHash, StoredSecret};
use edge_token::json::Object;
use edge_token::realm::RealmName;
use serde_json::{Value, json};

use super::export::{Realms, is_export};
use super::restore;
use super::secret::secrets_key;
use super::secret_method;
use crate::audit::{self, short_id};
use crate::confirm::Sure;
use crate::import::{self, Found, Outcome, Record};
use crate::output::printable;
use crate::target::{Kind, Pair, Target};
use crate::{Error, now, operator, random};

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(super) realms: Realms,
    /// What `client export` wrote, a Keycloak realm export (JSON), or a list of clients (JSON or
    /// CSV); docs/migrate.md has the members
    #[arg(value_name = "FILE")]
    pub(super) file: String,
    /// How clients authenticate for which the file does not say it
    #[arg(long, default_value = "client_secret", value_name = "METHOD", value_parser = secret_method())]
    auth_method: AuthMethod,
    /// Register what is right even if something else is wrong
    #[arg(long)]
    pub(super) partial: bool,
    /// Put what `client export` wrote in the place of clients that exist
    #[arg(long)]
    pub(super) overwrite: bool,
    #[command(flatten)]
    pub(super) sure: Sure,
}

/// What an import comes to.
#[derive(Default)]
struct Imported {
    /// Each client to register, with its key.
    clients: Vec<(String, Client)>,
    left_out: Vec<Value>,
    wrong: Vec<Value>,
}

pub(super) fn run(arguments: &Import, target: &Target) -> Result<Value, Error> {
    let Import { file, partial, .. } = arguments;
    let text = fs::read_to_string(file)
        .map_err(|error| Error::Argument(format!("cannot read {file}: {error}")))?;
    let list = serde_json::from_str::<Vec<Object>>(&text).unwrap_or_default();
    if is_export(&list) {
        return restore::run(list, arguments, target);
    }
    let realm = arguments.realms.realm.as_ref();
    let realm = realm.filter(|_| !arguments.overwrite).ok_or_else(|| {
        Error::Argument(format!(
            "--all-realms and --overwrite go with what `client export` wrote, and {file} is not: \
             name the realm with --realm"
        ))
    })?;
    let imported = read_import(&text, realm, arguments, target)?;
    for (what, clients) in [("Left out", &imported.left_out), ("Wrong", &imported.wrong)] {
        for client in clients {
            let text = |member| {
                client
                    .get(member)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let why = text("why");
            eprintln!("{what}: `{}`: {why}.", printable(text("client_id")));
        }
    }
    if !imported.wrong.is_empty() && !partial {
        return Err(Error::State(format!(
            "{} clients of {file} are wrong, nothing was written: correct them, or take the \
             others with --partial",
            imported.wrong.len(),
        )));
    }
    let mut pairs = Vec::new();
    let mut taken = Vec::new();
    for (key, client) in imported.clients {
        pairs.push(Pair {
            key,
            value: serde_json::to_string(&client)?,
        });
        if target.kind != Kind::Print {
            pairs.push(audit::of_client("import", realm, &client, None)?);
        }
        taken.push(client.client_id);
    }
    let mut report =
        json!({ "taken": taken, "left_out": imported.left_out, "wrong": imported.wrong });
    if target.kind == Kind::Print {
        if let Value::Object(members) = &mut report {
            members.insert("kv".into(), serde_json::to_value(&pairs)?);
        }
        return Ok(report);
    }
    if !pairs.is_empty() {
        target.put(&pairs)?;
    }
    eprintln!("Registered {} clients in realm `{realm}`.", taken.len());
    Ok(report)
}

/// Reads the file and makes records of its clients, none of which may exist already.
fn read_import(
    text: &str,
    realm: &RealmName,
    arguments: &Import,
    target: &Target,
) -> Result<Imported, Error> {
    let Import {
        file, auth_method, ..
    } = arguments;
    let found = import::read(text).map_err(|error| Error::Argument(format!("{file}: {error}")))?;
    let (now, operator, secrets_key) = (now(), operator(), secrets_key(target)?);
    let existing = match target.kind {
        Kind::Print => Vec::new(),
        _ => target.keys(&ClientId::record_prefix(realm))?,
    };
    let existing = existing
        .into_iter()
        .map(|key| (key, "exists in the realm already"));
    let mut known = existing.collect::<HashMap<_, _>>();
    let mut imported = Imported::default();
    for Found { client_id, outcome } in found {
        let Record {
            mut client,
            secret,
            auth_method: own_method,
        } = match outcome {
            Outcome::Client(record) => *record,
            Outcome::LeftOut(why) => {
                imported
                    .left_out
                    .push(json!({ "client_id": client_id, "why": why }));
                continue;
            }
            Outcome::Wrong(why) => {
                imported
                    .wrong
                    .push(json!({ "client_id": client_id, "why": why }));
                continue;
            }
        };
        let hash = ClientSecretHash::of_imported(&secret, random()?, &secrets_key);
        let id = short_id()?;
        client.secrets.push(StoredSecret {
            id,
            hash,
            not_before: None,
            expires_at: None,
        });
        client.token_endpoint_auth_method = own_method.unwrap_or(*auth_method);
        client.updated_at = now;
        client.updated_by.clone_from(&operator);
        let key = client.client_id.record_key(realm);
        let why = match client.check_written() {
            Err(error) => Some(error.to_string()),
            Ok(()) => known
                .insert(key.clone(), "stands twice in the file")
                .map(str::to_owned),
        };
        match why {
            Some(why) => imported
                .wrong
                .push(json!({ "client_id": client_id, "why": why })),
            None => imported.clients.push((key, client)),
        }
    }
    Ok(imported)
}
