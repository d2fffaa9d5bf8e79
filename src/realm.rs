//! Realms: the tenants of the service, each a stranger to all others.
//!
//! The configuration is read once an isolate. A realm that is configured badly is known all the
//! same, so that its paths answer 503 and never 404, while the others go on.

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::rc::Rc;

use crate::client::access_token_ttl;
use crate::dialect::{Dialect, Endpoint, RFC9068};
use crate::error::Fault;
use crate::jose::{SigningKey, SigningKeys, SigningKeysError};
use crate::json::{JsonError, Object};
use crate::scope::ScopeSet;
use crate::time::{Seconds, UnixTime};

/// The secrets that hold the signing keys of a realm which names no others.
const SIGNING_KEYS: [&str; 2] = ["SIGNING_KEYS", "SIGNING_KEYS_NEXT"];

/// A realm's name: 1 to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RealmName(String);

impl RealmName {
    /// Reads a name; `None` for what can be no realm's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let first = text.bytes().next()?.is_ascii_alphanumeric();
        let rest = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (first && rest && text.len() <= 64).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RealmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A realm that can be served.
#[derive(Debug)]
pub struct Realm {
    /// Its name.
    pub name: RealmName,
    /// Its URL: in metadata, as `iss` of its tokens, and their default audience.
    pub issuer: Issuer,
    /// How it talks.
    pub dialect: &'static Dialect,
    /// The scopes that exist in it; without it, whatever its clients' records name.
    pub scopes: Option<ScopeSet>,
    /// The audience of tokens for clients whose record names none.
    pub audience: Vec<String>,
    /// How long access tokens live when the client's record does not say.
    pub access_token_ttl: Seconds,
    /// Its signing keys.
    pub keys: Rc<SigningKeys>,
}

impl Realm {
    fn parse(
        name: &RealmName,
        mut members: Object,
        keys: &mut KeyReader<'_>,
    ) -> Result<Self, Cause> {
        let dialect = match members.take::<String>("dialect", TEXT)? {
            None => &RFC9068,
            Some(dialect) => Dialect::ALL
                .into_iter()
                .find(|known| known.name == dialect)
                .ok_or(Cause::UnknownDialect(dialect))?,
        };
        let realm = Self {
            name: name.clone(),
            issuer: Issuer::parse(&members.require::<String>("issuer", TEXT)?, name)?,
            dialect,
            scopes: members.take("scopes", "scope tokens with one space between")?,
            audience: members.take("audience", TEXTS)?.unwrap_or_default(),
            access_token_ttl: access_token_ttl(&mut members)?.unwrap_or(dialect.access_token_ttl),
            keys: match members.take::<Vec<String>>("signing_keys", TEXTS)? {
                None => keys.read(&SIGNING_KEYS.map(str::to_owned))?,
                Some(secrets) => keys.read(&secrets)?,
            },
        };
        members.finish()?;
        Ok(realm)
    }

    /// The key that signs a token which begins `now` and lives for `lifetime`.
    ///
    /// # Errors
    /// [`Fault::NoSigningKey`].
    pub fn signing_key(&self, now: UnixTime, lifetime: Seconds) -> Result<&SigningKey, Fault> {
        self.keys
            .signing(now, lifetime)
            .ok_or_else(|| Fault::NoSigningKey {
                realm: self.name.to_string(),
                now,
                lifetime: lifetime.0,
            })
    }

    /// The absolute URL of an endpoint, as metadata names it.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> Option<String> {
        let (_, path) = self
            .dialect
            .paths
            .iter()
            .find(|(known, _)| *known == endpoint)?;
        Some(format!("{}{}", self.issuer.origin(), at(path, &self.name)))
    }
}

/// The paths of a realm under a dialect.
fn paths(name: &RealmName, dialect: &Dialect) -> impl Iterator<Item = (Endpoint, String)> {
    let more = match name.as_str() {
        "default" => dialect.default_realm_paths,
        _ => &[],
    };
    dialect
        .paths
        .iter()
        .chain(more)
        .map(|(endpoint, path)| (*endpoint, at(path, name)))
}

fn at(path: &str, name: &RealmName) -> String {
    path.replace("{realm}", name.as_str())
}

/// The URL of a realm (RFC 8414 §2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issuer {
    url: String,
    /// How many octets of it are scheme and authority.
    origin: usize,
}

impl Issuer {
    /// Reads the issuer of the realm `name`: `https`, or `http` on loopback; in lower case; and
    /// with a path under which the realm's metadata is found (RFC 8414 §3.3).
    fn parse(url: &str, name: &RealmName) -> Result<Self, Cause> {
        let secure = url.strip_prefix("https://");
        let rest = secure
            .or_else(|| url.strip_prefix("http://"))
            .ok_or(Cause::Issuer)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
        if authority.is_empty() || !authority.bytes().all(known) {
            return Err(Cause::Issuer);
        }
        if secure.is_none() && !is_loopback(authority) {
            return Err(Cause::InsecureIssuer);
        }
        if path != format!("/realms/{name}") && !(path.is_empty() && name.as_str() == "default") {
            return Err(Cause::IssuerPath);
        }
        Ok(Self {
            url: url.to_owned(),
            origin: url.len().saturating_sub(path.len()),
        })
    }

    /// The whole URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Scheme and authority.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.url.get(..self.origin).unwrap_or_default()
    }

    /// Whether this realm may be served to a request for `authority`: one with an `http` issuer
    /// only on the machine itself.
    #[must_use]
    pub fn may_be_served_at(&self, authority: &str) -> bool {
        self.url.starts_with("https://") || is_loopback(authority)
    }
}

/// Whether an authority (`host` or `host:port`) is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Why a realm cannot be served, or why none can.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RealmError {
    /// No variable configures any realm.
    #[error("no realm is configured: set [vars.REALMS.<name>] in wrangler.toml")]
    None,
    /// A variable that configures realms cannot be read.
    #[error("variable {variable}: {error}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong with it.
        error: JsonError,
    },
    /// A realm cannot have such a name.
    #[error("`{0}` is no realm name: 1 to 64 letters, digits, `-`, `_`, `.`")]
    Name(String),
    /// One realm cannot be served.
    #[error("realm `{realm}`: {cause}")]
    Realm {
        /// Which.
        realm: RealmName,
        /// Why.
        cause: Cause,
    },
}

/// What is wrong with one realm.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cause {
    /// A member is missing, unknown or not what it must be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Its configuration is no table of members.
    #[error("must be a table")]
    NotATable,
    /// It is configured twice.
    #[error("is configured twice")]
    Repeated,
    /// A dialect that does not exist.
    #[error("member `dialect`: `{0}` is unknown")]
    UnknownDialect(String),
    /// The issuer is no URL of an issuer.
    #[error("member `issuer` must be https://host[:port]/path in lower case")]
    Issuer,
    /// An `http` issuer that is not on loopback.
    #[error("member `issuer` must be https, or http on loopback")]
    InsecureIssuer,
    /// An issuer under which its own metadata would not be found.
    #[error("member `issuer` must end in /realms/<name>; that of `default` may have no path")]
    IssuerPath,
    /// Another realm is at the same path.
    #[error("realm `{other}` has its path {path} too")]
    Path {
        /// The other.
        other: RealmName,
        /// The path of both.
        path: String,
    },
    /// None of the secrets that should hold its keys is there.
    #[error("no signing keys: upload secret {0} (the tool's `key generate` makes it)")]
    NoKeys(String),
    /// A secret does not hold signing keys.
    #[error("secret {secret}: {error}")]
    Keys {
        /// The secret's name.
        secret: String,
        /// What is wrong with it.
        error: SigningKeysError,
    },
}

/// Reads signing keys out of secrets, each combination once: to parse a key costs a
/// multiplication on the curve, and most realms share theirs.
struct KeyReader<'a> {
    secret: &'a dyn Fn(&str) -> Option<String>,
    done: HashMap<Vec<String>, Result<Rc<SigningKeys>, Cause>>,
}

impl KeyReader<'_> {
    fn read(&mut self, secrets: &[String]) -> Result<Rc<SigningKeys>, Cause> {
        if let Some(done) = self.done.get(secrets) {
            return done.clone();
        }
        let keys = self.read_new(secrets).map(Rc::new);
        self.done.insert(secrets.to_vec(), keys.clone());
        keys
    }

    fn read_new(&self, secrets: &[String]) -> Result<SigningKeys, Cause> {
        let mut keys = SigningKeys::default();
        let mut found = false;
        for secret in secrets {
            if let Some(jwk_set) = (self.secret)(secret).map(zeroize::Zeroizing::new) {
                found = true;
                keys.add(&jwk_set).map_err(|error| Cause::Keys {
                    secret: secret.clone(),
                    error,
                })?;
            }
        }
        match found {
            true => Ok(keys),
            false => Err(Cause::NoKeys(secrets.first().cloned().unwrap_or_default())),
        }
    }
}

/// All realms, by path.
#[derive(Debug)]
pub struct Realms {
    realms: Vec<(RealmName, Result<Realm, RealmError>)>,
    paths: HashMap<String, (usize, Endpoint)>,
    /// Why there may be realms that are not even known by name.
    unknown: Option<RealmError>,
}

impl Realms {
    /// Reads the variables `REALMS`, `REALMS_2`, … (name and JSON text of each) and the keys that
    /// they name, by means of `secret`.
    #[must_use]
    pub fn parse(variables: &[(String, String)], secret: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut this = Self {
            realms: Vec::new(),
            paths: HashMap::new(),
            unknown: None,
        };
        let mut keys = KeyReader {
            secret,
            done: HashMap::new(),
        };
        for (variable, text) in variables {
            match Object::parse(text) {
                Ok(variable) => this.add_all(variable, &mut keys),
                Err(error) => {
                    this.unknown = Some(RealmError::Variable {
                        variable: variable.clone(),
                        error,
                    });
                }
            }
        }
        if this.realms.is_empty() && this.unknown.is_none() {
            this.unknown = Some(RealmError::None);
        }
        this
    }

    fn add_all(&mut self, variable: Object, keys: &mut KeyReader<'_>) {
        for (name, value) in variable.into_members() {
            let Some(name) = RealmName::parse(&name) else {
                self.unknown = Some(RealmError::Name(name));
                continue;
            };
            let realm = match serde_json::from_value(value) {
                Ok(members) => Realm::parse(&name, members, keys),
                Err(_) => Err(Cause::NotATable),
            };
            self.add(name, realm);
        }
    }

    fn add(&mut self, name: RealmName, realm: Result<Realm, Cause>) {
        let index = self.realms.len();
        let dialect = realm.as_ref().map_or(&RFC9068, |realm| realm.dialect);
        let mut causes = Vec::new();
        for (endpoint, path) in paths(&name, dialect) {
            match self.paths.get(&path) {
                None => _ = self.paths.insert(path, (index, endpoint)),
                Some((other, _)) => causes.push((*other, path)),
            }
        }
        let mut realm = realm.map_err(|cause| RealmError::Realm {
            realm: name.clone(),
            cause,
        });
        for (other, path) in causes {
            let Some((other_name, other_realm)) = self.realms.get_mut(other) else {
                continue;
            };
            let cause = |other: &RealmName| match *other == name {
                true => Cause::Repeated,
                false => Cause::Path {
                    other: other.clone(),
                    path: path.clone(),
                },
            };
            let error = |realm: &RealmName, other| RealmError::Realm {
                realm: realm.clone(),
                cause: cause(other),
            };
            realm = Err(error(&name, other_name));
            *other_realm = Err(error(other_name, &name));
        }
        self.realms.push((name, realm));
    }

    /// The realm and the endpoint at a path, or why that realm is not served. `Ok(None)` when
    /// nothing is there.
    ///
    /// # Errors
    /// [`RealmError`], for unclaimed paths too as long as there may be realms that are not known.
    pub fn at(&self, path: &str) -> Result<Option<(&Realm, Endpoint)>, &RealmError> {
        let found = self
            .paths
            .get(path)
            .and_then(|(index, endpoint)| Some((self.realms.get(*index)?, *endpoint)));
        match found {
            Some(((_, Ok(realm)), endpoint)) => Ok(Some((realm, endpoint))),
            Some(((_, Err(error)), _)) => Err(error),
            None => self.unknown.as_ref().map_or(Ok(None), Err),
        }
    }

    /// All realms, or the first reason why one is not served.
    pub fn all(&self) -> impl Iterator<Item = Result<&Realm, &RealmError>> {
        let unknown = self.unknown.iter().map(Err);
        unknown.chain(self.realms.iter().map(|(_, realm)| realm.as_ref()))
    }
}

const TEXT: &str = "a text";
const TEXTS: &str = "a list of texts";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_everything_that_looks_like_it() {
        for authority in [
            "127.0.0.1",
            "127.0.0.1:8787",
            "127.1.2.3",
            "localhost",
            "localhost:80",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(is_loopback(authority), "{authority}");
        }
        for authority in [
            "",
            "localhost.example",
            "127.0.0.1.example",
            "example:127",
            "128.0.0.1",
            "[::2]:80",
            "127.0.0.1:80x",
            "user@127.0.0.1",
            "0.0.0.0",
            "127.1",
        ] {
            assert!(!is_loopback(authority), "{authority}");
        }
    }

    #[test]
    fn issuers_are_read_strictly() {
        let issuer = |url| Issuer::parse(url, &RealmName("default".into()));
        for (url, origin) in [
            (
                "https://auth.example/realms/default",
                "https://auth.example",
            ),
            ("https://auth.example:8443", "https://auth.example:8443"),
            (
                "http://127.0.0.1:8787/realms/default",
                "http://127.0.0.1:8787",
            ),
            ("http://[::1]:8787", "http://[::1]:8787"),
        ] {
            assert_eq!(issuer(url).unwrap().origin(), origin);
        }
        for (url, cause) in [
            ("", Cause::Issuer),
            ("auth.example", Cause::Issuer),
            ("ftp://auth.example", Cause::Issuer),
            ("https://", Cause::Issuer),
            ("https:///realms/default", Cause::Issuer),
            ("https://Auth.example", Cause::Issuer),
            ("https://user@auth.example", Cause::Issuer),
            ("https://auth.example?x", Cause::Issuer),
            ("https://auth.example/realms/default?x", Cause::IssuerPath),
            ("https://auth.example/realms/default#x", Cause::IssuerPath),
            ("https://auth.example/", Cause::IssuerPath),
            ("https://auth.example/realms/default/", Cause::IssuerPath),
            ("https://auth.example/realms/other", Cause::IssuerPath),
            ("http://auth.example/realms/default", Cause::InsecureIssuer),
        ] {
            assert_eq!(issuer(url), Err(cause), "{url}");
        }
        assert_eq!(
            Issuer::parse("https://auth.example", &RealmName("other".into())),
            Err(Cause::IssuerPath)
        );
    }

    #[test]
    fn realm_names_are_safe_in_paths_and_keys() {
        for name in ["default", "dx", "A.b_c-1", &"x".repeat(64)] {
            assert!(RealmName::parse(name).is_some(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "-x",
            "a/b",
            "a b",
            "ä",
            "a%2f",
            "{realm}",
            &"x".repeat(65),
        ] {
            assert!(RealmName::parse(name).is_none(), "{name}");
        }
    }
}
