//! What a person's claims say to whom (OpenID Connect Core §5.4).

use serde_json::{Map, Value};

use crate::family::Person;
use crate::json::put;
use crate::scope::ScopeSet;

/// The scope token that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";

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

/// The claims that a scope token releases: those of OpenID Connect Core §5.4, and three that its
/// profile lacks and Screening Eagle ID has.
const CLAIMS: [(&str, &[&str]); 4] = [
    (
        "profile",
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
            "first_name",
            "last_name",
            "country_code",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

impl Person {
    /// A claim, unless it needs a scope that is not there.
    #[must_use]
    pub fn claim(&self, name: &str, scope: &ScopeSet) -> Option<&Value> {
        let releases = |(_, names): &&(&str, &[&str])| names.contains(&name);
        match CLAIMS.iter().find(releases) {
            Some((token, _)) if !scope.contains(token) => None,
            _ => self.claims.get(name),
        }
    }

    /// All claims that a scope releases.
    #[must_use]
    pub fn claims(&self, scope: &ScopeSet) -> Map<String, Value> {
        let released = CLAIMS.iter().filter(|(token, _)| scope.contains(token));
        let names = released.flat_map(|(_, names)| names.iter().copied());
        let mut claims = Map::new();
        for name in names {
            if let Some(value) = self.claims.get(name) {
                put(&mut claims, name, value.clone());
            }
        }
        claims
    }
}

/// The names of all claims that a scope can release, for metadata.
pub fn claim_names() -> impl Iterator<Item = &'static str> {
    CLAIMS.iter().flat_map(|(_, names)| names.iter().copied())
}
