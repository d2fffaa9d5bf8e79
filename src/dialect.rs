//! Dialects: how a realm talks. A dialect is data, one value of one struct; a fifth one needs no
//! change outside its value.
//!
//! `docs/divergences.md` says where a dialect departs from an RFC, as its original does.

use crate::error::ErrorCode;
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
    /// Keycloak's page of a realm, with its public key.
    Realm,
}

impl Endpoint {
    /// All endpoints.
    pub const ALL: [Self; 4] = [Self::Token, Self::Jwks, Self::Discovery, Self::Realm];

    /// Its name in configuration and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Jwks => "jwks",
            Self::Discovery => "discovery",
            Self::Realm => "realm",
        }
    }
}

/// One way to talk.
#[derive(Debug)]
pub struct Dialect {
    /// Its name in configuration.
    pub name: &'static str,
    /// Where each endpoint is. `{realm}` stands for the realm's name.
    pub paths: &'static [(Endpoint, &'static str)],
    /// Where the realm named `default` is in addition.
    pub default_realm_paths: &'static [(Endpoint, &'static str)],
    /// How long access tokens live when neither realm nor client says so.
    pub access_token_ttl: Seconds,
    /// `typ` of access tokens' JOSE header.
    pub access_token_typ: Option<&'static str>,
    /// How long before `iat` the claim `nbf` of access tokens lies, if there is one.
    pub not_before: Option<Seconds>,
    /// The form of `jti`.
    pub jti: JwtIdForm,
    /// The claims of access tokens besides `exp`, `iat` and `nbf`.
    pub claims: &'static [(&'static str, Source)],
    /// Whom tokens are for when neither request, client nor realm says so.
    pub default_audience: DefaultAudience,
    /// The members of a token response.
    pub response: &'static [(&'static str, Source)],
    /// The name of the member that RFC 6749 §5.2 calls `error_description`.
    pub error_description: &'static str,
    /// The statuses that differ from [`ErrorCode::status`].
    pub statuses: &'static [(ErrorCode, u16)],
    /// Whether `id:secret` may stand after `Basic` as it is, without base64.
    pub unencoded_basic: bool,
    /// Whether a request that does not accept JSON is refused.
    pub refuses_other_media_types: bool,
}

/// Where the value of a member comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The realm: its `iss`.
    Issuer,
    /// The realm: `refresh_expires_in`.
    RefreshExpiresIn,
    /// The realm: the moment before which its tokens are void, 0 for none.
    NotBeforePolicy,
    /// The client record, or a user: `subject`.
    Subject,
    /// The client record: its id.
    ClientId,
    /// The client record: its id after `service-account-`.
    ServiceAccount,
    /// The request, within the client record: the audience.
    Audience,
    /// The request, within the client record: the scope, as one text; left out when empty.
    Scope,
    /// The same as a list.
    ScopeList,
    /// The request: the address that it came from.
    ClientAddress,
    /// The token: its random name.
    JwtId,
    /// The token: how many seconds it lives.
    Lifetime,
    /// The token itself, in a response.
    AccessToken,
    /// The session that a realm with sessions begins: a random UUID.
    SessionState,
    /// A text that is always the same.
    Text(&'static str),
    /// A truth that is always the same.
    Boolean(bool),
}

/// How a random name is written.
#[derive(Clone, Copy, Debug)]
pub enum JwtIdForm {
    /// 128 bits in 22 characters of base64url.
    Base64Url,
    /// A random UUID (RFC 9562 §5.4): 122 bits.
    Uuid,
}

/// Whom tokens are for when nothing else says so.
#[derive(Clone, Copy, Debug)]
pub enum DefaultAudience {
    /// The realm's issuer.
    Issuer,
    /// The client that asks.
    Client,
}

impl Dialect {
    /// The dialects that configuration can name, the default first.
    pub const ALL: [&'static Self; 4] = [&RFC9068, &KEYCLOAK, &SCREENING_EAGLE, &LIGHT_OAUTH2];

    /// The status of an error.
    #[must_use]
    pub fn status(&self, code: ErrorCode) -> u16 {
        let own = self.statuses.iter().find(|(known, _)| *known == code);
        own.map_or(code.status(), |(_, status)| *status)
    }
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
    access_token_typ: Some("at+jwt"),
    not_before: None,
    jti: JwtIdForm::Base64Url,
    claims: &[
        ("iss", Source::Issuer),
        ("sub", Source::Subject),
        ("aud", Source::Audience),
        ("jti", Source::JwtId),
        ("client_id", Source::ClientId),
        ("scope", Source::Scope),
    ],
    default_audience: DefaultAudience::Issuer,
    response: &[
        ("access_token", Source::AccessToken),
        ("token_type", Source::Text("Bearer")),
        ("expires_in", Source::Lifetime),
        ("scope", Source::Scope),
    ],
    error_description: "error_description",
    statuses: &[],
    unencoded_basic: false,
    refuses_other_media_types: false,
};

/// Keycloak, with the paths of both its generations.
pub static KEYCLOAK: Dialect = Dialect {
    name: "keycloak",
    paths: &[
        (
            Endpoint::Token,
            "/realms/{realm}/protocol/openid-connect/token",
        ),
        (
            Endpoint::Token,
            "/auth/realms/{realm}/protocol/openid-connect/token",
        ),
        (
            Endpoint::Jwks,
            "/realms/{realm}/protocol/openid-connect/certs",
        ),
        (
            Endpoint::Jwks,
            "/auth/realms/{realm}/protocol/openid-connect/certs",
        ),
        (
            Endpoint::Discovery,
            "/realms/{realm}/.well-known/openid-configuration",
        ),
        (
            Endpoint::Discovery,
            "/auth/realms/{realm}/.well-known/openid-configuration",
        ),
        (
            Endpoint::Discovery,
            "/.well-known/oauth-authorization-server/realms/{realm}",
        ),
        (
            Endpoint::Discovery,
            "/.well-known/oauth-authorization-server/auth/realms/{realm}",
        ),
        (Endpoint::Realm, "/realms/{realm}"),
        (Endpoint::Realm, "/auth/realms/{realm}"),
    ],
    default_realm_paths: &[],
    access_token_ttl: Seconds(300),
    access_token_typ: Some("JWT"),
    not_before: None,
    jti: JwtIdForm::Uuid,
    claims: &[
        ("jti", Source::JwtId),
        ("iss", Source::Issuer),
        ("aud", Source::Audience),
        ("sub", Source::Subject),
        ("typ", Source::Text("Bearer")),
        ("azp", Source::ClientId),
        ("session_state", Source::SessionState),
        ("acr", Source::Text("1")),
        ("scope", Source::Scope),
        ("email_verified", Source::Boolean(false)),
        ("clientHost", Source::ClientAddress),
        ("clientId", Source::ClientId),
        ("preferred_username", Source::ServiceAccount),
        ("clientAddress", Source::ClientAddress),
        ("client_id", Source::ClientId),
    ],
    default_audience: DefaultAudience::Client,
    response: &[
        ("access_token", Source::AccessToken),
        ("expires_in", Source::Lifetime),
        ("refresh_expires_in", Source::RefreshExpiresIn),
        ("token_type", Source::Text("Bearer")),
        ("not-before-policy", Source::NotBeforePolicy),
        ("session_state", Source::SessionState),
        ("scope", Source::Scope),
    ],
    error_description: "error_description",
    statuses: &[
        (ErrorCode::UnauthorizedClient, 403),
        (ErrorCode::UnsupportedMediaType, 415),
    ],
    unencoded_basic: false,
    refuses_other_media_types: true,
};

/// Screening Eagle ID, a home-made identity API.
pub static SCREENING_EAGLE: Dialect = Dialect {
    name: "screening-eagle",
    paths: &[
        (Endpoint::Token, "/api/id/v1/auth/token"),
        (Endpoint::Jwks, "/realms/{realm}/jwks"),
        (
            Endpoint::Discovery,
            "/realms/{realm}/.well-known/openid-configuration",
        ),
        (
            Endpoint::Discovery,
            "/.well-known/oauth-authorization-server/realms/{realm}",
        ),
    ],
    default_realm_paths: &[],
    access_token_ttl: Seconds(604_800),
    access_token_typ: Some("JWT"),
    not_before: None,
    jti: JwtIdForm::Uuid,
    claims: &[
        ("aud", Source::Audience),
        ("jti", Source::JwtId),
        ("iss", Source::Issuer),
        ("sub", Source::Subject),
        ("scp", Source::Scope),
    ],
    default_audience: DefaultAudience::Client,
    response: &[
        ("scope", Source::Scope),
        ("token_type", Source::Text("Bearer")),
        ("access_token", Source::AccessToken),
        ("expires_in", Source::Lifetime),
    ],
    error_description: "errorDescription",
    statuses: &[(ErrorCode::UnauthorizedClient, 403)],
    unencoded_basic: false,
    refuses_other_media_types: false,
};

/// light-oauth2 by networknt.
pub static LIGHT_OAUTH2: Dialect = Dialect {
    name: "light-oauth2",
    paths: &[
        (Endpoint::Token, "/oauth2/token"),
        (Endpoint::Jwks, "/realms/{realm}/jwks"),
        (
            Endpoint::Discovery,
            "/realms/{realm}/.well-known/openid-configuration",
        ),
        (
            Endpoint::Discovery,
            "/.well-known/oauth-authorization-server/realms/{realm}",
        ),
    ],
    default_realm_paths: &[],
    access_token_ttl: Seconds(600),
    access_token_typ: None,
    not_before: Some(Seconds(120)),
    jti: JwtIdForm::Base64Url,
    claims: &[
        ("iss", Source::Issuer),
        ("aud", Source::Audience),
        ("jti", Source::JwtId),
        ("version", Source::Text("1.0")),
        ("client_id", Source::ClientId),
        ("scope", Source::ScopeList),
    ],
    default_audience: DefaultAudience::Issuer,
    response: &[
        ("access_token", Source::AccessToken),
        ("token_type", Source::Text("bearer")),
        ("expires_in", Source::Lifetime),
    ],
    error_description: "error_description",
    statuses: &[],
    unencoded_basic: true,
    refuses_other_media_types: false,
};
