//! What the mappers of roles say in the tokens that a client gets for itself: claims, and whom the
//! tokens are for. All claims of a record are in all its tokens, so that the roles of a service
//! account are taken only where no person has one of those.

use std::collections::{BTreeMap, BTreeSet};

use edge_token::client::RecordError;
use edge_token::dialect::Dialect;
use edge_token::grant_type::GrantType;
use serde_json::{Map, Value};

use super::super::value::Members;
use super::super::{Notes, Stop};
use super::Realm;
use super::mappers::{
    AUDIENCE_RESOLVE, CLIENT_ROLES, HARDCODED_ROLE, Mapped, OF_ROLES, REALM_ROLES, ROLE_NAME,
    checked, is_openid, named, path, reserved,
};
use super::roles::{Role, Roles};
use super::scopes::OfClient;

/// Grants whose tokens are about people, or about whomever another token is.
pub(super) const ABOUT_OTHERS: [GrantType; 4] = [
    GrantType::AuthorizationCode,
    GrantType::TokenExchange,
    GrantType::JwtBearer,
    GrantType::ClientAuthenticatedUser,
];

/// The roles that a client's tokens show, by where they are from, and the mappers that show them.
pub(super) struct RoleClaims<'a> {
    realm: BTreeSet<String>,
    clients: BTreeMap<String, BTreeSet<String>>,
    mappers: Vec<Mapper<'a>>,
}

struct Mapper<'a> {
    name: String,
    kind: &'static str,
    claim: String,
    config: Option<Members<'a>>,
}

impl<'a> RoleClaims<'a> {
    /// Those of a client with a service account; none if the file has no such user, or its client
    /// scopes in effect show none.
    pub(super) fn of(
        client: Members<'a>,
        id: &str,
        realm: &'a Realm,
        scopes: &OfClient<'a>,
        notes: &mut Notes,
    ) -> Result<Option<Self>, Stop> {
        let account = realm.service_accounts.as_ref().and_then(|all| all.get(id));
        let Some((account, roles)) = account.zip(realm.roles.as_ref()) else {
            return Ok(None);
        };
        let granted = account.granted.as_ref();
        let granted = granted.map_err(|why| format!("of its service account, {why}"))?;
        let held = roles.held(granted, &account.groups);
        let own = client.objects("protocolMappers")?;
        let of_scopes = scopes.mappers.iter();
        let of_scopes = of_scopes.filter(|(scope, _)| roles.permits(scope, &held));
        let mappers = own.into_iter().chain(of_scopes.map(|(_, mapper)| *mapper));
        let mappers = mappers.map(Mapper::of).filter_map(Result::transpose);
        let mappers = mappers.collect::<Result<Vec<_>, _>>()?;
        if mappers.is_empty() {
            return Ok(None);
        }
        let shown = match client.flag("fullScopeAllowed", true)? {
            true => held,
            false => roles.within_scope(&held, id, &scopes.in_effect),
        };
        tell(&shown, roles, &account.groups, notes);
        let mut claims = Self {
            realm: BTreeSet::new(),
            clients: BTreeMap::new(),
            mappers,
        };
        for role in shown {
            claims.insert(role);
        }
        Ok(Some(claims))
    }

    fn insert(&mut self, role: Role) {
        self.from(role.client).insert(role.name);
    }

    /// The roles of a client, or of the realm.
    fn from(&mut self, client: Option<String>) -> &mut BTreeSet<String> {
        match client {
            None => &mut self.realm,
            Some(client) => self.clients.entry(client).or_default(),
        }
    }

    /// Adds what the mappers say of them.
    pub(super) fn add_to(
        mut self,
        mapped: &mut Mapped,
        id: &str,
        dialect: &Dialect,
        notes: &mut Notes,
    ) -> Result<(), Stop> {
        let before = (mapped.claims.clone(), mapped.audience.len());
        let mut mappers = std::mem::take(&mut self.mappers);
        // As Keycloak orders them.
        mappers.sort_by_key(|mapper| OF_ROLES.iter().position(|kind| *kind == mapper.kind));
        for mapper in &mappers {
            if !mapper.is_for_access_tokens() {
                notes.stays(mapper.stays(": it is not for access tokens"));
                continue;
            }
            match mapper.kind {
                HARDCODED_ROLE => self.hardcode(mapper)?,
                ROLE_NAME => self.rename(mapper)?,
                AUDIENCE_RESOLVE => self.add_audience(id, mapped, notes),
                _ => self.add_claims(mapper, &mut mapped.claims, dialect, notes)?,
            }
        }
        let (claims, audience) = before;
        if matches!(checked(mapped.claims.clone()), Some(RecordError::Claims)) {
            mapped.claims = claims;
            notes.stays(
                "the roles of its service account: they are more than the claims of a record may \
                 be (8 KiB), so that verifiers miss them",
            );
        } else if mapped.claims != claims {
            notes.different(COPIED);
        }
        if mapped.audience.len() != audience {
            notes.different(
                "`aud` of its tokens names the clients whose roles its service account had at the \
                 export: changes are made in `audience` of its record",
            );
        }
        Ok(())
    }

    /// Adds a role that the account does not have.
    fn hardcode(&mut self, mapper: &Mapper<'_>) -> Result<(), Stop> {
        if let Some(role) = mapper.says("role")? {
            self.insert(role_of(&role));
        }
        Ok(())
    }

    /// Shows a role by another name.
    fn rename(&mut self, mapper: &Mapper<'_>) -> Result<(), Stop> {
        let role = mapper.says("role")?;
        let name = mapper.says("new.role.name")?;
        if let Some((role, name)) = role.zip(name) {
            let role = role_of(&role);
            if self.from(role.client).remove(&role.name) {
                self.insert(role_of(&name));
            }
        }
        Ok(())
    }

    /// Adds the clients of which there are roles, but for the one that the tokens are of.
    fn add_audience(&self, id: &str, mapped: &mut Mapped, notes: &mut Notes) {
        let others = self.clients.iter();
        let others = others.filter(|(client, roles)| *client != id && !roles.is_empty());
        for (client, _) in others {
            if let Err(why) = mapped.add_audience(client.clone(), "audience resolve") {
                notes.stays(format!("the audience `{client}`: {why}"));
            }
        }
    }

    fn add_claims(
        &self,
        mapper: &Mapper<'_>,
        claims: &mut Map<String, Value>,
        dialect: &Dialect,
        notes: &mut Notes,
    ) -> Result<(), Stop> {
        if mapper.claim.is_empty() {
            return Ok(());
        }
        let only = mapper.says("usermodel.clientRoleMapping.clientId")?;
        let all = match mapper.kind {
            REALM_ROLES => vec![(None, &self.realm)],
            _ => {
                let clients = self.clients.iter();
                let clients =
                    clients.filter(|(client, _)| only.as_ref().is_none_or(|only| only == *client));
                clients
                    .map(|(client, roles)| (Some(client), roles))
                    .collect()
            }
        };
        let prefix = mapper.prefix()?;
        for (client, roles) in all {
            if roles.is_empty() {
                continue;
            }
            let claim = match client {
                // A dot of the client's id is none between two claims.
                Some(client) => mapper.claim.replace(CLIENT_ID, &client.replace('.', "\\.")),
                None => mapper.claim.clone(),
            };
            let roles = roles.iter().map(|role| format!("{prefix}{role}"));
            let why = match reserved(&claim, dialect) {
                Some(why) => Some(why),
                None => put(claims, &claim, roles.collect(), mapper.is_list()),
            };
            if let Some(why) = why {
                notes.stays(mapper.stays(why));
            }
        }
        Ok(())
    }
}

/// Stands for the client's id in the name of a claim.
const CLIENT_ID: &str = "${client_id}";

/// What is said of those whose roles are taken.
const COPIED: &str = "its tokens have the roles of its service account as a copy of those at the \
                      export: changes are made in `claims` of its record, which must get no grant \
                      for people while they are there";

impl<'a> Mapper<'a> {
    /// A mapper, if it is one of roles.
    fn of(mapper: Members<'a>) -> Result<Option<Self>, String> {
        let kind = mapper.text("protocolMapper")?;
        let kind = OF_ROLES
            .into_iter()
            .find(|known| kind.as_deref() == Some(known));
        let (Some(kind), true) = (kind, is_openid(mapper)?) else {
            return Ok(None);
        };
        let mut read = Self {
            name: mapper.text("name")?.unwrap_or_default(),
            kind,
            claim: String::new(),
            config: mapper.object("config")?,
        };
        read.claim = read.says("claim.name")?.unwrap_or_default();
        Ok(Some(read))
    }

    fn says(&self, name: &str) -> Result<Option<String>, String> {
        self.config
            .map_or(Ok(None), |config| config.attribute(name))
    }

    fn is_true(&self, name: &str) -> bool {
        self.config.is_some_and(|config| config.is_true(name))
    }

    /// Those that write claims must say so, the others must not deny it.
    fn is_for_access_tokens(&self) -> bool {
        let switch = "access.token.claim";
        let writes = [REALM_ROLES, CLIENT_ROLES].contains(&self.kind);
        let is_silent = self
            .config
            .is_none_or(|config| config.get(switch).is_none());
        self.is_true(switch) || (is_silent && !writes)
    }

    /// Whether its claim is a list.
    fn is_list(&self) -> bool {
        self.is_true("multivalued")
    }

    /// What its roles begin with.
    fn prefix(&self) -> Result<String, String> {
        let of = match self.kind {
            REALM_ROLES => "usermodel.realmRoleMapping.rolePrefix",
            _ => "usermodel.clientRoleMapping.rolePrefix",
        };
        Ok(self.says(of)?.unwrap_or_default())
    }

    fn stays(&self, why: &str) -> String {
        named(&self.name, self.kind, &self.claim, why)
    }
}

/// Whether a mapper is one of roles.
pub(super) fn is_of_roles(mapper: Members<'_>) -> Result<bool, String> {
    Mapper::of(mapper).map(|mapper| mapper.is_some())
}

/// A role as mappers name it: after the client's id and a dot, if it is a client's.
fn role_of(text: &str) -> Role {
    let (client, name) = match text.rsplit_once('.') {
        Some((client, name)) => (Some(client.to_owned()), name),
        None => (None, text),
    };
    Role {
        client,
        name: name.to_owned(),
    }
}

/// Puts roles where a claim's name says, beside those that are there. Why it cannot be.
fn put(
    claims: &mut Map<String, Value>,
    claim: &str,
    roles: Vec<String>,
    is_list: bool,
) -> Option<&'static str> {
    let value = match (is_list, roles.as_slice()) {
        (true, _) => Value::from(roles),
        (false, [only]) => Value::from(only.as_str()),
        (false, _) => return Some(": it shows one role alone, whichever is the first there"),
    };
    let path = path(claim);
    let (last, outer) = path.split_last()?;
    let mut inner = claims;
    for name in outer {
        let within = inner.entry(name.clone());
        let within = within.or_insert_with(|| Map::new().into());
        let Some(within) = within.as_object_mut() else {
            return Some(TAKEN);
        };
        inner = within;
    }
    match (inner.get_mut(last), value) {
        (None, value) => drop(inner.insert(last.clone(), value)),
        (Some(Value::Array(known)), Value::Array(more)) => {
            for role in more {
                if !known.contains(&role) {
                    known.push(role);
                }
            }
        }
        (Some(_), _) => return Some(TAKEN),
    }
    None
}

const TAKEN: &str = ": another mapper sets the claim";

/// Says what of an account's roles cannot be known.
fn tell(shown: &BTreeSet<Role>, roles: &Roles, groups: &[String], notes: &mut Notes) {
    let unknown = groups.iter().filter(|path| !roles.knows_group(path));
    let unknown = unknown.map(String::as_str).collect::<Vec<_>>();
    if !unknown.is_empty() {
        notes.stays(format!(
            "the roles of the groups of its service account, `{}`: the file has no such groups",
            unknown.join("`, `")
        ));
    }
    let undefined = shown.iter().filter(|role| !roles.defines(role));
    let undefined = undefined.map(ToString::to_string).collect::<Vec<_>>();
    if !undefined.is_empty() {
        notes.stays(format!(
            "what the roles `{}` of its service account contain, if they are composite: the file \
             does not define them",
            undefined.join("`, `")
        ));
    }
}
