//! Why a realm cannot be served.

use crate::jose::KeySetError;
use crate::json::JsonError;
use crate::name::RealmName;
use crate::time::UnixTime;

/// Why a realm cannot be served, or why none can.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RealmError {
    /// No variable configures any realm.
    #[error("no realm is configured: set [vars.REALMS.<name>] in wrangler.toml")]
    None,
    /// A variable that configures realms cannot be read.
    #[error("variable {variable}: {error}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong with it.
        error: JsonError,
    },
    /// A realm cannot have such a name.
    #[error("`{0}` is no realm name: 1 to 64 letters, digits, `-`, `_`, `.`")]
    Name(String),
    /// One realm cannot be served.
    #[error("realm `{realm}`: {cause}")]
    Realm {
        /// Which.
        realm: RealmName,
        /// Why.
        cause: Cause,
    },
}

impl RealmError {
    /// The name of the realm, if it is one that cannot be served.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        match self {
            Self::Realm { realm, .. } => Some(realm.as_str()),
            _ => None,
        }
    }
}

/// No key may sign a token now.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("realm `{realm}` has no key that signs for {lifetime} s from {now}")]
pub struct NoSigningKey {
    /// The realm.
    pub realm: String,
    /// When the token would begin.
    pub now: UnixTime,
    /// The token's lifetime in seconds.
    pub lifetime: u32,
}

/// What is wrong with one realm.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cause {
    /// A member is missing, unknown or not what it must be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Its configuration is no table of members.
    #[error("must be a table")]
    NotATable,
    /// It is configured twice.
    #[error("is configured twice")]
    Repeated,
    /// A host with a port, for instance, which no request's host would ever be.
    #[error("member `hosts`: `{0}` must be the name of a host, without scheme, port or path")]
    Host(String),
    /// A dialect that does not exist.
    #[error("member `dialect`: `{0}` is unknown")]
    UnknownDialect(String),
    /// The issuer is no URL of an issuer.
    #[error("member `issuer` must be https://host[:port]/path in lower case")]
    Issuer,
    /// An `http` issuer that is not on loopback.
    #[error("member `issuer` must be https, or http on loopback")]
    InsecureIssuer,
    /// An issuer under which its own metadata would not be found.
    #[error("member `issuer`: its metadata would be at {0}, where the realm is not")]
    IssuerPath(String),
    /// A static claim that only the service may set.
    #[error("member `claims` sets the reserved claim `{0}`")]
    ReservedClaim(String),
    /// A member that allows what the profile does not.
    #[error("member `{0}` contradicts `profile`: leave one of them out")]
    Profile(&'static str),
    /// The URL of the login application is no URL for browsers.
    #[error("member `login_url` must be https, or http on loopback")]
    LoginUrl,
    /// The URL of the login application for sign-out is no URL for browsers.
    #[error("member `logout_url` must be https, or http on loopback")]
    LogoutUrl,
    /// A sign-out of people who cannot sign in.
    #[error("member `login_url` must be there, since `logout_url` is")]
    NoLoginUrl,
    /// A login application without a client to speak for it.
    #[error("member `login_clients` must name a client, since `login_url` is there")]
    NoLoginClients,
    /// A trusted issuer whose name is none.
    #[error("member `trusted_issuers`: a name must be 1 to 64 letters, digits, `-`, `_`, `.`")]
    TrustedIssuerName,
    /// A trusted issuer without keys, or with two sources of them.
    #[error(
        "trusted issuer `{0}` must have either `jwks`, or `jwks_uri`, https or http on loopback"
    )]
    TrustedIssuerKeys(String),
    /// A trusted issuer under two names.
    #[error("trusted issuer `{0}` has the `issuer` of another")]
    TrustedIssuerTwice(String),
    /// The keys of a trusted issuer are none.
    #[error("member `jwks` of a trusted issuer: {0}")]
    IssuerKeys(KeySetError),
    /// A parameter that must not become a claim.
    #[error("member `user_claims` has `{0}`, a claim or a parameter with a meaning of its own")]
    UserClaim(String),
    /// Another realm is at the same path.
    #[error("realm `{other}` has its path {path} too")]
    Path {
        /// The other.
        other: RealmName,
        /// The path of both.
        path: String,
    },
    /// Another realm's tokens would pass for its own.
    #[error("realm `{0}` has its `iss` too, and a key of it: give one of them `signing_keys`")]
    SameTokens(RealmName),
    /// None of the secrets that should hold its keys is there.
    #[error("no signing keys: upload secret {0} (the tool's `key generate` makes it)")]
    NoKeys(String),
    /// A secret does not hold signing keys.
    #[error("secret {secret}: {error}")]
    Keys {
        /// The secret's name.
        secret: String,
        /// What is wrong with it.
        error: KeySetError,
    },
}
