//! Keycloak: its realm exports (RealmRepresentation), lists of clients as `kcadm.sh get clients`
//! prints them, and single clients (ClientRepresentation), of all versions.

mod client;
mod key;
mod mappers;
mod policies;
mod restrictions;
mod role_claims;
mod roles;
mod scopes;
mod settings;
mod uris;

use std::collections::BTreeMap;

use edge_token::dialect::{Dialect, KEYCLOAK};
use serde_json::Value;

use self::policies::Policies;
use self::roles::{Role, Roles};
use self::scopes::Scopes;
pub(crate) use self::settings::Setting;
use super::shape::{Entry, Export};
use super::value::{Members, Wrong};
use super::{Destination, Found, Notes, Outcome, Read, Stop, outcome};
use crate::output::printable;

/// The clients that Keycloak makes in each realm for itself.
const OWN: [&str; 6] = [
    "account",
    "account-console",
    "admin-cli",
    "broker",
    "realm-management",
    "security-admin-console",
];

/// What is said of them, of all together.
pub(super) const IS_OWN: &str =
    "it is Keycloak's own, made in each realm for its console and accounts";

/// What of a realm counts for its clients.
struct Realm {
    scopes: Scopes,
    /// The users that stand for clients, by the client's id; none if the file has no users.
    service_accounts: Option<BTreeMap<String, ServiceAccount>>,
    /// What the file says of its roles; none if it has no realm.
    roles: Option<Roles>,
    /// How long its access tokens live.
    lifespan: Option<i64>,
    policies: Policies,
    dialect: &'static Dialect,
    /// The name of the realm that takes its clients.
    destination: String,
}

/// The user that stands for a client.
struct ServiceAccount {
    id: Option<String>,
    enabled: bool,
    /// The roles that it has by itself, or what is wrong with them.
    granted: Result<Vec<Role>, Wrong>,
    groups: Vec<String>,
}

/// The realms whose clients are taken: those that were named; else the only one that has clients of
/// its own, or the one that is called like the realm here. Tokens of one realm are not for another,
/// so two are put together only by the operator's word.
pub(super) fn chosen(
    mut realms: Vec<Export>,
    into: &Destination<'_>,
    read: &mut Read,
) -> Result<Vec<Export>, String> {
    let has_clients = |realm: &&Export| {
        let mut ids = realm
            .clients
            .iter()
            .map(|entry| id(entry).unwrap_or_default());
        ids.any(|id| !is_own(&id))
    };
    let names = |realms: &[Export]| {
        let names = realms.iter().map(|realm| format!("`{}`", realm.shown()));
        names.collect::<Vec<_>>().join(", ")
    };
    let chosen = |realm: &Export| {
        into.sources
            .iter()
            .any(|name| realm.name.as_ref() == Some(name))
    };
    if !into.sources.is_empty() {
        let is_there = |source: &&String| {
            realms
                .iter()
                .any(|realm| realm.name.as_ref() == Some(source))
        };
        if let Some(missing) = into.sources.iter().find(|source| !is_there(source)) {
            return Err(format!(
                "has no realm `{missing}`; it has {}",
                names(&realms)
            ));
        }
        realms.retain(chosen);
        return Ok(realms);
    }
    let called = realms
        .iter()
        .any(|realm| realm.name.as_deref() == Some(into.realm));
    let with_clients = realms.iter().filter(has_clients).count();
    let (taken, left) = match (called, with_clients) {
        _ if realms.len() <= 1 => return Ok(realms),
        (true, _) => realms
            .into_iter()
            .partition(|realm| realm.name.as_deref() == Some(into.realm)),
        (false, 1) => realms.into_iter().partition(|realm| has_clients(&realm)),
        (false, _) => {
            return Err(format!(
                "has several realms, {}, none of them called `{}`: name the one to take by \
                 --source-realm",
                names(&realms),
                into.realm
            ));
        }
    };
    let _: &Vec<Export> = &left;
    read.about.push(format!(
        "of several realms {} is read, and not {}: --source-realm names others",
        names(&taken),
        names(&left)
    ));
    Ok(taken)
}

impl Export {
    fn shown(&self) -> String {
        printable(self.name.as_deref().unwrap_or("without a name"))
    }
}

/// Reads the clients of a realm.
pub(super) fn read(export: Export, into: &Destination<'_>, read: &mut Read) {
    let members = Members(&export.members);
    let mut notes = Notes::default();
    let realm = Realm::of(&export, into, &mut notes);
    let found = export.clients.into_iter().map(|entry| found(entry, &realm));
    let found = found.collect::<Vec<_>>();
    tell_of_all(into, &mut notes);
    settings::collect(members, &found, into, &mut read.settings, &mut notes);
    read.notes.0.extend(notes.0);
    read.found.extend(found);
}

/// Says what is different for all clients that come from Keycloak.
fn tell_of_all(into: &Destination<'_>, notes: &mut Notes) {
    notes.different(
        "all tokens are signed with ES256, not with RS256 or what the realm had: those who verify \
         them must accept it (docs/verify.md)",
    );
    if into.is_configured && into.dialect.name != KEYCLOAK.name {
        notes.different(format!(
            "the realm `{}` talks like {}: paths, claims and members of answers are not Keycloak's, \
             as they are with `dialect = \"keycloak\"` in wrangler.toml",
            into.realm, into.dialect.name
        ));
    }
}

/// Reads clients that no realm is around.
pub(super) fn read_loose(entries: Vec<Entry>, into: &Destination<'_>, read: &mut Read) {
    read.about.push(
        "there is no realm around the clients: what they have from its client scopes, users and \
         settings is as in a new realm of Keycloak's"
            .to_owned(),
    );
    let realm = Realm {
        scopes: Scopes::unknown(),
        service_accounts: None,
        roles: None,
        lifespan: None,
        policies: Policies::default(),
        dialect: into.dialect,
        destination: into.realm.to_owned(),
    };
    let found = entries.into_iter().map(|entry| found(entry, &realm));
    let found = found.collect::<Vec<_>>();
    let none = serde_json::Map::new();
    tell_of_all(into, &mut read.notes);
    settings::collect(
        Members(&none),
        &found,
        into,
        &mut read.settings,
        &mut read.notes,
    );
    read.found.extend(found);
}

impl Realm {
    fn of(export: &Export, into: &Destination<'_>, notes: &mut Notes) -> Self {
        let members = Members(&export.members);
        let lifespan = members.number("accessTokenLifespan").unwrap_or_else(|why| {
            notes.task(format!(
                "the realm's {why}: say how long tokens live in wrangler.toml"
            ));
            None
        });
        let accounts = export.service_accounts.iter().filter_map(Value::as_object);
        let accounts = accounts.filter_map(|user| ServiceAccount::of(Members(user)));
        let accounts = accounts.collect::<BTreeMap<_, _>>();
        Self {
            scopes: Scopes::of(members, notes),
            service_accounts: Some(accounts).filter(|accounts| !accounts.is_empty()),
            roles: Roles::of(members, notes),
            lifespan,
            policies: Policies::of(members, notes),
            dialect: into.dialect,
            destination: into.realm.to_owned(),
        }
    }
}

impl ServiceAccount {
    /// A user that stands for a client, and the client's id.
    fn of(user: Members<'_>) -> Option<(String, Self)> {
        let client_id = user.text(super::shape::SERVICE_ACCOUNT).ok()??;
        let texts = |name| user.texts(name).ok().flatten().unwrap_or_default();
        let account = Self {
            id: user.text("id").ok().flatten(),
            enabled: user.flag("enabled", true).unwrap_or(true),
            granted: Role::mapped(user),
            groups: texts("groups"),
        };
        Some((client_id, account))
    }

    /// The roles that it has and not everybody.
    fn special_roles(&self) -> Vec<String> {
        let usual = ["offline_access", "uma_authorization"];
        let is_usual = |role: &String| {
            let begins = ["default-roles-", "account/"];
            usual.contains(&role.as_str()) || begins.iter().any(|begin| role.starts_with(begin))
        };
        let roles = self.granted.iter().flatten().map(ToString::to_string);
        roles.filter(|role| !is_usual(role)).collect()
    }
}

fn found(entry: Entry, realm: &Realm) -> Found {
    let mut notes = Notes::default();
    let client_id = id(&entry).unwrap_or_else(|| "?".to_owned());
    let draft = match &entry.value {
        Err(why) => Err(Stop::Wrong(why.clone())),
        Ok(Value::Object(members)) => match is_own(&client_id) {
            true => Err(Stop::LeftOut(IS_OWN.to_owned())),
            false => client::draft(Members(members), realm, &mut notes),
        },
        Ok(_) => Err(Stop::Wrong("must be an object".to_owned())),
    };
    let outcome = outcome(draft);
    if !matches!(outcome, Outcome::Client(_)) {
        notes.0.clear();
    }
    Found {
        client_id,
        place: entry.place,
        outcome,
        notes,
    }
}

/// The id of a client, or else its name in Keycloak's database.
fn id(entry: &Entry) -> Option<String> {
    let members = entry.value.as_ref().ok().and_then(Value::as_object);
    let text = |name: &str| Members(members?).text(name).ok().flatten();
    text("clientId").or_else(|| text("id").map(|id| format!("id {id}")))
}

/// Whether a client is one of Keycloak's own: in its first realm it has one more for each other
/// realm.
fn is_own(client_id: &str) -> bool {
    OWN.contains(&client_id) || client_id == "master-realm"
}

#[cfg(test)]
mod tests;
