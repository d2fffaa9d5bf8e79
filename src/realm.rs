//! Realms: the tenants of the service, each a stranger to all others.
//!
//! The configuration is read once an isolate. A realm that is configured badly is known all the
//! same, so that its paths answer 503 and never 404, while the others go on.

mod all;
mod error;
mod issuer;
mod place;
mod requirements;
pub mod trusted_issuer;

use std::ops::RangeInclusive;
use std::rc::Rc;

use serde_json::{Map, Value};

use self::all::KeyReader;
pub use self::all::Realms;
pub use self::error::{Cause, NoSigningKey, RealmError};
pub use self::issuer::Issuer;
use self::place::{Place, check_paths};
pub use self::requirements::{Profile, Requirements};
use crate::client::registration::RegistrationPolicy;
use crate::client::{Client, GRACE, GRACES, access_token_ttl, is_reserved, reserved_claim};
use crate::dialect::{Dialect, Endpoint};
use crate::family::{RefreshLifetimes, RefreshPolicy};
use crate::grant_type::{GrantType, is_parameter};
use crate::jose::{SigningKey, SigningKeys};
use crate::json::{JsonError, Object};
use crate::name::ClientId;
use crate::name::RealmName;
use crate::realm::trusted_issuer::TrustedIssuer;
use crate::scope::ScopeSet;
use crate::store::Age;
use crate::time::{Seconds, UnixTime};
use crate::uri::{is_host, is_web_url};

/// The secrets that hold the signing keys of a realm which names no others.
const SIGNING_KEYS: [&str; 2] = ["SIGNING_KEYS", "SIGNING_KEYS_NEXT"];

/// A realm that can be served.
#[derive(Debug)]
pub struct Realm {
    /// Its name.
    pub name: RealmName,
    /// Its URL: in metadata, and the audience of tokens when nothing else is.
    pub issuer: Issuer,
    /// `iss` of its tokens, if not the issuer.
    iss: Option<String>,
    /// How it talks.
    pub dialect: &'static Dialect,
    /// Where it is.
    place: Place,
    /// The origins from which browsers may call its endpoints for scripts; `*` for all. None means that
    /// CORS is off.
    pub allowed_origins: Vec<String>,
    /// The scopes that exist in it; without it, whatever its clients' records name.
    pub scopes: Option<ScopeSet>,
    /// The audience of tokens for clients whose record names none.
    pub audience: Vec<String>,
    /// How old copies of client records may be.
    pub age: Age,
    /// Static claims of its tokens.
    pub claims: Map<String, Value>,
    /// How long access tokens live when the client's record does not say.
    pub access_token_ttl: Seconds,
    /// What responses say that refresh tokens live, in dialects that say it.
    pub refresh_expires_in: Seconds,
    /// Whether tokens name a session, in dialects that can.
    pub session_state: bool,
    /// Where browsers go for people to sign in; without it, the realm has no people.
    pub login_url: Option<String>,
    /// Where browsers go for people to sign out; without it, their sign-in is not known of.
    pub logout_url: Option<String>,
    /// The clients that may say who signed in.
    pub login_clients: Vec<ClientId>,
    /// How long refresh tokens live, where the client's record says nothing else.
    refresh: RefreshPolicy,
    /// What every client must do, whatever its record says.
    pub requirements: Requirements,
    /// Whether client assertions may be for the token endpoint, not for the issuer alone.
    assertion_audience_may_be_token_endpoint: bool,
    /// What clients that register themselves may ask for; without it, none can.
    pub registration: Option<RegistrationPolicy>,
    /// The clients that may know of every token.
    pub introspection_clients: Vec<ClientId>,
    /// Others whose word it takes.
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// The parameters of the grant `client_authenticated_user` that become claims.
    pub user_claims: Vec<String>,
    /// Its signing keys.
    pub keys: Rc<SigningKeys>,
}

impl Realm {
    fn parse(
        name: &RealmName,
        mut members: Object,
        dialect: Option<&'static Dialect>,
        place: Place,
        keys: &mut KeyReader<'_>,
    ) -> Result<Self, Cause> {
        let named = members.take::<String>("dialect", TEXT)?.unwrap_or_default();
        let dialect = dialect.ok_or(Cause::UnknownDialect(named))?;
        let hosts = members.take::<Vec<String>>("hosts", TEXTS)?;
        if let Some(other) = hosts.into_iter().flatten().find(|host| !is_host(host)) {
            return Err(Cause::Host(other));
        }
        if let Some(paths) = members.take::<Object>("paths", "a table of paths")? {
            check_paths(paths)?;
        }
        let issuer = Issuer::parse(&members.require::<String>("issuer", TEXT)?)?;
        let iss = members.take::<String>("iss", TEXT)?;
        let requirements = Requirements::parse(&mut members)?;
        let mut realm = Self {
            name: name.clone(),
            trusted_issuers: trusted_issuers(&mut members, &issuer, iss.as_deref())?,
            issuer,
            iss,
            dialect,
            place,
            allowed_origins: members.take("allowed_origins", TEXTS)?.unwrap_or_default(),
            scopes: members.take("scopes", "scope tokens with one space between")?,
            audience: members.take("audience", TEXTS)?.unwrap_or_default(),
            claims: members.take("claims", "a table")?.unwrap_or_default(),
            access_token_ttl: access_token_ttl(&mut members)?.unwrap_or(dialect.access_token_ttl),
            refresh_expires_in: members
                .take("refresh_expires_in", "seconds")?
                .unwrap_or(Seconds(0)),
            session_state: members
                .take("session_state", "true or false")?
                .unwrap_or_default(),
            login_url: members.take("login_url", TEXT)?,
            logout_url: members.take("logout_url", TEXT)?,
            login_clients: members
                .take("login_clients", "a list of client ids")?
                .unwrap_or_default(),
            refresh: refresh_policy(&mut members, &requirements)?,
            requirements,
            age: age(&mut members)?,
            assertion_audience_may_be_token_endpoint: members
                .take("assertion_audience_may_be_token_endpoint", "true or false")?
                .unwrap_or_default(),
            registration: members
                .take::<Object>("registration", "a table")?
                .map(RegistrationPolicy::parse)
                .transpose()?,
            introspection_clients: members
                .take("introspection_clients", "a list of client ids")?
                .unwrap_or_default(),
            user_claims: members.take("user_claims", TEXTS)?.unwrap_or_default(),
            keys: match members.take::<Vec<String>>("signing_keys", TEXTS)? {
                None => keys.read(&SIGNING_KEYS.map(str::to_owned))?,
                Some(secrets) => keys.read(&secrets)?,
            },
        };
        members.finish()?;
        if let Some(claim) = reserved_claim(&realm.claims) {
            return Err(Cause::ReservedClaim(claim.to_owned()));
        }
        // FAPI 2.0 §5.3.2.1: the audience of assertions is the issuer alone.
        if realm.requirements.profile.is_some() && realm.assertion_audience_may_be_token_endpoint {
            return Err(Cause::Profile("assertion_audience_may_be_token_endpoint"));
        }
        match &realm.login_url {
            Some(url) if !is_web_url(url) => {
                return Err(Cause::LoginUrl);
            }
            Some(_) if realm.login_clients.is_empty() => return Err(Cause::NoLoginClients),
            Some(_) => (),
            None if realm.logout_url.is_some() => return Err(Cause::NoLoginUrl),
            None => realm.place.remove(Endpoint::is_for_people),
        }
        match &realm.logout_url {
            Some(url) if !is_web_url(url) => return Err(Cause::LogoutUrl),
            Some(_) => (),
            None => realm
                .place
                .remove(|endpoint| Endpoint::SIGN_OUT.iter().any(|(one, _)| *one == endpoint)),
        }
        if let Some(claim) = realm.unfit_user_claim() {
            return Err(Cause::UserClaim(claim.clone()));
        }
        if realm.registration.is_none() {
            realm
                .place
                .remove(|endpoint| endpoint == Endpoint::Registration);
        }
        if realm.iss() == realm.issuer.as_str() {
            // RFC 8414 §3.3: a client finds the metadata by the issuer, and the issuer in it.
            let path = format!("{}/.well-known/openid-configuration", realm.issuer.path());
            if !realm.place.has(Endpoint::Discovery, &path) {
                return Err(Cause::IssuerPath(path));
            }
        } else {
            realm
                .place
                .remove(|endpoint| endpoint == Endpoint::Discovery);
        }
        Ok(realm)
    }

    /// A parameter among `user_claims` that is a reserved claim, one of the dialect's own, or one that
    /// the protocol knows and that could be a secret.
    fn unfit_user_claim(&self) -> Option<&String> {
        let is_of_dialect = |name: &str| {
            let mut claims = self.dialect.claims.iter();
            claims.any(|(known, _)| *known == name)
        };
        let mut claims = self.user_claims.iter();
        claims.find(|name| is_reserved(name) || is_of_dialect(name) || is_parameter(name))
    }

    /// Whether it has a grant.
    #[must_use]
    pub fn has_grant(&self, grant_type: GrantType) -> bool {
        let has_people = self.login_url.is_some();
        match grant_type {
            GrantType::AuthorizationCode => has_people,
            GrantType::ClientCredentials | GrantType::TokenExchange => true,
            GrantType::RefreshToken => has_people || self.dialect.refreshes_client_credentials,
            GrantType::JwtBearer => !self.trusted_issuers.is_empty(),
            GrantType::ClientAuthenticatedUser => self.dialect.has_client_authenticated_user,
        }
    }

    /// `iss` of its tokens (RFC 7519 §4.1.1).
    #[must_use]
    pub fn iss(&self) -> &str {
        self.iss.as_deref().unwrap_or(self.issuer.as_str())
    }

    /// The origins under which a request for `authority` may have addressed the realm: the issuer's,
    /// and the one of the request where the realm lists its hosts.
    #[must_use]
    pub fn origins(&self, authority: &str) -> Vec<String> {
        let issuer = self.issuer.origin();
        let mut origins = vec![issuer.to_owned()];
        if let Some((scheme, _)) = issuer.split_once("://")
            && self.place.lists(authority)
        {
            origins.push(format!("{scheme}://{authority}"));
        }
        origins
    }

    /// Whether a client assertion may be for `audience` (RFC 7523 §3): the issuer, or for clients of
    /// old the token endpoint.
    #[must_use]
    pub fn is_assertion_audience(&self, audience: &str) -> bool {
        let is_token_endpoint = |path| self.place.has(Endpoint::Token, path);
        audience == self.issuer.as_str()
            || self.assertion_audience_may_be_token_endpoint
                && audience
                    .strip_prefix(self.issuer.origin())
                    .is_some_and(is_token_endpoint)
    }

    /// How long refresh tokens of a client live.
    #[must_use]
    pub fn refresh_policy(&self, client: &Client) -> RefreshPolicy {
        RefreshPolicy {
            grace: client.refresh_token_grace.unwrap_or(self.refresh.grace),
            ..self.refresh
        }
    }

    /// How long authorization codes live: 60 s at most under a profile (FAPI 2.0 §5.3.2.1).
    #[must_use]
    pub fn code_ttl(&self) -> Seconds {
        match self.requirements.profile {
            Some(Profile::Fapi2) => self.dialect.code_ttl.min(Seconds(60)),
            None => self.dialect.code_ttl,
        }
    }

    /// The key that signs a token which begins `now` and lives for `lifetime`.
    ///
    /// # Errors
    /// [`NoSigningKey`].
    pub fn signing_key(
        &self,
        now: UnixTime,
        lifetime: Seconds,
    ) -> Result<&SigningKey, NoSigningKey> {
        let key = self.keys.signing(now, lifetime);
        key.ok_or_else(|| NoSigningKey {
            realm: self.name.to_string(),
            now,
            lifetime: lifetime.0,
        })
    }

    /// The absolute URL of an endpoint, as metadata names it: the first under the issuer's path,
    /// else the first.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> Option<String> {
        let mut paths = self
            .place
            .paths
            .iter()
            .filter(|(known, _)| *known == endpoint);
        let first = paths.clone().next();
        let (_, path) = paths
            .find(|(_, path)| path.starts_with(self.issuer.path()))
            .or(first)?;
        Some(format!("{}{path}", self.issuer.origin()))
    }
}

/// Takes the issuers whose word the realm takes, by their names.
fn trusted_issuers(
    members: &mut Object,
    realm: &Issuer,
    iss: Option<&str>,
) -> Result<Vec<TrustedIssuer>, Cause> {
    let expected = "a table of tables";
    let named = members.take::<Object>("trusted_issuers", expected)?;
    let mut trusted = Vec::<TrustedIssuer>::new();
    for (name, value) in named.map(Object::into_members).unwrap_or_default() {
        let members = Object::from_value(value).map_err(|_| JsonError::Invalid {
            member: "trusted_issuers",
            expected,
        })?;
        let parsed = TrustedIssuer::parse(&name, members, realm, iss)?;
        // Each name would remember a `jti` of its own.
        if trusted.iter().any(|other| parsed.is_same_as(other)) {
            return Err(Cause::TrustedIssuerTwice(name));
        }
        trusted.push(parsed);
    }
    Ok(trusted)
}

/// Takes the members that say how long refresh tokens live.
fn refresh_policy(
    members: &mut Object,
    requirements: &Requirements,
) -> Result<RefreshPolicy, JsonError> {
    let grace = match requirements.profile {
        Some(Profile::Fapi2) => MINUTE,
        None => 10,
    };
    let mut take =
        |member, default, range, expected| seconds(members, member, default, range, expected);
    let (any, positive) = (1..=u32::MAX, "1 second or more");
    Ok(RefreshPolicy {
        online: RefreshLifetimes {
            idle: take("refresh_token_idle_ttl", 30 * MINUTE, any.clone(), positive)?,
            absolute: take("refresh_token_ttl", 10 * HOUR, any.clone(), positive)?,
        },
        offline: RefreshLifetimes {
            idle: take("offline_token_idle_ttl", 30 * DAY, any.clone(), positive)?,
            absolute: take("offline_token_ttl", 365 * DAY, any, positive)?,
        },
        grace: take("refresh_token_grace", grace, GRACES, GRACE)?,
    })
}

/// Takes the members that say how old copies of client records may be.
fn age(members: &mut Object) -> Result<Age, JsonError> {
    let mut take =
        |member, default, range, expected| seconds(members, member, default, range, expected);
    Ok(Age {
        max_age: take("client_max_age", 30, 0..=60, "0 to 60 seconds")?,
        stale_if_error: take("stale_if_error", 0, 0..=DAY, "0 to 86400 seconds")?,
    })
}

/// Takes a number of seconds that must lie within a range.
fn seconds(
    members: &mut Object,
    member: &'static str,
    default: u32,
    range: RangeInclusive<u32>,
    expected: &'static str,
) -> Result<Seconds, JsonError> {
    let seconds = members.take::<u32>(member, expected)?.unwrap_or(default);
    match range.contains(&seconds) {
        true => Ok(Seconds(seconds)),
        false => Err(JsonError::Invalid { member, expected }),
    }
}

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

const TEXT: &str = "a text";
const TEXTS: &str = "a list of texts";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realm_names_are_safe_in_paths_and_keys() {
        for name in ["default", "dx", "A.b_c-1", &"x".repeat(64)] {
            assert!(RealmName::parse(name).is_some(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "-x",
            "a/b",
            "a b",
            "ä",
            "a%2f",
            "{realm}",
            &"x".repeat(65),
        ] {
            assert!(RealmName::parse(name).is_none(), "{name}");
        }
    }
}
