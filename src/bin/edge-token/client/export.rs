//! `client export`: the records of clients as they are in the namespace, for a backup or another
//! namespace; and what is read of such a file, which docs/storage.md describes.

use std::fs;
use std::io::Write as _;

use clap::Args;
use edge_token::client::Client;
use edge_token::json::Object;
use edge_token::name::{ClientId, RealmName};
use serde_json::{Value, json};

use super::realm_name;
use crate::Error;
use crate::output::printable;
use crate::target::{Pair, Target};

/// What the keys of all records begin with.
const CLIENTS: &str = "client/";

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    realms: Realms,
    /// The file to write, which must not exist; without one, the records go to standard output
    #[arg(value_name = "FILE")]
    file: Option<String>,
}

impl Export {
    /// Whether the records themselves are the result.
    pub(super) fn is_to_stdout(&self) -> bool {
        self.file.is_none()
    }
}

/// One realm, or all.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Realms {
    /// The realm
    #[arg(long, value_parser = realm_name, value_name = "NAME")]
    pub(super) realm: Option<RealmName>,
    /// Every realm
    #[arg(long)]
    all_realms: bool,
}

impl Realms {
    /// What the keys of their clients' records begin with.
    pub(super) fn prefix(&self) -> String {
        let realm = self.realm.as_ref();
        realm.map_or(CLIENTS.to_owned(), ClientId::record_prefix)
    }
}

pub(super) fn run(arguments: &Export, target: &Target) -> Result<Value, Error> {
    target.not_print()?;
    // Before a long reading: it is not for nothing then.
    if let Some(file) = arguments
        .file
        .as_ref()
        .filter(|file| fs::exists(file).unwrap_or(true))
    {
        return Err(Error::Argument(format!(
            "{file} exists, nothing was written: name another file"
        )));
    }
    let keys = target.keys(&arguments.realms.prefix())?;
    let values = target.values(&keys)?;
    let gone = keys.len().saturating_sub(values.len());
    if gone > 0 {
        eprintln!("Note: {gone} clients were deleted meanwhile.");
    }
    if values.is_empty() {
        eprintln!("Note: there are no clients: are realm, target and --env right?");
    }
    for (key, value) in &values {
        if let Err(why) = Exported::parse(key, value) {
            let key = printable(key);
            eprintln!("Note: the record at `{key}` is exported, but no import takes it: {why}.");
        }
    }
    let pairs = values.into_iter().map(|(key, value)| Pair { key, value });
    let pairs = pairs.collect::<Vec<_>>();
    let Some(file) = &arguments.file else {
        return Ok(serde_json::to_value(pairs)?);
    };
    write_new(file, &pairs).map_err(|error| Error::File {
        path: file.clone(),
        error,
    })?;
    eprintln!(
        "Exported {} clients to {file}, which you alone may read: it holds the hashes of their \
         secrets. `client import` takes it back.",
        pairs.len()
    );
    Ok(json!({ "file": file, "clients": pairs.len() }))
}

/// Writes a list of pairs, one a line, which `wrangler kv bulk put` takes too, to a file that only its
/// owner may read.
fn write_new(path: &str, pairs: &[Pair]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let write = || {
        let mut file = std::io::BufWriter::new(&file);
        for (pair, separator) in pairs
            .iter()
            .zip(["[\n"].into_iter().chain(std::iter::repeat(",\n")))
        {
            file.write_all(separator.as_bytes())?;
            serde_json::to_writer(&mut file, pair)?;
        }
        file.write_all(if pairs.is_empty() { b"[]\n" } else { b"\n]\n" })?;
        file.flush()
    };
    write().and_then(|()| file.sync_all()).inspect_err(|_| {
        // Half a backup is worse than none.
        _ = fs::remove_file(path);
    })
}

/// A record of an export.
pub(super) struct Exported {
    pub(super) realm: RealmName,
    pub(super) client: Client,
}

impl Exported {
    /// Reads a record and whose it is.
    pub(super) fn parse(key: &str, value: &str) -> Result<Self, String> {
        let names = key
            .strip_prefix(CLIENTS)
            .and_then(|names| names.split_once('/'));
        let names = names.and_then(|(realm, id)| RealmName::parse(realm).zip(ClientId::parse(id)));
        let (realm, id) = names.ok_or("its key is not client/REALM/ID")?;
        let client = Client::parse(value, &id).map_err(|error| error.to_string())?;
        Ok(Self { realm, client })
    }

    /// Whether one of its secrets is good under the CLIENT_SECRETS_KEY alone.
    pub(super) fn needs_key(&self) -> bool {
        let mut secrets = self.client.secrets.iter();
        secrets.any(|secret| secret.hash.needs_key())
    }
}

/// Whether a client has a secret that is good under the CLIENT_SECRETS_KEY alone.
pub(crate) fn record_needs_key(key: &str, value: &str) -> bool {
    Exported::parse(key, value).is_ok_and(|record| record.needs_key())
}

/// Whether a list is an export and not one of clients to register.
pub(super) fn is_export(list: &[Object]) -> bool {
    let is_pair = |entry: &Object| entry.get("key").is_some() && entry.get("client_id").is_none();
    list.first().is_some_and(is_pair)
}

/// An entry of an export.
pub(super) fn pair(mut entry: Object) -> Result<Pair, String> {
    let mut pair = || {
        let key = entry.require("key", "a text")?;
        let value = entry.require("value", "a text")?;
        Ok(Pair { key, value })
    };
    let pair = pair().map_err(|error: edge_token::json::JsonError| error.to_string())?;
    entry.finish().map_err(|error| error.to_string())?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"version":1,"client_id":"a/b","grant_types":[],"token_endpoint_auth_method":"none","updated_at":1,"updated_by":"x"}"#;

    #[test]
    fn only_the_record_of_its_key_is_one() {
        let read =
            Exported::parse("client/dx/a/b", RECORD).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (read.realm.as_str(), read.client.client_id.as_str()),
            ("dx", "a/b")
        );
        for (key, value, why) in [
            ("client/dx/a", RECORD, "another client's"),
            ("client/dx", RECORD, "its key is not"),
            ("client//a/b", RECORD, "its key is not"),
            ("client/d x/a/b", RECORD, "its key is not"),
            ("clients/dx/a/b", RECORD, "its key is not"),
            ("audit/dx/a/b", RECORD, "its key is not"),
            ("client/dx/a/b", "{}", "`version` is missing"),
            ("client/dx/a/b", "", "not a JSON object"),
            (
                "client/dx/a/b",
                &RECORD.replace("\"version\":1", "\"version\":2"),
                "version 2",
            ),
            (
                "client/dx/a/b",
                &RECORD.replace("}", ",\"new\":1}"),
                "`new` is unknown",
            ),
        ] {
            let error = Exported::parse(key, value).err().unwrap_or_default();
            assert!(error.contains(why), "{key}: {error}");
        }
    }

    #[test]
    fn an_export_is_a_list_of_pairs() {
        let list = |text| serde_json::from_str::<Vec<Object>>(text).unwrap_or_default();
        assert!(is_export(&list(r#"[{"key":"client/dx/a","value":"{}"}]"#)));
        for other in [
            "[]",
            r#"[{"client_id":"a","client_secret":"s"}]"#,
            r#"[{"client_id":"a","key":"k"}]"#,
        ] {
            assert!(!is_export(&list(other)), "{other}");
        }
        for (entry, why) in [
            (r#"[{"key":"k"}]"#, "`value` is missing"),
            (r#"[{"key":"k","value":{}}]"#, "`value` must be a text"),
            (
                r#"[{"key":"k","value":"v","expiration":1}]"#,
                "`expiration` is unknown",
            ),
        ] {
            let read = list(entry).into_iter().map(pair).collect::<Vec<_>>();
            assert!(
                matches!(&*read, [Err(error)] if error.contains(why)),
                "{entry}"
            );
        }
    }
}
