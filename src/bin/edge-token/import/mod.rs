//! What `client import` reads: exports of Keycloak, lists of light-oauth2, Hydra and Auth0, client
//! metadata (RFC 7591), and plain lists, as JSON or as tables; and what becomes of each client.
//!
//! A restriction that a client's record cannot have leaves the client out: it is never dropped.
//! What is lost otherwise, and what will be different, is told of the client.

mod jwks_url;
mod keycloak;
mod light_oauth2;
mod list;
mod placeholder;
mod relatives;
mod report;
mod shape;
mod table;
mod text;
mod value;

use std::fs;
use std::path::Path;

use edge_token::client::ClientSecret;
use edge_token::dialect::Dialect;
use serde_json::{Map, Value};

pub(crate) use self::jwks_url::fetch;
pub(crate) use self::keycloak::Setting;
pub(crate) use self::report::{Report, Row, RowResult, code, escaped};
pub(crate) use self::shape::Place;
use self::shape::{Entry, Shapes};

/// What became of one client of the file.
pub(crate) struct Found {
    pub(crate) client_id: String,
    pub(crate) place: Place,
    pub(crate) outcome: Outcome,
    pub(crate) notes: Notes,
}

pub(crate) enum Outcome {
    /// It can be registered.
    Client(Box<Draft>),
    /// It has no place here, or what restricts it has none.
    LeftOut(String),
    /// It should have a place here, but cannot.
    Wrong(String),
}

/// Why a client cannot be taken.
pub(crate) enum Stop {
    LeftOut(String),
    Wrong(String),
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

/// A client to register.
#[derive(Default)]
pub(crate) struct Draft {
    /// The members of its record, without its secrets.
    pub(crate) members: Map<String, Value>,
    pub(crate) secret: Secret,
    /// When that ends, in seconds since 1970.
    pub(crate) secret_expires_at: Option<u64>,
    /// The one that it had before, and when that ends.
    pub(crate) rotated: Option<(ClientSecret, u64)>,
    /// Where the public keys of its assertions are.
    pub(crate) jwks_url: Option<String>,
    /// The origins from which scripts may ask for it.
    pub(crate) origins: Vec<String>,
    /// Whether its scopes are those of its realm there, which lists them for all of its clients.
    pub(crate) has_scopes_of_realm: bool,
}

impl Draft {
    pub(crate) fn set(&mut self, member: &str, value: impl Into<Value>) {
        self.members.insert(member.to_owned(), value.into());
    }
}

/// The secret of a client, as the file has it.
#[derive(Default)]
pub(crate) enum Secret {
    #[default]
    Missing,
    Given(ClientSecret),
    /// What is there cannot be a secret; why.
    Unusable(String),
}

impl Secret {
    /// Takes what is in the place of a secret.
    pub(crate) fn of(text: Option<String>) -> Self {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Self::Missing;
        };
        if let Some(why) = placeholder::placeholder(&text) {
            return Self::Unusable(format!(
                "its secret {why}: put the real one in its place, or take a new one by \
                 --generate-secrets"
            ));
        }
        if placeholder::is_hash(&text) {
            return Self::Unusable(
                "its secret is a hash, from which none comes back: take a new one by \
                 --generate-secrets"
                    .to_owned(),
            );
        }
        Self::Given(ClientSecret::new(text))
    }
}

/// What is to be said of a client that is taken.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum NoteKind {
    /// Something is to be done.
    ToDo,
    /// It is here, but not as it was there.
    Different,
    /// It is not here.
    StaysBehind,
}

impl NoteKind {
    pub(crate) const ALL: [Self; 3] = [Self::ToDo, Self::Different, Self::StaysBehind];

    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ToDo => "to_do",
            Self::Different => "different",
            Self::StaysBehind => "stays_behind",
        }
    }

    /// The name for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::ToDo => "To do",
            Self::Different => "Different",
            Self::StaysBehind => "Stays behind",
        }
    }
}

/// What is to be said of a client that is taken, in order.
#[derive(Clone, Default)]
pub(crate) struct Notes(pub(crate) Vec<(NoteKind, String)>);

impl Notes {
    pub(crate) fn task(&mut self, text: impl Into<String>) {
        self.add(NoteKind::ToDo, text.into());
    }

    pub(crate) fn different(&mut self, text: impl Into<String>) {
        self.add(NoteKind::Different, text.into());
    }

    pub(crate) fn stays(&mut self, text: impl Into<String>) {
        self.add(NoteKind::StaysBehind, text.into());
    }

    fn add(&mut self, kind: NoteKind, text: String) {
        if !self
            .0
            .iter()
            .any(|(known, same)| *known == kind && *same == text)
        {
            self.0.push((kind, text));
        }
    }
}

/// What a file, or a folder of files, came to.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) found: Vec<Found>,
    /// How the files were read, where that is not as usual.
    pub(crate) about: Vec<String>,
    /// What the realm is to have, for wrangler.toml.
    pub(crate) settings: Vec<Setting>,
    /// What is to be said of the realm.
    pub(crate) notes: Notes,
}

/// Where clients are taken to.
pub(crate) struct Destination<'a> {
    /// The realm's name.
    pub(crate) realm: &'a str,
    pub(crate) dialect: &'static Dialect,
    /// Whether that is known from wrangler.toml, and not assumed.
    pub(crate) is_configured: bool,
    /// Whether people can sign in to it.
    pub(crate) has_login: bool,
    /// The realms of the file to take clients from; without one, the only one or the one of that
    /// name.
    pub(crate) sources: &'a [String],
}

/// The text of a file.
pub(crate) fn text_of(path: &Path) -> Result<(String, Option<&'static str>), String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let decoded = text::decode(bytes)?;
    Ok((decoded.text, decoded.encoding))
}

/// Reads all clients of a file's text.
pub(crate) fn read(text: &str, into: &Destination<'_>) -> Result<Read, String> {
    let shapes = shape::read(text, None)?;
    found(shapes, into)
}

/// Reads all clients of the files of a folder.
pub(crate) fn read_folder(path: &Path, into: &Destination<'_>) -> Result<Read, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let names = fs::read_dir(path).map_err(cannot)?;
    let names = names.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = names.collect::<Result<Vec<_>, _>>().map_err(cannot)?;
    paths.sort_unstable();
    let (mut shapes, mut about) = (Shapes::default(), Vec::new());
    for path in paths {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let extension = extension.to_ascii_lowercase();
        if path.is_dir() || !["json", "csv", "tsv"].contains(&extension.as_str()) {
            about.push(format!("{name} is not read: it is no .json, .csv or .tsv"));
            continue;
        }
        let (text, encoding) = text_of(&path).map_err(|why| format!("{name} {why}"))?;
        about.extend(encoding.map(|encoding| format!("{name} is {encoding}")));
        let read = shape::read(&text, Some(&name));
        shapes.join(read.map_err(|why| format!("{name}: {why}"))?);
    }
    let mut read = found(shapes, into)?;
    read.about.splice(0..0, about);
    Ok(read)
}

/// Makes of what is in the files what becomes of each client.
fn found(shapes: Shapes, into: &Destination<'_>) -> Result<Read, String> {
    let mut read = Read::default();
    let realms = keycloak::chosen(shapes.realms, into, &mut read)?;
    for realm in realms {
        keycloak::read(realm, into, &mut read);
    }
    let mut loose = Vec::new();
    for entry in shapes.entries {
        match kind(&entry) {
            Kind::Keycloak => loose.push(entry),
            kind => read.found.push(listed(entry, kind, into)),
        }
    }
    if !loose.is_empty() {
        keycloak::read_loose(loose, into, &mut read);
    }
    if read.found.is_empty() {
        return Err("has no clients".to_owned());
    }
    Ok(read)
}

/// What wrote a client.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Keycloak,
    LightOAuth2,
    Hydra,
    Auth0,
    List,
}

fn kind(entry: &Entry) -> Kind {
    let Some(members) = entry.value.as_ref().ok().and_then(Value::as_object) else {
        return Kind::List;
    };
    let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
    if has(&light_oauth2::MARKS) {
        return Kind::LightOAuth2;
    }
    if has(&[
        "clientId",
        "clientAuthenticatorType",
        "publicClient",
        "serviceAccountsEnabled",
    ]) {
        return Kind::Keycloak;
    }
    if has(&relatives::AUTH0) {
        return Kind::Auth0;
    }
    match has(&relatives::HYDRA) {
        true => Kind::Hydra,
        false => Kind::List,
    }
}

fn listed(entry: Entry, kind: Kind, into: &Destination<'_>) -> Found {
    let Entry { place, value } = entry;
    let dialect = Some(into.dialect).filter(|_| into.is_configured);
    let mut notes = Notes::default();
    let members = value.and_then(|value| match value {
        Value::Object(members) => Ok(members),
        _ => Err("must be an object".to_owned()),
    });
    let id = |members: &Map<String, Value>| {
        let id = members.get("client_id").or_else(|| members.get("clientId"));
        id.and_then(value::as_text)
    };
    let client_id = members
        .as_ref()
        .ok()
        .and_then(id)
        .unwrap_or_else(|| "?".to_owned());
    let draft = members.map_err(Stop::Wrong).and_then(|members| match kind {
        Kind::LightOAuth2 => light_oauth2::draft(members, dialect, &mut notes),
        Kind::Hydra => relatives::hydra(members, &mut notes),
        Kind::Auth0 => relatives::auth0(members, &mut notes),
        Kind::Keycloak | Kind::List => list::draft(members, &mut notes),
    });
    let draft = draft.map(list::completed);
    Found {
        client_id,
        place,
        outcome: outcome(draft),
        notes,
    }
}

fn outcome(draft: Result<Draft, Stop>) -> Outcome {
    match draft {
        Ok(draft) => Outcome::Client(Box::new(draft)),
        Err(Stop::LeftOut(why)) => Outcome::LeftOut(why),
        Err(Stop::Wrong(why)) => Outcome::Wrong(why),
    }
}
