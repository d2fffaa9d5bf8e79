//! Realms: the tenants of the service, each a stranger to all others.
//!
//! The configuration is read once an isolate. A realm that is configured badly is known all the
//! same, so that its paths answer 503 and never 404, while the others go on.

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::client::{access_token_ttl, reserved_claim};
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
    /// Its URL: in metadata, and the audience of tokens when nothing else is.
    pub issuer: Issuer,
    /// `iss` of its tokens, if not the issuer.
    iss: Option<String>,
    /// How it talks.
    pub dialect: &'static Dialect,
    /// Where it is.
    place: Place,
    /// The origins from which browsers may call its token endpoint; `*` for all. None means that
    /// CORS is off.
    pub allowed_origins: Vec<String>,
    /// The scopes that exist in it; without it, whatever its clients' records name.
    pub scopes: Option<ScopeSet>,
    /// The audience of tokens for clients whose record names none.
    pub audience: Vec<String>,
    /// Static claims of its tokens.
    pub claims: Map<String, Value>,
    /// How long access tokens live when the client's record does not say.
    pub access_token_ttl: Seconds,
    /// What responses say that refresh tokens live, in dialects that say it.
    pub refresh_expires_in: Seconds,
    /// Whether tokens name a session, in dialects that can.
    pub session_state: bool,
    /// Its signing keys.
    pub keys: Rc<SigningKeys>,
}

impl Realm {
    fn parse(
        name: &RealmName,
        mut members: Object,
        dialect: Option<&'static Dialect>,
        place: Place,
        keys: &mut KeyReader<'_>,
    ) -> Result<Self, Cause> {
        let named = members.take::<String>("dialect", TEXT)?.unwrap_or_default();
        let dialect = dialect.ok_or(Cause::UnknownDialect(named))?;
        members.take::<Vec<String>>("hosts", TEXTS)?;
        if let Some(paths) = members.take::<Object>("paths", "a table of paths")? {
            check_paths(paths)?;
        }
        let mut realm = Self {
            name: name.clone(),
            issuer: Issuer::parse(&members.require::<String>("issuer", TEXT)?)?,
            iss: members.take("iss", TEXT)?,
            dialect,
            place,
            allowed_origins: members.take("allowed_origins", TEXTS)?.unwrap_or_default(),
            scopes: members.take("scopes", "scope tokens with one space between")?,
            audience: members.take("audience", TEXTS)?.unwrap_or_default(),
            claims: members.take("claims", "a table")?.unwrap_or_default(),
            access_token_ttl: access_token_ttl(&mut members)?.unwrap_or(dialect.access_token_ttl),
            refresh_expires_in: members
                .take("refresh_expires_in", "seconds")?
                .unwrap_or(Seconds(0)),
            session_state: members
                .take("session_state", "true or false")?
                .unwrap_or_default(),
            keys: match members.take::<Vec<String>>("signing_keys", TEXTS)? {
                None => keys.read(&SIGNING_KEYS.map(str::to_owned))?,
                Some(secrets) => keys.read(&secrets)?,
            },
        };
        members.finish()?;
        if let Some(claim) = reserved_claim(&realm.claims) {
            return Err(Cause::ReservedClaim(claim.to_owned()));
        }
        if realm.iss() == realm.issuer.as_str() {
            // RFC 8414 §3.3: a client finds the metadata by the issuer, and the issuer in it.
            let path = format!("{}/.well-known/openid-configuration", realm.issuer.path());
            if !realm.place.has(Endpoint::Discovery, &path) {
                return Err(Cause::IssuerPath(path));
            }
        } else {
            realm
                .place
                .paths
                .retain(|(endpoint, _)| *endpoint != Endpoint::Discovery);
        }
        Ok(realm)
    }

    /// `iss` of its tokens (RFC 7519 §4.1.1).
    #[must_use]
    pub fn iss(&self) -> &str {
        self.iss.as_deref().unwrap_or(self.issuer.as_str())
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

    /// The absolute URL of an endpoint, as metadata names it: the first under the issuer's path,
    /// else the first.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> Option<String> {
        let mut paths = self
            .place
            .paths
            .iter()
            .filter(|(known, _)| *known == endpoint);
        let first = paths.clone().next();
        let (_, path) = paths
            .find(|(_, path)| path.starts_with(self.issuer.path()))
            .or(first)?;
        Some(format!("{}{path}", self.issuer.origin()))
    }
}

/// Where a realm is: on which hosts, all if none is named, and at which paths.
#[derive(Clone, Debug, Default)]
struct Place {
    hosts: Vec<String>,
    paths: Vec<(Endpoint, String)>,
}

impl Place {
    /// Reads the place out of a realm's configuration. What is wrong with it is not told here, so
    /// that a realm which is broken elsewhere answers where it would be.
    fn of(name: &RealmName, realm: &Value, dialect: &Dialect) -> Self {
        let more = match name.as_str() {
            "default" => dialect.default_realm_paths,
            _ => &[],
        };
        let own = |endpoint: Endpoint| realm.get("paths")?.get(endpoint.name())?.as_str();
        let mut paths = Vec::new();
        for (endpoint, path) in dialect.paths.iter().chain(more) {
            if own(*endpoint).is_none() {
                paths.push((*endpoint, path.replace("{realm}", name.as_str())));
            }
        }
        for endpoint in Endpoint::ALL {
            paths.extend(own(endpoint).map(|path| (endpoint, path.to_owned())));
        }
        let hosts = realm
            .get("hosts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let hosts = hosts.filter_map(|host| Some(host.as_str()?.to_ascii_lowercase()));
        Self {
            hosts: hosts.collect(),
            paths,
        }
    }

    fn has(&self, endpoint: Endpoint, path: &str) -> bool {
        self.paths
            .iter()
            .any(|(known, own)| *known == endpoint && own == path)
    }

    /// Whether it is on the host of an authority (`host` or `host:port`).
    fn is_on(&self, authority: &str) -> bool {
        let host = host(authority);
        self.hosts.is_empty() || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// A path at which a request could mean either.
    fn collision<'a>(&'a self, other: &Self) -> Option<&'a str> {
        let hosts = self.hosts.is_empty()
            || other.hosts.is_empty()
            || self.hosts.iter().any(|host| other.hosts.contains(host));
        let both = |path: &&str| other.paths.iter().any(|(_, own)| own == path);
        self.paths
            .iter()
            .map(|(_, path)| path.as_str())
            .find(both)
            .filter(|_| hosts)
    }
}

/// Checks the member `paths`: an absolute path for each endpoint that it names.
fn check_paths(mut paths: Object) -> Result<(), JsonError> {
    for endpoint in Endpoint::ALL {
        let (member, expected) = (endpoint.name(), "a path that begins with `/`");
        let path = paths.take::<String>(member, expected)?;
        if path.is_some_and(|path| !path.starts_with('/')) {
            return Err(JsonError::Invalid { member, expected });
        }
    }
    paths.finish()
}

/// The URL of a realm (RFC 8414 §2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issuer {
    url: String,
    /// How many octets of it are scheme and authority.
    origin: usize,
}

impl Issuer {
    /// Reads an issuer: `https`, or `http` on loopback, in lower case, without query or fragment.
    fn parse(url: &str) -> Result<Self, Cause> {
        let secure = url.strip_prefix("https://");
        let rest = secure
            .or_else(|| url.strip_prefix("http://"))
            .ok_or(Cause::Issuer)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
        let in_path = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        if authority.is_empty() || !authority.bytes().all(known) || !path.bytes().all(in_path) {
            return Err(Cause::Issuer);
        }
        if secure.is_none() && !is_loopback(authority) {
            return Err(Cause::InsecureIssuer);
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

    /// What follows them: empty, or a path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.get(self.origin..).unwrap_or_default()
    }

    /// Whether this realm may be served to a request for `authority`: one with an `http` issuer
    /// only on the machine itself.
    #[must_use]
    pub fn may_be_served_at(&self, authority: &str) -> bool {
        self.url.starts_with("https://") || is_loopback(authority)
    }
}

/// The host of an authority (`host` or `host:port`).
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether an authority is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = host(authority);
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
    #[error("member `issuer`: its metadata would be at {0}, where the realm is not")]
    IssuerPath(String),
    /// A static claim that only the service may set.
    #[error("member `claims` sets the reserved claim `{0}`")]
    ReservedClaim(String),
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
    realms: Vec<Entry>,
    paths: HashMap<String, Vec<(usize, Endpoint)>>,
    /// Why there may be realms that are not even known by name.
    unknown: Option<RealmError>,
}

/// A realm, or why it is not served, and where it is or would be.
#[derive(Debug)]
struct Entry {
    name: RealmName,
    place: Place,
    realm: Result<Realm, RealmError>,
}

impl Realms {
    /// Reads the variables `REALMS`, `REALMS_2`, … (name and JSON text of each) and the keys that
    /// they name, by means of `secret`.
    #[must_use]
    pub fn parse(
        variables: &[(String, String)],
        secret: &dyn Fn(&str) -> Option<String>,
        dialects: &[&'static Dialect],
    ) -> Self {
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
                Ok(variable) => this.add_all(variable, &mut keys, dialects),
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

    fn add_all(
        &mut self,
        variable: Object,
        keys: &mut KeyReader<'_>,
        dialects: &[&'static Dialect],
    ) {
        for (name, value) in variable.into_members() {
            let Some(name) = RealmName::parse(&name) else {
                self.unknown = Some(RealmError::Name(name));
                continue;
            };
            let dialect = match value.get("dialect").and_then(Value::as_str) {
                None => dialects.first(),
                Some(name) => dialects.iter().find(|known| known.name == name),
            };
            let place = Place::of(&name, &value, dialect.map_or(&RFC9068, |dialect| dialect));
            let realm = match serde_json::from_value(value) {
                Ok(members) => Realm::parse(&name, members, dialect.copied(), place.clone(), keys),
                Err(_) => Err(Cause::NotATable),
            };
            let place = realm.as_ref().map_or(place, |realm| realm.place.clone());
            self.add(name, place, realm);
        }
    }

    fn add(&mut self, name: RealmName, place: Place, realm: Result<Realm, Cause>) {
        let broken = |realm: &RealmName, cause| RealmError::Realm {
            realm: realm.clone(),
            cause,
        };
        let mut realm = realm.map_err(|cause| broken(&name, cause));
        for other in &mut self.realms {
            let path = match place.collision(&other.place) {
                Some(path) => path,
                None if other.name == name => "",
                None => continue,
            };
            let cause = |other: &RealmName| match *other == name {
                true => Cause::Repeated,
                false => Cause::Path {
                    other: other.clone(),
                    path: path.to_owned(),
                },
            };
            realm = Err(broken(&name, cause(&other.name)));
            let cause = match other.name == name {
                true => Cause::Repeated,
                false => Cause::Path {
                    other: name.clone(),
                    path: path.to_owned(),
                },
            };
            other.realm = Err(broken(&other.name, cause));
        }
        for (endpoint, path) in &place.paths {
            self.paths
                .entry(path.clone())
                .or_default()
                .push((self.realms.len(), *endpoint));
        }
        self.realms.push(Entry { name, place, realm });
    }

    /// The realm and the endpoint at a path of an authority, or why that realm is not served.
    /// `Ok(None)` when nothing is there.
    ///
    /// # Errors
    /// [`RealmError`], for unclaimed paths too as long as there may be realms that are not known.
    pub fn at(
        &self,
        authority: &str,
        path: &str,
    ) -> Result<Option<(&Realm, Endpoint)>, &RealmError> {
        let mut here =
            self.paths
                .get(path)
                .into_iter()
                .flatten()
                .filter_map(|(index, endpoint)| {
                    let entry = self.realms.get(*index)?;
                    entry.place.is_on(authority).then_some((entry, *endpoint))
                });
        match here.next() {
            Some((entry, endpoint)) => entry.realm.as_ref().map(|realm| Some((realm, endpoint))),
            None => self.unknown.as_ref().map_or(Ok(None), Err),
        }
    }

    /// All realms, or the first reason why one is not served.
    pub fn all(&self) -> impl Iterator<Item = Result<&Realm, &RealmError>> {
        let unknown = self.unknown.iter().map(Err);
        unknown.chain(self.realms.iter().map(|entry| entry.realm.as_ref()))
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
        let issuer = Issuer::parse;
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
            ("https://auth.example/realms/default?x", Cause::Issuer),
            ("https://auth.example/realms/default#x", Cause::Issuer),
            ("https://auth.example/realms/a%20b", Cause::Issuer),
            ("http://auth.example/realms/default", Cause::InsecureIssuer),
        ] {
            assert_eq!(issuer(url), Err(cause), "{url}");
        }
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
