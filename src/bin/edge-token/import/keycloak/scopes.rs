//! Client scopes of Keycloak: which a client has, which of them tokens show, and what else they
//! bring.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::Notes;
use super::super::value::Members;
use super::mappers::{AUDIENCE_RESOLVE, CLIENT_ROLES, REALM_ROLES};

/// The client scopes that a new realm has: their name, and whether tokens show them.
const BUILT_IN: [(&str, bool); 12] = [
    ("acr", false),
    ("address", true),
    ("basic", false),
    ("email", true),
    ("microprofile-jwt", true),
    ("offline_access", true),
    ("organization", true),
    ("phone", true),
    ("profile", true),
    (ROLES, false),
    ("service_account", false),
    ("web-origins", false),
];

/// The one that brings roles into tokens.
pub(super) const ROLES: &str = "roles";

/// Those of another protocol.
const BUILT_IN_SAML: [&str; 2] = ["role_list", "saml_organization"];

/// The lists of a new realm, for clients that have none.
const DEFAULT: [&str; 6] = ["profile", "email", "roles", "web-origins", "acr", "basic"];
const OPTIONAL: [&str; 4] = ["address", "phone", "offline_access", "microprofile-jwt"];

/// The client scopes of a realm.
pub(super) struct Scopes {
    all: BTreeMap<String, ClientScope>,
    default: Vec<String>,
    optional: Vec<String>,
    /// Whether those that are not among `all` do not exist.
    is_complete: bool,
}

/// A client scope.
#[derive(Default)]
struct ClientScope {
    is_openid: bool,
    is_shown: bool,
    /// What is wrong with it.
    wrong: Option<String>,
    mappers: Vec<Map<String, Value>>,
}

/// The client scopes of one client.
#[derive(Default)]
pub(super) struct OfClient<'a> {
    /// Those that it gets unasked, and that tokens show.
    pub(super) default: Vec<&'a str>,
    /// Those that it may ask for, and that tokens show then.
    pub(super) optional: Vec<&'a str>,
    /// Those of both that tokens do not show.
    pub(super) hidden: Vec<&'a str>,
    /// All that it gets unasked.
    pub(super) in_effect: Vec<&'a str>,
    /// The mappers of those, and of those that it may ask for, with the client scope of each.
    pub(super) mappers: Vec<(&'a str, Members<'a>)>,
    pub(super) optional_mappers: Vec<(&'a str, Members<'a>)>,
}

impl Scopes {
    /// Those of a realm, which are the built-in ones where the file leaves them out.
    pub(super) fn of(realm: Members<'_>, notes: &mut Notes) -> Self {
        let mut all = built_in();
        if realm.get("clientScopes").is_some() {
            // What else is made when a realm is imported.
            all.retain(|name, _| name == "offline_access");
        }
        let scopes = realm.objects("clientScopes").unwrap_or_else(|why| {
            notes.task(format!("the realm's {why}: no client scope is read"));
            Vec::new()
        });
        for scope in scopes {
            match ClientScope::of(scope) {
                Ok((name, scope)) => drop(all.insert(name, scope)),
                Err(why) => notes.task(format!("a client scope of the realm: {why}")),
            }
        }
        let list = |name, built_in: &[&str]| {
            let own = realm.texts(name).ok().flatten();
            own.unwrap_or_else(|| built_in.iter().map(|&name| name.to_owned()).collect())
        };
        Self {
            default: list("defaultDefaultClientScopes", &DEFAULT),
            optional: list("defaultOptionalClientScopes", &OPTIONAL),
            all,
            is_complete: true,
        }
    }

    /// Those of a realm that is not in the file.
    pub(super) fn unknown() -> Self {
        let none = Map::new();
        Self {
            is_complete: false,
            ..Self::of(Members(&none), &mut Notes::default())
        }
    }

    /// The client scopes of a client: those that it lists, else the realm's; a client that has one
    /// of both lists has no more than that.
    pub(super) fn of_client<'a>(
        &'a self,
        default: Option<&'a [String]>,
        optional: Option<&'a [String]>,
        notes: &mut Notes,
    ) -> OfClient<'a> {
        let is_listed = default.is_some() || optional.is_some();
        if !is_listed && !self.is_complete {
            notes.different(
                "it has no lists of client scopes: its default client scopes are those of a new \
                 realm of Keycloak's",
            );
        }
        let list = |own: Option<&'a [String]>, of_realm: &'a [String]| match is_listed {
            true => own.unwrap_or_default(),
            false => of_realm,
        };
        let mut of_client = OfClient::default();
        for name in list(default, &self.default) {
            if self.add(name, is_listed, &mut of_client, true, notes) {
                of_client.in_effect.push(name);
            }
        }
        for name in list(optional, &self.optional) {
            self.add(name, is_listed, &mut of_client, false, notes);
        }
        of_client
    }

    /// Adds one of its client scopes; whether it exists for the protocol.
    fn add<'a>(
        &'a self,
        name: &'a str,
        is_told: bool,
        of_client: &mut OfClient<'a>,
        is_default: bool,
        notes: &mut Notes,
    ) -> bool {
        let is_shown = match self.all.get(name) {
            None if BUILT_IN_SAML.contains(&name) => return false,
            None if self.is_complete => {
                if is_told {
                    notes.stays(format!(
                        "the client scope `{name}`: the realm has none of that name, so that \
                         Keycloak ignores it too"
                    ));
                }
                return false;
            }
            None => true,
            Some(scope) if !scope.is_openid => return false,
            Some(scope) => {
                if let Some(why) = &scope.wrong {
                    notes.stays(format!("the client scope `{name}`: {why}"));
                    return false;
                }
                let mappers = scope.mappers.iter().map(|mapper| (name, Members(mapper)));
                match is_default {
                    true => of_client.mappers.extend(mappers),
                    false => of_client.optional_mappers.extend(mappers),
                }
                scope.is_shown
            }
        };
        if edge_token::scope::ScopeSet::parse(name).is_err()
            || name.contains(' ')
            || name.is_empty()
        {
            notes.stays(format!(
                "the client scope `{name}`: its name can be no scope (RFC 6749 section 3.3)"
            ));
            return false;
        }
        match (is_shown, is_default) {
            (false, _) => of_client.hidden.push(name),
            (true, true) => of_client.default.push(name),
            (true, false) => of_client.optional.push(name),
        }
        true
    }
}

impl ClientScope {
    fn of(scope: Members<'_>) -> Result<(String, Self), String> {
        let name = scope.text("name")?.ok_or("`name` is missing")?;
        let read = || {
            let protocol = scope.text("protocol")?;
            let attributes = scope.object("attributes")?;
            let attribute = |name: &str| match attributes {
                None => Ok(None),
                Some(attributes) => attributes.attribute(name),
            };
            let is_shown = attribute("include.in.token.scope")?;
            let is_dynamic = attribute("is.dynamic.scope")?;
            let mappers = scope.objects("protocolMappers")?;
            Ok::<_, String>(Self {
                is_openid: protocol.is_none_or(|protocol| protocol == "openid-connect"),
                is_shown: is_shown.is_none_or(|shown| shown.trim().eq_ignore_ascii_case("true")),
                wrong: is_dynamic
                    .filter(|dynamic| dynamic.trim().eq_ignore_ascii_case("true"))
                    .map(|_| "it is dynamic, and scopes are compared exactly here".to_owned()),
                mappers: mappers.into_iter().map(|mapper| mapper.0.clone()).collect(),
            })
        };
        let scope = read().unwrap_or_else(|why| Self {
            is_openid: true,
            wrong: Some(why),
            ..Self::default()
        });
        Ok((name, scope))
    }
}

/// The mappers of the built-in client scope `roles`.
fn mappers_of_roles() -> Vec<Map<String, Value>> {
    let mapper = |name: &str, kind: &str, claim: &str| {
        let config = json!({
            "claim.name": claim, "jsonType.label": "String", "multivalued": "true",
            "access.token.claim": "true",
        });
        let mapper = [("name", name), ("protocolMapper", kind)];
        let mapper = mapper.map(|(member, value)| (member.to_owned(), value.into()));
        let mut mapper = Map::from_iter(mapper);
        mapper.insert("config".to_owned(), config);
        mapper
    };
    vec![
        mapper("realm roles", REALM_ROLES, "realm_access.roles"),
        mapper(
            "client roles",
            CLIENT_ROLES,
            "resource_access.${client_id}.roles",
        ),
        mapper("audience resolve", AUDIENCE_RESOLVE, ""),
    ]
}

fn built_in() -> BTreeMap<String, ClientScope> {
    let scope = |(name, is_shown): &(&str, bool)| {
        let scope = ClientScope {
            is_openid: true,
            is_shown: *is_shown,
            mappers: match *name {
                ROLES => mappers_of_roles(),
                _ => Vec::new(),
            },
            ..ClientScope::default()
        };
        ((*name).to_owned(), scope)
    };
    BUILT_IN.iter().map(scope).collect()
}
