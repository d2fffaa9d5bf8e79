//! A person, and what their claims say to whom (OpenID Connect Core §5.4).

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::json::{impl_json, put};
use crate::scope::ScopeSet;
use crate::time::UnixTime;

/// A person, as the login application tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Who, never to be another's.
    pub sub: String,
    /// What is known of them, by the names of OpenID Connect Core §5.1 where it has one.
    pub claims: Map<String, Value>,
    /// When they signed in.
    pub auth_time: Option<UnixTime>,
    /// How they signed in.
    pub acr: Option<String>,
}

impl_json!(struct Person { sub, claims, auth_time, acr });

/// The scope token that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";

/// What a `sub` must be, in words.
pub(crate) const SUB: &str = "1 to 255 ASCII characters";

/// Whether a text can be somebody's `sub`: 1 to 255 ASCII characters (OpenID Connect Core §2), none of
/// them a control character. Logs have it.
#[must_use]
pub fn is_sub(text: &str) -> bool {
    is_short(text) && text.is_ascii()
}

/// Whether a text has 1 to 255 octets and no control character.
#[must_use]
pub fn is_short(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The scope token that releases a dialect's own claims about people too.
const PROFILE: &str = "profile";

/// The claims that a scope token releases (OpenID Connect Core §5.4), in every dialect.
const CLAIMS: [(&str, &[&str]); 4] = [
    (
        PROFILE,
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The claims that scope tokens release in a dialect, each after its token.
fn released(dialect: &Dialect) -> impl Iterator<Item = (&'static str, &'static str)> {
    let each = |(token, names): &(&'static str, &'static [&'static str])| {
        let token = *token;
        names.iter().map(move |name| (token, *name))
    };
    let own = dialect.profile_claims.iter();
    CLAIMS
        .iter()
        .flat_map(each)
        .chain(own.map(|name| (PROFILE, *name)))
}

impl Person {
    /// A claim, unless it needs a scope that is not there.
    #[must_use]
    pub fn claim(&self, name: &str, scope: &ScopeSet, dialect: &Dialect) -> Option<&Value> {
        match released(dialect).find(|(_, known)| *known == name) {
            Some((token, _)) if !scope.contains(token) => None,
            _ => self.claims.get(name),
        }
    }

    /// All claims that a scope releases.
    #[must_use]
    pub fn claims(&self, scope: &ScopeSet, dialect: &Dialect) -> Map<String, Value> {
        let mut claims = Map::new();
        for (_, name) in released(dialect).filter(|(token, _)| scope.contains(token)) {
            if let Some(value) = self.claims.get(name) {
                put(&mut claims, name, value.clone());
            }
        }
        claims
    }
}

/// The names of the claims that ID tokens and userinfo can have, for metadata: the dialect's, and those
/// of people that one of the scopes can release, of all if none are named. None where no scope makes a
/// request one of OpenID Connect.
#[must_use]
pub fn claim_names(dialect: &Dialect, scopes: Option<&ScopeSet>) -> Vec<&'static str> {
    let has = |token: &str| scopes.is_none_or(|scopes| scopes.contains(token));
    if !has(OPENID) {
        return Vec::new();
    }
    let own = dialect.id_token_claims.iter().map(|(name, _)| *name);
    let of_people = released(dialect).filter(|(token, _)| has(token));
    let mut names = Vec::new();
    for name in own
        .chain(["exp", "iat"])
        .chain(of_people.map(|(_, name)| name))
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
