//! Where a realm is: hosts and paths.

use serde_json::Value;

use crate::dialect::{Dialect, Endpoint};
use crate::json::{JsonError, Object};
use crate::name::RealmName;
use crate::uri::host;

/// Where a realm is: on which hosts, all if none is named, and at which paths.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    hosts: Vec<String>,
    pub(super) paths: Vec<(Endpoint, String)>,
}

impl Place {
    /// Reads the place out of a realm's configuration. What is wrong with it is not told here, so
    /// that a realm which is broken elsewhere answers where it would be.
    pub(super) fn of(name: &RealmName, realm: &Value, dialect: &Dialect) -> Self {
        let own = |endpoint: Endpoint| realm.get("paths")?.get(endpoint.name())?.as_str();
        let mut paths = Vec::new();
        for (endpoint, path) in dialect_paths(dialect, name) {
            if own(endpoint).is_none() {
                paths.push((endpoint, at(path, name)));
            }
        }
        for endpoint in Endpoint::ALL {
            paths.extend(own(endpoint).map(|path| (endpoint, path.to_owned())));
        }
        add_login_paths(&mut paths);
        let hosts = realm
            .get("hosts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let hosts = hosts.filter_map(|host| Some(host_in(host.as_str()?).to_ascii_lowercase()));
        Self {
            hosts: hosts.collect(),
            paths,
        }
    }

    /// The place of a realm whose dialect is unknown: all paths of any dialect that are its own, and
    /// none that another realm could have.
    pub(super) fn of_unknown_dialect(name: &RealmName, dialects: &[&'static Dialect]) -> Self {
        let own = |dialect: &&'static Dialect| {
            let roots = dialect.default_realm_paths;
            dialect_paths(dialect, name)
                .filter(|known| known.1.contains("{realm}") || roots.contains(known))
        };
        let paths = dialects.iter().flat_map(own);
        let paths = paths.map(|(endpoint, path)| (endpoint, at(path, name)));
        let mut paths = paths.collect();
        add_login_paths(&mut paths);
        Self {
            hosts: Vec::new(),
            paths,
        }
    }

    /// Takes endpoints away that the realm does not have.
    pub(super) fn remove(&mut self, absent: impl Fn(Endpoint) -> bool) {
        self.paths.retain(|(endpoint, _)| !absent(*endpoint));
    }

    pub(super) fn has(&self, endpoint: Endpoint, path: &str) -> bool {
        self.paths
            .iter()
            .any(|(known, own)| *known == endpoint && own == path)
    }

    /// Whether it is on the host of an authority (`host` or `host:port`).
    pub(super) fn is_on(&self, authority: &str) -> bool {
        let host = host(authority);
        self.hosts.is_empty() || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether the host of an authority is one that the configuration names.
    pub(super) fn lists(&self, authority: &str) -> bool {
        !self.hosts.is_empty() && self.is_on(authority)
    }

    /// A path at which a request could mean either.
    pub(super) fn collision<'a>(&'a self, other: &Self) -> Option<&'a str> {
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

/// Adds what lies under each authorization endpoint and under each end session endpoint.
fn add_login_paths(paths: &mut Vec<(Endpoint, String)>) {
    let mut more = Vec::new();
    for (endpoint, path) in &*paths {
        let under: &[(Endpoint, &str)] = match endpoint {
            Endpoint::Authorization => &Endpoint::LOGIN,
            Endpoint::EndSession => &Endpoint::SIGN_OUT,
            _ => &[],
        };
        let under = under.iter();
        more.extend(under.map(|(endpoint, end)| (*endpoint, format!("{path}{end}"))));
    }
    paths.extend(more);
}

/// The paths of a dialect for the realm `name`.
fn dialect_paths(
    dialect: &Dialect,
    name: &RealmName,
) -> impl Iterator<Item = (Endpoint, &'static str)> {
    let more = match name.as_str() {
        "default" => dialect.default_realm_paths,
        _ => &[],
    };
    dialect.paths.iter().chain(more).copied()
}

fn at(path: &str, name: &RealmName) -> String {
    path.replace("{realm}", name.as_str())
}

/// Checks the member `paths`: an absolute path for each endpoint that it names.
pub(super) fn check_paths(mut paths: Object) -> Result<(), JsonError> {
    for endpoint in Endpoint::ALL {
        let (member, expected) = (endpoint.name(), "a path that begins with `/`");
        let path = paths.take::<String>(member, expected)?;
        if path.is_some_and(|path| !path.starts_with('/')) {
            return Err(JsonError::Invalid { member, expected });
        }
    }
    paths.finish()
}

/// The host in what should be one, so that a realm whose configuration has more there tells what is
/// wrong at its own place.
fn host_in(text: &str) -> &str {
    let (_, authority) = text.split_once("://").unwrap_or(("", text));
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    host(authority.get(..end).unwrap_or_default())
}
