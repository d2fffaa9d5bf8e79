//! Dialects: how a realm talks. A dialect is data, one value of one struct; a fifth one needs no
//! change outside its value.
//!
//! `docs/divergences.md` says where a dialect departs from an RFC, as its original does.

mod endpoint;

pub use self::endpoint::Endpoint;
use crate::auth_method::AuthMethod;
use crate::error_code::ErrorCode;
use crate::time::Seconds;

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
    /// The claims of access tokens besides `exp`, `iat` and `nbf`. One must be the client's id: a
    /// token of nobody is not taken.
    pub claims: &'static [(&'static str, Source)],
    /// Whom tokens are for when neither request, client nor realm says so.
    pub default_audience: DefaultAudience,
    /// The claims of ID tokens besides `exp`, `iat` and the person's own.
    pub id_token_claims: &'static [(&'static str, Source)],
    /// The claims about people that the scope `profile` releases besides those of OpenID Connect Core §5.4.
    pub profile_claims: &'static [&'static str],
    /// How long authorization codes live.
    pub code_ttl: Seconds,
    /// Whether a code can be redeemed without the redirect URI that its request named.
    pub redirect_uri_optional: bool,
    /// Whether a client's `default_scope` is added to what it asks for.
    pub adds_default_scope: bool,
    /// Whether the client credentials grant gives a refresh token with the scope `offline_access`.
    pub refreshes_client_credentials: bool,
    /// Whether it has the grant `client_authenticated_user`.
    pub has_client_authenticated_user: bool,
    /// The members of a token response.
    pub response: &'static [(&'static str, Source)],
    /// The name of the member that RFC 6749 §5.2 calls `error_description`.
    pub error_description: &'static str,
    /// The statuses that differ from [`ErrorCode::status`].
    pub statuses: &'static [(ErrorCode, u16)],
    /// How clients authenticate that the tool registers without being told.
    pub auth_method: AuthMethod,
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
    /// The refresh token: how many seconds it lives unused, 0 with `offline_access`; without a
    /// refresh token, the realm's `refresh_expires_in`.
    RefreshExpiresIn,
    /// The realm: the moment before which its tokens are void, 0 for none.
    NotBeforePolicy,
    /// The person, else the client record: `subject`.
    Subject,
    /// The person: the same.
    Person,
    /// The person: the claim of that name, if it needs no scope or the token has it.
    PersonClaim(&'static str),
    /// The person: when they signed in.
    AuthTime,
    /// The person: how they signed in.
    Acr,
    /// The family that the token belongs to, if any.
    Sid,
    /// Who acts for the subject, and for whom they act in turn (RFC 8693 §4.1).
    Actor,
    /// The authorization request: `nonce`.
    Nonce,
    /// The client record: its id.
    ClientId,
    /// The client record, when it asks for itself: its id.
    ServiceClientId,
    /// The same: its id after `service-account-`.
    ServiceAccount,
    /// The same: the address that it asks from.
    ServiceAddress,
    /// The same: a truth that is always the same.
    ServiceBoolean(bool),
    /// The request, within the client record: the audience.
    Audience,
    /// The request, within the client record: the scope, as one text; left out when empty.
    Scope,
    /// The same as a list.
    ScopeList,
    /// The token: its random name.
    JwtId,
    /// The token: how many seconds it lives.
    Lifetime,
    /// The token itself.
    AccessToken,
    /// What it is, if it was exchanged for another (RFC 8693 §2.2.1).
    IssuedTokenType,
    /// The half of its hash (OpenID Connect Core §3.1.3.6).
    AccessTokenHash,
    /// The ID token, if there is one.
    IdToken,
    /// The refresh token, if there is one.
    RefreshToken,
    /// The family, if there is one; else a random UUID in realms that want one.
    SessionState,
    /// Who alone can use the token (RFC 7800 §3.1), if not whoever has it.
    Confirmation,
    /// The type of tokens for whoever has them; `DPoP` for those of a key (RFC 9449 §5).
    TokenType(&'static str),
    /// A text that is always the same.
    Text(&'static str),
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

    /// Whether a token response tells the realm's not-before moment.
    #[must_use]
    pub fn tells_not_before(&self) -> bool {
        let mut members = self.response.iter();
        members.any(|(_, source)| matches!(source, Source::NotBeforePolicy))
    }

    /// The status of an error.
    #[must_use]
    pub fn status(&self, code: ErrorCode) -> u16 {
        let own = self.statuses.iter().find(|(known, _)| *known == code);
        own.map_or(code.status(), |(_, status)| *status)
    }
}

/// The claims of an ID token (OpenID Connect Core §2), with the session of OpenID Connect
/// Front-Channel Logout §3.
const ID_TOKEN_CLAIMS: &[(&str, Source)] = &[
    ("iss", Source::Issuer),
    ("sub", Source::Subject),
    ("aud", Source::ClientId),
    ("azp", Source::ClientId),
    ("nonce", Source::Nonce),
    ("auth_time", Source::AuthTime),
    ("acr", Source::Acr),
    ("at_hash", Source::AccessTokenHash),
    ("sid", Source::Sid),
];

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
        (Endpoint::Authorization, "/realms/{realm}/authorize"),
        (Endpoint::PushedAuthorization, "/realms/{realm}/par"),
        (Endpoint::Userinfo, "/realms/{realm}/userinfo"),
        (Endpoint::EndSession, "/realms/{realm}/logout"),
        (Endpoint::Introspection, "/realms/{realm}/introspect"),
        (Endpoint::Revocation, "/realms/{realm}/revoke"),
        (Endpoint::Registration, "/realms/{realm}/register"),
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
        ("auth_time", Source::AuthTime),
        ("acr", Source::Acr),
        ("sid", Source::Sid),
        ("act", Source::Actor),
        ("cnf", Source::Confirmation),
    ],
    default_audience: DefaultAudience::Issuer,
    id_token_claims: ID_TOKEN_CLAIMS,
    profile_claims: &[],
    code_ttl: Seconds(60),
    redirect_uri_optional: false,
    adds_default_scope: false,
    refreshes_client_credentials: false,
    has_client_authenticated_user: false,
    response: &[
        ("access_token", Source::AccessToken),
        ("issued_token_type", Source::IssuedTokenType),
        ("token_type", Source::TokenType("Bearer")),
        ("expires_in", Source::Lifetime),
        ("scope", Source::Scope),
        ("refresh_token", Source::RefreshToken),
        ("id_token", Source::IdToken),
    ],
    error_description: "error_description",
    statuses: &[],
    auth_method: AuthMethod::ClientSecretBasic,
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
        (
            Endpoint::Authorization,
            "/realms/{realm}/protocol/openid-connect/auth",
        ),
        (
            Endpoint::Authorization,
            "/auth/realms/{realm}/protocol/openid-connect/auth",
        ),
        (
            Endpoint::PushedAuthorization,
            "/realms/{realm}/protocol/openid-connect/ext/par/request",
        ),
        (
            Endpoint::PushedAuthorization,
            "/auth/realms/{realm}/protocol/openid-connect/ext/par/request",
        ),
        (
            Endpoint::Userinfo,
            "/realms/{realm}/protocol/openid-connect/userinfo",
        ),
        (
            Endpoint::Userinfo,
            "/auth/realms/{realm}/protocol/openid-connect/userinfo",
        ),
        (
            Endpoint::EndSession,
            "/realms/{realm}/protocol/openid-connect/logout",
        ),
        (
            Endpoint::EndSession,
            "/auth/realms/{realm}/protocol/openid-connect/logout",
        ),
        (
            Endpoint::Introspection,
            "/realms/{realm}/protocol/openid-connect/token/introspect",
        ),
        (
            Endpoint::Introspection,
            "/auth/realms/{realm}/protocol/openid-connect/token/introspect",
        ),
        (
            Endpoint::Revocation,
            "/realms/{realm}/protocol/openid-connect/revoke",
        ),
        (
            Endpoint::Revocation,
            "/auth/realms/{realm}/protocol/openid-connect/revoke",
        ),
        (
            Endpoint::Registration,
            "/realms/{realm}/clients-registrations/openid-connect",
        ),
        (
            Endpoint::Registration,
            "/auth/realms/{realm}/clients-registrations/openid-connect",
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
        ("sid", Source::Sid),
        ("auth_time", Source::AuthTime),
        ("acr", Source::Acr),
        ("acr", Source::Text("1")),
        ("scope", Source::Scope),
        ("email_verified", Source::PersonClaim("email_verified")),
        ("email_verified", Source::ServiceBoolean(false)),
        ("clientHost", Source::ServiceAddress),
        ("clientId", Source::ServiceClientId),
        ("name", Source::PersonClaim("name")),
        ("preferred_username", Source::ServiceAccount),
        (
            "preferred_username",
            Source::PersonClaim("preferred_username"),
        ),
        ("given_name", Source::PersonClaim("given_name")),
        ("family_name", Source::PersonClaim("family_name")),
        ("email", Source::PersonClaim("email")),
        ("clientAddress", Source::ServiceAddress),
        ("client_id", Source::ServiceClientId),
        ("act", Source::Actor),
        ("cnf", Source::Confirmation),
    ],
    default_audience: DefaultAudience::Client,
    id_token_claims: &[
        ("iss", Source::Issuer),
        ("sub", Source::Subject),
        ("aud", Source::ClientId),
        ("typ", Source::Text("ID")),
        ("azp", Source::ClientId),
        ("nonce", Source::Nonce),
        ("auth_time", Source::AuthTime),
        ("session_state", Source::SessionState),
        ("sid", Source::Sid),
        ("at_hash", Source::AccessTokenHash),
        ("acr", Source::Acr),
        ("acr", Source::Text("1")),
    ],
    profile_claims: &[],
    code_ttl: Seconds(60),
    redirect_uri_optional: false,
    adds_default_scope: true,
    refreshes_client_credentials: true,
    has_client_authenticated_user: false,
    response: &[
        ("access_token", Source::AccessToken),
        ("issued_token_type", Source::IssuedTokenType),
        ("expires_in", Source::Lifetime),
        ("refresh_expires_in", Source::RefreshExpiresIn),
        ("refresh_token", Source::RefreshToken),
        ("token_type", Source::TokenType("Bearer")),
        ("id_token", Source::IdToken),
        ("not-before-policy", Source::NotBeforePolicy),
        ("session_state", Source::SessionState),
        ("scope", Source::Scope),
    ],
    error_description: "error_description",
    statuses: &[
        (ErrorCode::UnauthorizedClient, 403),
        (ErrorCode::UnsupportedMediaType, 415),
    ],
    auth_method: AuthMethod::ClientSecret,
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
        (Endpoint::Authorization, "/realms/{realm}/authorize"),
        (Endpoint::PushedAuthorization, "/realms/{realm}/par"),
        (Endpoint::Userinfo, "/realms/{realm}/userinfo"),
        (Endpoint::EndSession, "/realms/{realm}/logout"),
        (Endpoint::Introspection, "/realms/{realm}/introspect"),
        (Endpoint::Revocation, "/realms/{realm}/revoke"),
        (Endpoint::Registration, "/realms/{realm}/register"),
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
        ("scopes", Source::PersonClaim("scopes")),
        ("userID", Source::PersonClaim("userID")),
        ("userRegion", Source::PersonClaim("userRegion")),
        ("client_id", Source::ClientId),
        ("sid", Source::Sid),
        ("act", Source::Actor),
        ("cnf", Source::Confirmation),
    ],
    default_audience: DefaultAudience::Client,
    id_token_claims: ID_TOKEN_CLAIMS,
    profile_claims: &["first_name", "last_name", "country_code"],
    code_ttl: Seconds(60),
    redirect_uri_optional: false,
    adds_default_scope: false,
    refreshes_client_credentials: false,
    has_client_authenticated_user: false,
    response: &[
        ("scope", Source::Scope),
        ("token_type", Source::TokenType("Bearer")),
        ("access_token", Source::AccessToken),
        ("issued_token_type", Source::IssuedTokenType),
        ("expires_in", Source::Lifetime),
        ("id_token", Source::IdToken),
        ("refresh_token", Source::RefreshToken),
    ],
    error_description: "errorDescription",
    statuses: &[(ErrorCode::UnauthorizedClient, 403)],
    auth_method: AuthMethod::ClientSecretBasic,
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
        (Endpoint::Authorization, "/oauth2/code"),
        (Endpoint::PushedAuthorization, "/realms/{realm}/par"),
        (Endpoint::Userinfo, "/realms/{realm}/userinfo"),
        (Endpoint::EndSession, "/realms/{realm}/logout"),
        (Endpoint::Introspection, "/realms/{realm}/introspect"),
        (Endpoint::Revocation, "/realms/{realm}/revoke"),
        (Endpoint::Registration, "/realms/{realm}/register"),
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
        ("user_id", Source::Person),
        ("user_type", Source::PersonClaim("user_type")),
        ("roles", Source::PersonClaim("roles")),
        ("client_id", Source::ClientId),
        ("scope", Source::ScopeList),
        ("sid", Source::Sid),
        ("act", Source::Actor),
        ("cnf", Source::Confirmation),
    ],
    default_audience: DefaultAudience::Issuer,
    id_token_claims: ID_TOKEN_CLAIMS,
    profile_claims: &[],
    code_ttl: Seconds(600),
    redirect_uri_optional: true,
    adds_default_scope: false,
    refreshes_client_credentials: false,
    has_client_authenticated_user: true,
    response: &[
        ("access_token", Source::AccessToken),
        ("issued_token_type", Source::IssuedTokenType),
        ("token_type", Source::TokenType("bearer")),
        ("expires_in", Source::Lifetime),
        ("refresh_token", Source::RefreshToken),
        ("id_token", Source::IdToken),
    ],
    error_description: "error_description",
    statuses: &[],
    auth_method: AuthMethod::ClientSecretBasic,
    unencoded_basic: true,
    refuses_other_media_types: false,
};
