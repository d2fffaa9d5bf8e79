//! How long tokens live at most that are signed with a pair of secrets: by the realms of
//! wrangler.toml, and by the records of their clients.

use edge_token::client::Client;
use edge_token::dialect::Dialect;
use edge_token::name::{ClientId, RealmName};
use edge_token::realm::Realms;
use edge_token::time::Seconds;

use crate::Error;
use crate::target::Target;
use crate::wrangler_toml::{DEFAULT_KEYS, WranglerToml, made_up_jwk_set, signing_keys};

/// A realm that uses the secrets.
struct User {
    name: RealmName,
    access_token_ttl: Seconds,
}

/// The longest lifetime, clients' records included.
pub(super) fn longest(target: &Target, secrets: &[String; 2]) -> Result<Seconds, Error> {
    let users = users(target, secrets)?;
    let of_realms = users.iter().map(|user| user.access_token_ttl).max();
    let of_clients = of_clients(target, &users)?;
    Ok(of_realms.max(of_clients).unwrap_or(Seconds(0)))
}

/// The longest lifetime that a realm has by itself, without reading what clients have.
pub(super) fn of_realms(target: &Target, secrets: &[String; 2]) -> Result<Seconds, Error> {
    let users = users(target, secrets)?;
    let longest = users.iter().map(|user| user.access_token_ttl).max();
    Ok(longest.unwrap_or(Seconds(0)))
}

/// The realms of wrangler.toml that have their keys in these secrets: at least one, each in both.
fn users(target: &Target, secrets: &[String; 2]) -> Result<Vec<User>, Error> {
    let variables = WranglerToml::read(target)?.realms();
    let realms = Realms::parse(&variables, &made_up_jwk_set, &Dialect::ALL);
    let mut users = Vec::new();
    // Without any variable, `Realms` would only say that there is no realm.
    for realm in realms.all().filter(|_| !variables.is_empty()) {
        let realm = realm.map_err(|error| Error::State(format!("wrangler.toml: {error}")))?;
        let own = signing_keys(&variables, &realm.name);
        let [first, second] = secrets.each_ref().map(|secret| own.contains(secret));
        match (first, second) {
            (true, true) => users.push(User {
                name: realm.name.clone(),
                access_token_ttl: realm.access_token_ttl,
            }),
            (false, false) => (),
            _ => {
                return Err(Error::State(format!(
                    "realm `{}` has its keys in one of {} and {} alone, and would not see every \
                     rotation: let its member signing_keys in wrangler.toml name both, and deploy",
                    realm.name,
                    secrets.join(", "),
                    DEFAULT_KEYS.join(", "),
                )));
            }
        }
    }
    match users.is_empty() {
        false => Ok(users),
        true => Err(Error::State(format!(
            "no realm of wrangler.toml{} has its keys in {}: is --env right? Realms that are \
             configured elsewhere are not seen: say --token-lifetime SECONDS then",
            match &target.env {
                Some(env) => format!(", environment `{env}`,"),
                None => String::new(),
            },
            secrets.join(" and "),
        ))),
    }
}

/// The longest lifetime that a record of these realms' clients names.
fn of_clients(target: &Target, users: &[User]) -> Result<Option<Seconds>, Error> {
    let prefixes = users.iter().map(|user| ClientId::record_prefix(&user.name));
    let prefixes = prefixes.collect::<Vec<_>>();
    let mut keys = target.keys("client/")?;
    keys.retain(|key| prefixes.iter().any(|prefix| key.starts_with(prefix)));
    let mut longest = None;
    for (key, record) in target.values(&keys)? {
        let id = prefixes.iter().find_map(|prefix| key.strip_prefix(prefix));
        let client = id
            .and_then(ClientId::parse)
            .map(|id| Client::parse(&record, &id));
        match client {
            Some(Ok(client)) => longest = longest.max(client.access_token_ttl),
            _ => eprintln!("Note: the record at `{key}` is unusable, it gets no tokens."),
        }
    }
    Ok(longest)
}
