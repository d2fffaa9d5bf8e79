//! Grant types: the values of `grant_type`, and the parameters that their requests may have.

/// The grant types that this service has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 8693 §2.1.
    TokenExchange,
    /// RFC 7523 §2.1.
    JwtBearer,
    /// light-oauth2's own, for trusted clients.
    ClientAuthenticatedUser,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::ClientCredentials,
        Self::RefreshToken,
        Self::TokenExchange,
        Self::JwtBearer,
        Self::ClientAuthenticatedUser,
    ];

    /// Its value of `grant_type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::ClientAuthenticatedUser => "client_authenticated_user",
        }
    }

    /// Whether only clients with credentials may use it: the client credentials grant "MUST only be
    /// used by confidential clients" (RFC 6749 §4.4), and where authentication is optional (RFC 8693
    /// §2.1, RFC 7523 §2.1) it is required here.
    #[must_use]
    pub fn needs_credentials(self) -> bool {
        match self {
            Self::AuthorizationCode | Self::RefreshToken => false,
            Self::ClientCredentials
            | Self::TokenExchange
            | Self::JwtBearer
            | Self::ClientAuthenticatedUser => true,
        }
    }

    /// The grant type of that value.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// Whether a parameter has a meaning of its own at the token endpoint; some are secrets.
#[must_use]
pub fn is_parameter(name: &str) -> bool {
    const PARAMETERS: [&str; 22] = [
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "scope",
        "resource",
        "audience",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "subject_token",
        "subject_token_type",
        "actor_token",
        "actor_token_type",
        "requested_token_type",
        "assertion",
        "userId",
        "userType",
        "username",
        "password",
    ];
    PARAMETERS.contains(&name)
}
