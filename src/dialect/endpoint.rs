//! The endpoints of a realm, whatever paths its dialect has for them.

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
    /// The authorization endpoint (RFC 6749 §3.1).
    Authorization,
    /// Pushed authorization requests (RFC 9126 §2).
    PushedAuthorization,
    /// Userinfo (OpenID Connect Core §5.3).
    Userinfo,
    /// End session (OpenID Connect RP-Initiated Logout §2).
    EndSession,
    /// Token introspection (RFC 7662 §2).
    Introspection,
    /// Token revocation (RFC 7009 §2).
    Revocation,
    /// Client registration (RFC 7591 §3).
    Registration,
    /// At the path of end session: a client ends what its refresh token is of, without a browser.
    EndSessionByClient,
    /// Under the authorization endpoint: the login application reads a ticket.
    Ticket,
    /// The same: it accepts one.
    Accept,
    /// The same: it rejects one.
    Reject,
    /// The same: the browser comes back with one.
    Resume,
    /// Under the end session endpoint: the login application reads who signs out.
    SignOutTicket,
    /// The same: the browser comes back, and the person sees that they are signed out.
    SignedOut,
}

impl Endpoint {
    /// All endpoints that have paths of their own.
    pub const ALL: [Self; 11] = [
        Self::Token,
        Self::Jwks,
        Self::Discovery,
        Self::Realm,
        Self::Authorization,
        Self::PushedAuthorization,
        Self::Userinfo,
        Self::EndSession,
        Self::Introspection,
        Self::Revocation,
        Self::Registration,
    ];

    /// The endpoints under each authorization endpoint.
    pub const LOGIN: [(Self, &'static str); 4] = [
        (Self::Ticket, "/ticket"),
        (Self::Accept, "/accept"),
        (Self::Reject, "/reject"),
        (Self::Resume, "/resume"),
    ];

    /// The endpoints under each end session endpoint, in realms with a `logout_url`.
    pub const SIGN_OUT: [(Self, &'static str); 2] =
        [(Self::SignOutTicket, "/ticket"), (Self::SignedOut, "/done")];

    /// Its name in configuration and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Jwks => "jwks",
            Self::Discovery => "discovery",
            Self::Realm => "realm",
            Self::Authorization => "authorization",
            Self::PushedAuthorization => "pushed_authorization",
            Self::Userinfo => "userinfo",
            Self::EndSession | Self::EndSessionByClient => "end_session",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
            Self::Registration => "registration",
            Self::Ticket => "ticket",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Resume => "resume",
            Self::SignOutTicket => "sign_out_ticket",
            Self::SignedOut => "signed_out",
        }
    }

    /// Whether it exists in realms with people alone.
    #[must_use]
    pub fn is_for_people(self) -> bool {
        !matches!(
            self,
            Self::Token
                | Self::Jwks
                | Self::Discovery
                | Self::Realm
                | Self::Introspection
                | Self::Revocation
                | Self::Registration
        )
    }

    /// Its methods, in the form of `Allow` (RFC 9110 §10.2.1).
    #[must_use]
    pub fn methods(self) -> &'static str {
        match self {
            Self::Jwks | Self::Discovery | Self::Realm => "GET, HEAD",
            Self::Authorization | Self::Userinfo | Self::EndSession => "GET, POST",
            Self::Resume | Self::SignedOut => "GET",
            Self::Token
            | Self::PushedAuthorization
            | Self::Introspection
            | Self::Revocation
            | Self::Registration
            | Self::EndSessionByClient
            | Self::Ticket
            | Self::Accept
            | Self::Reject
            | Self::SignOutTicket => "POST",
        }
    }

    /// Its methods where it answers preflight requests too.
    #[must_use]
    pub fn methods_with_options(self) -> &'static str {
        match self.methods() {
            "GET, HEAD" => "GET, HEAD, OPTIONS",
            "GET, POST" => "GET, POST, OPTIONS",
            "GET" => "GET, OPTIONS",
            _ => "POST, OPTIONS",
        }
    }

    /// Whether it has a method.
    #[must_use]
    pub fn has(self, method: &str) -> bool {
        self.methods().split(", ").any(|own| own == method)
    }

    /// Whether it says DPoP nonces to callers with a proof (RFC 9449 §8, §9).
    #[must_use]
    pub fn takes_proofs(self) -> bool {
        matches!(
            self,
            Self::Token | Self::PushedAuthorization | Self::Userinfo | Self::Registration
        )
    }

    /// Whether a person sees what it answers, so that errors are a page.
    #[must_use]
    pub fn is_for_browsers(self) -> bool {
        matches!(
            self,
            Self::Authorization | Self::Resume | Self::EndSession | Self::SignedOut
        )
    }

    /// Whether scripts of the realm's `allowed_origins` may call it; those of every origin may read
    /// documents.
    #[must_use]
    pub fn is_for_scripts(self) -> bool {
        matches!(
            self,
            Self::Token
                | Self::PushedAuthorization
                | Self::Userinfo
                | Self::Introspection
                | Self::Revocation
                | Self::Registration
        )
    }

    /// Whether it serves a document, of which the log says nothing.
    #[must_use]
    pub fn is_document(self) -> bool {
        matches!(self, Self::Jwks | Self::Discovery | Self::Realm)
    }
}
