//! The lines that changes leave in the namespace: who, what, when.

use edge_token::client::Client;
use edge_token::name::{ClientId, RealmName};
use edge_token::not_before::Whose;
use edge_token::time::UnixTime;
use serde_json::{Value, json};

use crate::target::Pair;
#[cfg(feature = "console")]
use crate::target::Target;
use crate::{Error, random};

/// The version of the lines' format. The first lines do not say it.
const VERSION: u32 = 1;

/// Where the lines of signing keys lie, which are no realm's: no realm has such a name.
pub(crate) const NO_REALM: &str = "-";

/// The line of a change to a client, of one of its secrets if it is named.
pub(crate) fn of_client(
    action: &str,
    realm: &RealmName,
    client: &Client,
    secret_id: Option<&str>,
) -> Result<Pair, Error> {
    let (at, by) = (client.updated_at, &client.updated_by);
    let mut line = json!({
        "version": VERSION, "at": at, "by": by, "action": action,
        "realm": realm.as_str(), "client_id": client.client_id,
    });
    if let (Some(id), Value::Object(line)) = (secret_id, &mut line) {
        line.insert("secret_id".into(), id.into());
    }
    pair(realm.as_str(), at, &line)
}

/// How many clients one line names at most: it is a value like any other.
const A_LINE: usize = 5_000;

/// The lines of very many clients at once, that came from another system or back from an export.
pub(crate) fn of_clients(
    action: &str,
    realm: &RealmName,
    clients: &[ClientId],
    at: UnixTime,
    by: &str,
) -> Result<Vec<Pair>, Error> {
    let line = |clients: &[ClientId]| {
        let line = json!({
            "version": VERSION, "at": at, "by": by, "action": action,
            "realm": realm.as_str(), "client_ids": clients,
        });
        pair(realm.as_str(), at, &line)
    };
    clients.chunks(A_LINE).map(line).collect()
}

/// The line of a change to the signing keys that a Worker secret holds.
pub(crate) fn of_keys(
    action: &str,
    secret: &str,
    kid: Option<&str>,
    at: UnixTime,
    by: &str,
) -> Result<Pair, Error> {
    let line = json!({
        "version": VERSION, "at": at, "by": by, "action": action, "secret": secret, "kid": kid,
    });
    pair(NO_REALM, at, &line)
}

/// The line of a moment before which tokens of `whose` are void.
pub(crate) fn of_moment(
    realm: &RealmName,
    whose: Whose<'_>,
    before: UnixTime,
    at: UnixTime,
    by: &str,
) -> Result<Pair, Error> {
    let mut line = json!({
        "version": VERSION, "at": at, "by": by, "action": "revoke-realm",
        "realm": realm.as_str(), "before": before,
    });
    let whose = match whose {
        Whose::Realm => None,
        Whose::Client(id) => Some(("revoke-client", "client_id", id)),
        Whose::Subject(sub) => Some(("revoke-subject", "subject", sub)),
    };
    if let (Some((action, member, name)), Value::Object(line)) = (whose, &mut line) {
        line.insert("action".into(), action.into());
        line.insert(member.into(), name.into());
    }
    pair(realm.as_str(), at, &line)
}

/// The lines of a realm, the newest first: `count` of them after `skip`, and how many there are.
#[cfg(feature = "console")]
pub(crate) fn recent(
    target: &Target,
    realm: &str,
    skip: usize,
    count: usize,
) -> Result<Value, Error> {
    let mut keys = target.keys(&format!("audit/{realm}/"))?;
    // They begin with the second, in as many digits each.
    keys.sort_unstable();
    let all = keys.len();
    let some = keys.into_iter().rev().skip(skip).take(count);
    let some = some.collect::<Vec<_>>();
    let values = target.values(&some)?;
    let line = |key: &String| match serde_json::from_str::<Value>(values.get(key)?) {
        Ok(line) => Some(line),
        Err(error) => {
            Some(json!({ "action": format!("the line at `{key}` is unusable: {error}") }))
        }
    };
    let lines = some.iter().filter_map(line).collect::<Vec<_>>();
    Ok(json!({ "all": all, "lines": lines }))
}

fn pair(realm: &str, at: UnixTime, line: &Value) -> Result<Pair, Error> {
    Ok(Pair {
        key: format!("audit/{realm}/{:012}-{}", at.seconds(), short_id()?),
        value: line.to_string(),
    })
}

/// A short random name for a secret or an audit line.
pub(crate) fn short_id() -> Result<String, Error> {
    Ok(format!("{:08x}", u32::from_be_bytes(random()?)))
}
