//! `client import` of what `client export` wrote: the same records, octet by octet.

use std::collections::{HashMap, HashSet};

use edge_token::json::Object;
use edge_token::name::{ClientId, RealmName};
use serde_json::{Value, json};

use super::export::{Exported, pair};
use super::import::{Import, count};
use super::unservable::Destination;
use crate::audit;
use crate::output::printable;
use crate::target::{Kind, Pair, Target};
use crate::{Error, now, operator};

/// What a restoring comes to.
#[derive(Default)]
struct Restored {
    pairs: Vec<Pair>,
    clients: HashMap<RealmName, Vec<ClientId>>,
    /// The keys of those that are there now.
    overwritten: Vec<String>,
    /// How many have a secret that was chosen elsewhere.
    imported_secrets: usize,
    wrong: Vec<Value>,
}

pub(super) fn run(list: Vec<Object>, arguments: &Import, target: &Target) -> Result<Value, Error> {
    let Restored {
        pairs,
        clients,
        overwritten,
        imported_secrets,
        wrong,
    } = read(list, arguments, target)?;
    for wrong in &wrong {
        let text = |member| {
            wrong
                .get(member)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        eprintln!("Wrong: `{}`: {}.", printable(text("key")), text("why"));
    }
    if !wrong.is_empty() && !arguments.partial {
        let records = count(wrong.len(), "record", "records");
        return Err(Error::State(format!(
            "{records} of {} cannot be taken, nothing was written: correct what is wrong, take the \
             others with --partial, or put those that exist back with --overwrite",
            arguments.file,
        )));
    }
    let taken = pairs.iter().map(|pair| pair.key.as_str());
    let mut report = json!({
        "taken": taken.collect::<Vec<_>>(), "overwritten": overwritten, "wrong": wrong,
    });
    if target.kind == Kind::Print {
        if let Value::Object(members) = &mut report {
            members.insert("kv".into(), serde_json::to_value(&pairs)?);
        }
        return Ok(report);
    }
    if !overwritten.is_empty() {
        arguments.sure.confirm(&format!(
            "This overwrites {} clients by what they were when they were exported: secrets that \
             they got since are lost, and those that were revoked since are good again.",
            overwritten.len()
        ))?;
    }
    let (at, by) = (now(), operator());
    let mut all = Vec::new();
    for (realm, clients) in &clients {
        all.extend(audit::of_clients("restore", realm, clients, at, &by)?);
    }
    let count = pairs.len();
    // The lines go first: if the rest fails, they say where to look.
    all.extend(pairs);
    if count > 0 {
        target.put(&all).map_err(|error| {
            Error::Wrangler(format!(
                "{error}\nSome of the clients may be there: the same command with --overwrite goes \
                 on, and leaves no others than the file has"
            ))
        })?;
    }
    eprintln!("Restored {count} clients.");
    if imported_secrets > 0 {
        eprintln!(
            "{imported_secrets} of them have a secret that was chosen elsewhere: it is good only \
             where the Worker has the CLIENT_SECRETS_KEY that it had at the export."
        );
    }
    Ok(report)
}

/// Reads the records, none of which may be in the namespace unless it is to be overwritten.
fn read(list: Vec<Object>, arguments: &Import, target: &Target) -> Result<Restored, Error> {
    let existing = match target.kind {
        Kind::Print => Vec::new(),
        _ => target.keys(&arguments.realms.prefix())?,
    };
    let existing = existing.into_iter().collect::<HashSet<_>>();
    let destination = Destination::read(target);
    let (mut restored, mut seen) = (Restored::default(), HashSet::new());
    for (entry, position) in list.into_iter().zip(1_usize..) {
        let key = entry.get("key").and_then(Value::as_str);
        let name = key.map_or(format!("entry {position}"), str::to_owned);
        let read = pair(entry).and_then(|pair| {
            let Exported { realm, client } = Exported::parse(&pair.key, &pair.value)?;
            let is_there = existing.contains(&pair.key);
            if arguments
                .realms
                .realm
                .as_ref()
                .is_some_and(|only| *only != realm)
            {
                return Err(format!("is of realm `{realm}`: --all-realms takes it too"));
            }
            let wrong = match arguments.force.force {
                true => Vec::new(),
                false => destination.wrong(&client, &realm),
            };
            if !wrong.is_empty() {
                return Err(format!("{} (--force)", wrong.join("; ")));
            }
            if is_there && !arguments.overwrite {
                return Err("exists already: --overwrite puts this one in its place".into());
            }
            if !seen.insert(pair.key.clone()) {
                return Err("stands twice in the file".into());
            }
            Ok((pair, realm, client, is_there))
        });
        match read {
            Err(why) => restored.wrong.push(json!({ "key": name, "why": why })),
            Ok((pair, realm, client, is_there)) => {
                if is_there {
                    restored.overwritten.push(pair.key.clone());
                }
                if client.secrets.iter().any(|secret| secret.hash.needs_key()) {
                    restored.imported_secrets = restored.imported_secrets.saturating_add(1);
                }
                restored
                    .clients
                    .entry(realm)
                    .or_default()
                    .push(client.client_id);
                restored.pairs.push(pair);
            }
        }
    }
    Ok(restored)
}
