//! Dialects: how a realm talks. A dialect is data, never code spread over the grants.

use crate::time::Seconds;

/// What an endpoint is for, in the words of RFC 8414 §2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// The token endpoint (RFC 6749 §3.2).
    Token,
    /// The JWK Set (RFC 7517 §5).
    Jwks,
    /// The metadata (RFC 8414 §3).
    Discovery,
}

/// One way to talk.
#[derive(Debug)]
pub struct Dialect {
    /// Its name in configuration.
    pub name: &'static str,
    /// Where each endpoint is, the first path of each being the one that metadata names.
    /// `{realm}` stands for the realm's name.
    pub paths: &'static [(Endpoint, &'static str)],
    /// Where the realm named `default` is in addition.
    pub default_realm_paths: &'static [(Endpoint, &'static str)],
    /// How long access tokens live when neither realm nor client says so.
    pub access_token_ttl: Seconds,
    /// `typ` of access tokens' JOSE header.
    pub access_token_typ: &'static str,
}

impl Dialect {
    /// All dialects, the default first.
    pub const ALL: [&'static Self; 1] = [&RFC9068];
}

/// RFC 6749 with the access tokens of RFC 9068.
pub static RFC9068: Dialect = Dialect {
    name: "rfc9068",
    paths: &[
        (Endpoint::Token, "/realms/{realm}/token"),
        (Endpoint::Jwks, "/realms/{realm}/jwks"),
        (
            Endpoint::Discovery,
            "/realms/{realm}/.well-known/openid-configuration",
        ),
        (
            Endpoint::Discovery,
            "/.well-known/oauth-authorization-server/realms/{realm}",
        ),
        (
            Endpoint::Discovery,
            "/.well-known/openid-configuration/realms/{realm}",
        ),
    ],
    default_realm_paths: &[
        (Endpoint::Token, "/token"),
        (Endpoint::Jwks, "/.well-known/jwks.json"),
        (Endpoint::Discovery, "/.well-known/openid-configuration"),
        (
            Endpoint::Discovery,
            "/.well-known/oauth-authorization-server",
        ),
    ],
    access_token_ttl: Seconds(300),
    access_token_typ: "at+jwt",
};
