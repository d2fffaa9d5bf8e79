//! Trusted issuers: others whose word a realm takes for whom a request is about, as it configures them.

use serde_json::Value;

use crate::jose::PublicKeys;
use crate::json::{JsonError, Object};
use crate::name::RealmName;
use crate::realm::{Cause, Issuer};
use crate::scope::ScopeSet;
use crate::uri::is_web_url;

/// One of them, as it is configured.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// What the realm calls it.
    pub name: RealmName,
    /// `iss` of what it signs.
    pub(crate) issuer: String,
    /// What `aud` may be of what it signs for this realm.
    pub(crate) audience: Vec<String>,
    /// The most that tokens by its word may be used for, if there is a bound besides the client's.
    pub scopes: Option<ScopeSet>,
    pub(crate) keys: Keys,
    /// Whether its subjects are the realm's own, and not named after it.
    pub(crate) subjects_are_the_realms_own: bool,
}

/// Where an issuer's keys are.
#[derive(Debug)]
pub(crate) enum Keys {
    /// In the configuration.
    Here(PublicKeys),
    /// At a URL.
    At(String),
}

impl TrustedIssuer {
    /// Reads the member of that name of a realm whose URL is `realm`, and whose tokens have another
    /// `iss` where there is one.
    ///
    /// # Errors
    /// [`Cause`].
    pub fn parse(
        name: &str,
        mut members: Object,
        realm: &Issuer,
        iss: Option<&str>,
    ) -> Result<Self, Cause> {
        let name = RealmName::parse(name).ok_or(Cause::TrustedIssuerName)?;
        let keys = match (
            members.take::<Value>("jwks", "a JWK Set")?,
            members.take::<String>("jwks_uri", "a URL")?,
        ) {
            (Some(set), None) => {
                Keys::Here(PublicKeys::from_value(&set).map_err(Cause::IssuerKeys)?)
            }
            (None, Some(url)) if is_web_url(&url) => Keys::At(url),
            _ => return Err(Cause::TrustedIssuerKeys(name.to_string())),
        };
        let trusted = Self {
            name,
            issuer: members.require("issuer", "a text")?,
            audience: members
                .take("audience", "a list of texts")?
                .unwrap_or_else(|| vec![realm.as_str().to_owned()]),
            scopes: members.take("scopes", "scope tokens with one space between")?,
            keys,
            subjects_are_the_realms_own: members
                .take("subjects_are_the_realms_own", "true or false")?
                .unwrap_or_default(),
        };
        members.finish()?;
        match trusted.issuer == realm.as_str() || iss == Some(&trusted.issuer) {
            true => Err(JsonError::Invalid {
                member: "issuer",
                expected: "another's than the realm's",
            }
            .into()),
            false => Ok(trusted),
        }
    }

    /// Whether another entry is of the same issuer.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.issuer == other.issuer
    }
}
