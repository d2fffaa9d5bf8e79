//! How long tokens live at most that are signed with a pair of secrets: by the realms of
//! wrangler.toml, and by the records of their clients.

use std::fs;

use edge_token::client::{Client, ClientId};
use edge_token::dialect::Dialect;
use edge_token::jose::SigningKey;
use edge_token::realm::{Realm, RealmError, RealmName, Realms};
use edge_token::time::{Seconds, UnixTime};
use serde_json::Value;

use super::private_jwk_set;
use crate::target::{Target, project};
use crate::{Error, random};

/// What every realm uses that names no secrets.
const DEFAULT: [&str; 2] = ["SIGNING_KEYS", "SIGNING_KEYS_NEXT"];

/// How many records are read between two words of progress.
const STEP: usize = 1_000;

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
    let configured = Configured::read(target)?;
    let mut users = Vec::new();
    for realm in configured.realms() {
        let realm = realm.map_err(|error| Error::State(format!("wrangler.toml: {error}")))?;
        let own = configured.signing_keys(&realm.name);
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
                    DEFAULT.join(", "),
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

/// The realms of wrangler.toml.
pub(crate) struct Configured {
    variables: Vec<(String, String)>,
    realms: Realms,
}

impl Configured {
    pub(crate) fn read(target: &Target) -> Result<Self, Error> {
        let variables = variables(target)?;
        let made_up = made_up_jwk_set()?;
        let realms = Realms::parse(&variables, &|_| Some(made_up.clone()), &Dialect::ALL);
        Ok(Self { variables, realms })
    }

    /// All of them, or why some cannot be served.
    pub(crate) fn realms(&self) -> impl Iterator<Item = Result<&Realm, &RealmError>> {
        // Without any variable, `Realms` would only say that there is no realm.
        let is_some = !self.variables.is_empty();
        self.realms.all().filter(move |_| is_some)
    }

    /// The secrets in which a realm has its keys.
    pub(crate) fn signing_keys(&self, realm: &RealmName) -> Vec<String> {
        let parsed = self.variables.iter();
        let parsed = parsed.filter_map(|(_, text)| serde_json::from_str::<Value>(text).ok());
        let own =
            parsed.filter_map(|realms| realms.get(realm.as_str())?.get("signing_keys").cloned());
        let mut own = own.filter_map(|names| serde_json::from_value(names).ok());
        own.next_back()
            .unwrap_or_else(|| DEFAULT.map(str::to_owned).to_vec())
    }
}

/// The variables of wrangler.toml that configure realms, as the Worker reads them.
fn variables(target: &Target) -> Result<Vec<(String, String)>, Error> {
    let path = project()?.join("wrangler.toml");
    let text = fs::read_to_string(&path).map_err(|error| Error::File {
        path: path.display().to_string(),
        error,
    })?;
    let top = toml::from_str::<Value>(&text)
        .map_err(|error| Error::State(format!("wrangler.toml: {}", error.message())))?;
    let environment = match target.env.as_deref().filter(|env| !env.is_empty()) {
        None => Some(&top),
        Some(env) => top.get("env").and_then(|all| all.get(env)),
    };
    let variables = environment.and_then(|environment| environment.get("vars"));
    let variables = variables.and_then(Value::as_object).into_iter().flatten();
    let realms = variables.filter(|(name, _)| *name == "REALMS" || name.starts_with("REALMS_"));
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    Ok(realms
        .map(|(name, value)| (name.clone(), text(value)))
        .collect())
}

/// A key that signs nothing: realms are read with one in the place of those that nobody can read.
fn made_up_jwk_set() -> Result<String, Error> {
    let (from, until) = (UnixTime::from_seconds(0), UnixTime::from_seconds(u64::MAX));
    loop {
        if let Some(key) = SigningKey::generate(&random()?, from, until) {
            return Ok(private_jwk_set(Some(&key))?.to_string());
        }
    }
}

/// The longest lifetime that a record of these realms' clients names.
fn of_clients(target: &Target, users: &[User]) -> Result<Option<Seconds>, Error> {
    let prefixes = users.iter().map(|user| ClientId::record_prefix(&user.name));
    let prefixes = prefixes.collect::<Vec<_>>();
    let mut keys = target.keys("client/")?;
    keys.retain(|key| prefixes.iter().any(|prefix| key.starts_with(prefix)));
    if keys.len() > STEP {
        eprintln!("Reading the token lifetimes of {} clients …", keys.len());
    }
    let (mut longest, mut read) = (None, 0_usize);
    for some in keys.chunks(STEP) {
        for (key, record) in target.values(some)? {
            let id = prefixes.iter().find_map(|prefix| key.strip_prefix(prefix));
            let client = id
                .and_then(ClientId::parse)
                .map(|id| Client::parse(&record, &id));
            match client {
                Some(Ok(client)) => longest = longest.max(client.access_token_ttl),
                _ => eprintln!("Note: the record at `{key}` is unusable, it gets no tokens."),
            }
        }
        read = read.saturating_add(some.len());
        if keys.len() > STEP {
            eprintln!("{read} of {} read", keys.len());
        }
    }
    Ok(longest)
}
