//! Protocol mappers of Keycloak: what a client's tokens say. Audiences and claims that are always
//! the same are taken; what the dialect says anyway needs none; every other is named.

use edge_token::client::{Client, RecordError};
use edge_token::dialect::Dialect;
use edge_token::name::ClientId;
use edge_token::time::UnixTime;
use serde_json::{Map, Value};

use super::super::placeholder::is_template;
use super::super::value::Members;
use super::super::{Notes, Stop};

/// What mappers come to.
#[derive(Default)]
pub(super) struct Mapped {
    pub(super) audience: Vec<String>,
    pub(super) claims: Map<String, Value>,
}

/// Claims of people that the login application gives (OpenID Connect Core §5.1).
const OF_PEOPLE: [&str; 20] = [
    "address",
    "birthdate",
    "email",
    "email_verified",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "sub",
    "updated_at",
    "website",
    "zoneinfo",
];

/// Mappers that say what the dialect or the request says anyway.
const NEEDLESS: [&str; 7] = [
    "oidc-acr-mapper",
    "oidc-address-mapper",
    "oidc-allowed-origins-mapper",
    "oidc-claims-param-token-mapper",
    "oidc-claims-param-value-idtoken-mapper",
    "oidc-full-name-mapper",
    "oidc-sub-mapper",
];

/// Mappers of roles, in the order in which they work: two change the roles that the others see.
pub(super) const HARDCODED_ROLE: &str = "oidc-hardcoded-role-mapper";
pub(super) const ROLE_NAME: &str = "oidc-role-name-mapper";
pub(super) const AUDIENCE_RESOLVE: &str = "oidc-audience-resolve-mapper";
pub(super) const REALM_ROLES: &str = "oidc-usermodel-realm-role-mapper";
pub(super) const CLIENT_ROLES: &str = "oidc-usermodel-client-role-mapper";
pub(super) const OF_ROLES: [&str; 5] = [
    HARDCODED_ROLE,
    ROLE_NAME,
    AUDIENCE_RESOLVE,
    REALM_ROLES,
    CLIENT_ROLES,
];

/// What is said of all mappers of roles with the names that they have in a new realm.
pub(super) const NO_ROLES: &str = "roles: tokens have no `realm_access`, no `resource_access`, and \
                                   no `aud` of the clients whose roles they have";

impl Mapped {
    /// Adds what a mapper says in access tokens.
    pub(super) fn add(
        &mut self,
        mapper: Members<'_>,
        dialect: &Dialect,
        notes: &mut Notes,
    ) -> Result<(), Stop> {
        let name = mapper.text("name")?.unwrap_or_default();
        let Some(kind) = mapper.text("protocolMapper")? else {
            return Ok(());
        };
        if !is_openid(mapper)? {
            return Ok(());
        }
        let none = Map::new();
        let config = mapper.object("config")?.unwrap_or(Members(&none));
        let claim = config.attribute("claim.name")?.unwrap_or_default();
        let is_in = |token: &str| config.is_true(&format!("{token}.token.claim"));
        let stays = |why: &str| named(&name, &kind, &claim, why);
        match kind.as_str() {
            "oidc-audience-mapper" => {
                let client = config.attribute("included.client.audience")?;
                let audience = match client {
                    Some(client) => Some(client),
                    None => config.attribute("included.custom.audience")?,
                };
                match audience {
                    None => notes.stays(stays(": it names no audience")),
                    Some(_) if !is_in("access") => {
                        notes.stays(stays(": it is not for access tokens"));
                    }
                    Some(audience) => self.add_audience(audience, &name)?,
                }
            }
            "oidc-hardcoded-claim-mapper" => {
                let value = config.attribute("claim.value")?.unwrap_or_default();
                match () {
                    () if claim.is_empty() => notes.stays(stays(": it names no claim")),
                    () if !is_in("access") => notes.stays(stays(": it is not for access tokens")),
                    () if claim == "aud" => self.add_audience(value, &name)?,
                    () => match reserved(&claim, dialect) {
                        Some(why) => notes.stays(stays(why)),
                        None => {
                            let label = config.attribute("jsonType.label")?;
                            self.add_claim(&claim, &value, label.as_deref(), &name)?;
                        }
                    },
                }
            }
            "oidc-sha256-pairwise-sub-mapper" => {
                return Err(Stop::LeftOut(format!(
                    "its subjects are pairwise (the mapper `{name}`), and here a person has one \
                     `sub` for all clients"
                )));
            }
            kind if NEEDLESS.contains(&kind) => (),
            kind if OF_ROLES.contains(&kind) => {
                let usual = [
                    "",
                    "realm_access.roles",
                    "resource_access.${client_id}.roles",
                ];
                match usual.contains(&claim.as_str()) {
                    true => notes.stays(NO_ROLES),
                    false => notes.stays(stays("")),
                }
            }
            // The names of the claim are the dialect's, or are the login application's to give.
            "oidc-usermodel-property-mapper"
            | "oidc-usermodel-attribute-mapper"
            | "oidc-usersessionmodel-note-mapper"
                if is_given(&claim, dialect) => {}
            _ => notes.stays(stays("")),
        }
        Ok(())
    }

    pub(super) fn add_audience(&mut self, audience: String, mapper: &str) -> Result<(), String> {
        if is_template(&audience) {
            return Err(format!(
                "the audience of its mapper `{mapper}` is a placeholder"
            ));
        }
        let audience = audience.trim();
        if audience.contains(char::is_whitespace) {
            return Err(format!(
                "the audience of its mapper `{mapper}` has white space in it"
            ));
        }
        if !self.audience.iter().any(|known| known == audience) {
            self.audience.push(audience.to_owned());
        }
        Ok(())
    }

    /// Adds a claim, whose name has a dot where it is within another; `\.` is a dot of the name
    /// itself.
    fn add_claim(
        &mut self,
        claim: &str,
        value: &str,
        label: Option<&str>,
        mapper: &str,
    ) -> Result<(), String> {
        if is_template(value) {
            return Err(format!(
                "the value of its mapper `{mapper}` is a placeholder"
            ));
        }
        let value = typed(value, label)
            .ok_or_else(|| format!("the value of its mapper `{mapper}` is not of its type"))?;
        let path = path(claim);
        let Some((last, outer)) = path.split_last() else {
            return Ok(());
        };
        let mut claims = &mut self.claims;
        for name in outer {
            let inner = claims
                .entry(name.clone())
                .or_insert_with(|| Map::new().into());
            claims = inner
                .as_object_mut()
                .ok_or_else(|| format!("two of its mappers set the claim `{name}`"))?;
        }
        claims.insert(last.clone(), value);
        Ok(())
    }
}

/// Whether a mapper is for tokens of OpenID Connect.
pub(super) fn is_openid(mapper: Members<'_>) -> Result<bool, String> {
    let protocol = mapper.text("protocol")?;
    Ok(protocol.is_none_or(|protocol| protocol == "openid-connect"))
}

/// A mapper as people know it, and why it is not taken.
pub(super) fn named(name: &str, kind: &str, claim: &str, why: &str) -> String {
    let of = match claim.is_empty() {
        true => String::new(),
        false => format!(", claim `{claim}`"),
    };
    format!("the mapper `{name}` ({kind}{of}){why}")
}

/// The parts of a claim's name.
pub(super) fn path(claim: &str) -> Vec<String> {
    let parts = claim.replace("\\.", "\u{0}");
    let parts = parts.split('.').map(|part| part.replace('\u{0}', "."));
    parts.filter(|part| !part.is_empty()).collect()
}

fn typed(value: &str, label: Option<&str>) -> Option<Value> {
    match label.unwrap_or("String") {
        "int" | "long" => value.trim().parse::<i64>().ok().map(Value::from),
        "boolean" => value
            .trim()
            .to_ascii_lowercase()
            .parse::<bool>()
            .ok()
            .map(Value::from),
        "JSON" => serde_json::from_str(value).ok(),
        _ => Some(value.into()),
    }
}

/// Why a client's record cannot set a claim.
pub(super) fn reserved(claim: &str, dialect: &Dialect) -> Option<&'static str> {
    let path = path(claim);
    let root = path.first()?;
    if dialect.claims.iter().any(|(name, _)| name == root) {
        return Some(": the realm's dialect sets this claim");
    }
    let claims = Map::from_iter([(root.clone(), Value::Null)]);
    let is_reserved = matches!(checked(claims), Some(RecordError::ReservedClaim(_)));
    is_reserved.then_some(": only the service may set this claim")
}

/// What is wrong with a record that has these claims.
pub(super) fn checked(claims: Map<String, Value>) -> Option<RecordError> {
    let id = ClientId::parse("trial")?;
    let mut trial = Client::new(id, UnixTime::from_seconds(0), String::new());
    trial.claims = claims;
    trial.check_written().err()
}

fn is_given(claim: &str, dialect: &Dialect) -> bool {
    let mut claims = dialect.claims.iter();
    OF_PEOPLE.contains(&claim)
        || claim.starts_with("address.")
        || claims.any(|(name, _)| *name == claim)
}
