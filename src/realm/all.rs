//! All realms of the service, and the keys that they share.

use std::rc::Rc;

use serde_json::Value;

use super::place::Place;
use super::{Cause, Realm, RealmError};
use crate::dialect::{Dialect, Endpoint};
use crate::jose::SigningKeys;
use crate::json::Object;
use crate::name::RealmName;

/// All realms, by path.
#[derive(Debug)]
pub struct Realms {
    realms: Vec<Entry>,
    /// In the order of the paths. Not a `HashMap`, whose code would weigh more than this.
    paths: Vec<(String, usize, Endpoint)>,
    /// Why there may be realms that are not even known by name.
    unknown: Option<RealmError>,
}

/// A realm, or why it is not served, and where it is or would be.
#[derive(Debug)]
struct Entry {
    name: RealmName,
    place: Place,
    /// Of a realm that could be served but for another one.
    signer: Option<Signer>,
    realm: Result<Realm, RealmError>,
}

/// By what tokens of a realm are told from others.
#[derive(Debug)]
struct Signer {
    iss: String,
    keys: Rc<SigningKeys>,
}

impl Signer {
    fn of(realm: &Realm) -> Self {
        Self {
            iss: realm.iss().to_owned(),
            keys: Rc::clone(&realm.keys),
        }
    }

    /// Whether nobody could tell whose a token is: by the same `iss` and a key in common.
    fn is_like(&self, other: &Self) -> bool {
        let has = |kid| other.keys.iter().any(|key| key.kid() == kid);
        self.iss == other.iss && self.keys.iter().any(|key| has(key.kid()))
    }
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
            paths: Vec::new(),
            unknown: None,
        };
        let mut keys = KeyReader {
            secret,
            done: Vec::new(),
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
            let place = match dialect {
                Some(dialect) => Place::of(&name, &value, dialect),
                None => Place::of_unknown_dialect(&name, dialects),
            };
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
        let signer = realm.as_ref().ok().map(Signer::of);
        let mut realm = realm.map_err(|cause| broken(&name, cause));
        for other in &mut self.realms {
            if let (Some(one), Some(two)) = (&signer, &other.signer)
                && name != other.name
                && one.is_like(two)
            {
                realm = Err(broken(&name, Cause::SameTokens(other.name.clone())));
                other.realm = Err(broken(&other.name, Cause::SameTokens(name.clone())));
                continue;
            }
            let path = match place.collision(&other.place) {
                Some(path) => path,
                None if other.name == name => "",
                None => continue,
            };
            let cause = |one: &RealmName, two: &RealmName| match one == two {
                true => Cause::Repeated,
                false => Cause::Path {
                    other: two.clone(),
                    path: path.to_owned(),
                },
            };
            realm = Err(broken(&name, cause(&name, &other.name)));
            other.realm = Err(broken(&other.name, cause(&other.name, &name)));
        }
        for (endpoint, path) in &place.paths {
            let at = self.paths.partition_point(|(known, ..)| known <= path);
            let entry = (path.clone(), self.realms.len(), *endpoint);
            self.paths.insert(at, entry);
        }
        self.realms.push(Entry {
            name,
            place,
            signer,
            realm,
        });
    }

    /// The endpoint at a path of an authority, and its realm, or why that is not served. `None` when
    /// nothing is there, as far as is [known](Self::unknown).
    #[must_use]
    pub fn at(
        &self,
        authority: &str,
        path: &str,
    ) -> Option<(Endpoint, Result<&Realm, &RealmError>)> {
        let first = self
            .paths
            .partition_point(|(known, ..)| known.as_str() < path);
        let at_path = self.paths.get(first..).unwrap_or_default().iter();
        let at_path = at_path.take_while(|(known, ..)| known == path);
        let mut here = at_path.filter_map(|(_, index, endpoint)| {
            let entry = self.realms.get(*index)?;
            entry.place.is_on(authority).then_some((entry, *endpoint))
        });
        let (entry, endpoint) = here.next()?;
        Some((endpoint, entry.realm.as_ref()))
    }

    /// Why there may be realms that are not known, at any path.
    #[must_use]
    pub fn unknown(&self) -> Option<&RealmError> {
        self.unknown.as_ref()
    }

    /// All realms, or the first reason why one is not served.
    pub fn all(&self) -> impl Iterator<Item = Result<&Realm, &RealmError>> {
        let unknown = self.unknown.iter().map(Err);
        unknown.chain(self.realms.iter().map(|entry| entry.realm.as_ref()))
    }
}

/// The keys of some secrets, or what is wrong with them.
type Keys = Result<Rc<SigningKeys>, Cause>;

/// Reads signing keys out of secrets, each combination once: to parse a key costs a
/// multiplication on the curve, and most realms share theirs.
pub(super) struct KeyReader<'a> {
    secret: &'a dyn Fn(&str) -> Option<String>,
    done: Vec<(Vec<String>, Keys)>,
}

impl KeyReader<'_> {
    pub(super) fn read(&mut self, secrets: &[String]) -> Keys {
        if let Some((_, done)) = self.done.iter().find(|(known, _)| known == secrets) {
            return done.clone();
        }
        let keys = self.read_new(secrets).map(Rc::new);
        self.done.push((secrets.to_vec(), keys.clone()));
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
