//! wrangler.toml, as far as the tool reads it: what an environment binds, and its realms.

use std::fs;

use edge_token::dialect::Dialect;
use edge_token::jose::SigningKey;
use edge_token::name::RealmName;
use edge_token::time::UnixTime;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::Error;
use crate::key::private_jwk_set;
use crate::target::{Target, project};

/// The secrets of every realm that names none.
pub(crate) const DEFAULT_KEYS: [&str; 2] = ["SIGNING_KEYS", "SIGNING_KEYS_NEXT"];

/// The whole, and which environment of it counts.
pub(crate) struct WranglerToml {
    top: Value,
    env: Option<String>,
}

impl WranglerToml {
    pub(crate) fn read(target: &Target) -> Result<Self, Error> {
        let path = project()?.join("wrangler.toml");
        let text = fs::read_to_string(&path).map_err(|error| Error::File {
            path: path.display().to_string(),
            error,
        })?;
        let top = toml::from_str::<Value>(&text)
            .map_err(|error| Error::State(format!("wrangler.toml: {}", error.message())))?;
        let env = target.env.clone().filter(|env| !env.is_empty());
        Ok(Self { top, env })
    }

    /// The names of all environments.
    pub(crate) fn environments(&self) -> Vec<&str> {
        let all = self.top.get("env").and_then(Value::as_object);
        all.into_iter().flatten().map(|(name, _)| &**name).collect()
    }

    /// The environment that counts, if it is there.
    pub(crate) fn environment(&self) -> Option<&Value> {
        match &self.env {
            None => Some(&self.top),
            Some(env) => self.top.get("env")?.get(env),
        }
    }

    /// A member of the environment: bindings and variables are not inherited.
    pub(crate) fn own(&self, name: &str) -> Option<&Value> {
        self.environment()?.get(name)
    }

    /// A member of the environment, or else of the top level, as wrangler has it of migrations and
    /// routes.
    pub(crate) fn inherited(&self, name: &str) -> Option<&Value> {
        self.own(name).or_else(|| self.top.get(name))
    }

    /// The name under which local state has the namespace CLIENTS, as wrangler chooses it.
    pub(crate) fn local_namespace(&self) -> String {
        let namespaces = self.own("kv_namespaces").and_then(Value::as_array);
        let mut namespaces = namespaces.into_iter().flatten();
        let is_it = |entry: &&Value| entry.get("binding").is_some_and(|name| name == "CLIENTS");
        let own = namespaces.find(is_it);
        let id = own.and_then(|entry| entry.get("id").or_else(|| entry.get("preview_id")));
        id.and_then(Value::as_str).unwrap_or("CLIENTS").to_owned()
    }

    /// The name of a table of the environment.
    pub(crate) fn table(&self, name: &str) -> String {
        match &self.env {
            None => name.to_owned(),
            Some(env) => format!("env.{env}.{name}"),
        }
    }

    /// The variables that configure realms, as the Worker reads them.
    pub(crate) fn realms(&self) -> Vec<(String, String)> {
        let variables = self.own("vars").and_then(Value::as_object);
        let realms = variables.into_iter().flatten();
        let realms = realms.filter(|(name, _)| *name == "REALMS" || name.starts_with("REALMS_"));
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        realms
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }
}

/// A realm, if it is there.
pub(crate) fn configured(variables: &[(String, String)], realm: &RealmName) -> Option<Value> {
    let parsed = variables
        .iter()
        .filter_map(|(_, text)| serde_json::from_str::<Value>(text).ok());
    let mut own = parsed.filter_map(|realms| realms.get(realm.as_str()).cloned());
    own.next_back()
}

/// How a realm talks, if it is there; what is wrong with it otherwise is not told.
pub(crate) fn dialect(
    variables: &[(String, String)],
    realm: &RealmName,
) -> Option<&'static Dialect> {
    let own = configured(variables, realm)?;
    let name = own.get("dialect").and_then(Value::as_str);
    let mut all = Dialect::ALL.into_iter();
    match name {
        Some(name) => all.find(|dialect| dialect.name == name),
        None => all.next(),
    }
}

/// The secrets in which a realm has its keys.
pub(crate) fn signing_keys(variables: &[(String, String)], realm: &RealmName) -> Vec<String> {
    let parsed = variables
        .iter()
        .filter_map(|(_, text)| serde_json::from_str::<Value>(text).ok());
    let own = parsed.filter_map(|realms| realms.get(realm.as_str())?.get("signing_keys").cloned());
    let mut own = own.filter_map(|names| serde_json::from_value(names).ok());
    own.next_back()
        .unwrap_or_else(|| DEFAULT_KEYS.map(str::to_owned).to_vec())
}

/// A key that signs nothing, another one for each secret: realms are read with such in the place of
/// those that nobody can read.
pub(crate) fn made_up_jwk_set(secret: &str) -> Option<String> {
    let (from, until) = (UnixTime::from_seconds(0), UnixTime::from_seconds(u64::MAX));
    let octets = Zeroizing::new(Sha256::digest(secret).into());
    let key = SigningKey::generate(&octets, from, until)?;
    Some(private_jwk_set(Some(&key)).ok()?.to_string())
}
