//! What goes wrong: [`Rejection`] is the caller's doing, [`Fault`] is ours.
//!
//! A rejection says precisely why, for the log; the caller is told no more than its [`ErrorCode`]
//! and a fixed text. `Rejection::told` and `ErrorCode::wire` are the only two tables between a reason
//! and an HTTP status.

use std::borrow::Cow;

use crate::client::registration::MetadataError;
use crate::dpop::ProofError;
use crate::error_code::ErrorCode;
use crate::family::Refusal;
use crate::form::FormError;
use crate::jose::SignError;
use crate::proof::assertion::AssertionError;
use crate::realm::{NoSigningKey, RealmError};
use crate::store::StoreError;
use crate::time::UnixTime;

/// Why a request ends without what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request was refused.
    #[error(transparent)]
    Rejection(#[from] Rejection),
    /// The request could not be served.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Failure {
    /// Whether a newer record of a client could decide otherwise. Before such an answer no cached
    /// record counts: it is read anew.
    #[must_use]
    pub fn depends_on_record(&self) -> bool {
        match self {
            Self::Rejection(rejection) => rejection.depends_on_record(),
            // The record may say how long tokens live, and the key how long it signs.
            Self::Fault(fault) => matches!(fault, Fault::NoSigningKey(_)),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Rejection(refusal.into())
    }
}

impl From<NoSigningKey> for Failure {
    fn from(error: NoSigningKey) -> Self {
        Self::Fault(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// A reason to refuse a request, from the outermost layer inwards.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// No endpoint is at this path.
    #[error("no endpoint at this path")]
    UnknownPath,
    /// What is secret would be read on its way.
    #[error("by plain http")]
    PlainHttp,
    /// The endpoint has other methods.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// What it has, as the `Allow` header says it (RFC 9110 §10.2.1).
        allow: &'static str,
    },
    /// More header fields than anybody needs, or a larger one.
    #[error("header too large")]
    HeaderTooLarge,
    /// A client asks for a code without PKCE, which it must use (RFC 9700 §2.1.1).
    #[error("The client must send a code_challenge.")]
    ChallengeMissing,
    /// The client must push its authorization requests (RFC 9126 §5, §6).
    #[error("The client must push its authorization requests.")]
    PushRequired,
    /// The client's tokens are bound to a certificate, and it showed none (RFC 8705 §3).
    #[error("The client's tokens are bound to its certificate, and no good one was shown.")]
    BoundCertificateMissing,
    /// The client asks for too much.
    #[error("over the client's rate limit")]
    RateLimited,
    /// Too many authentications, or guesses without any, failed that came from the same address.
    #[error("over the address's limit of failed authentications")]
    TooManyFailures,
    /// Too many requests of one address, without any authentication, are about one family.
    #[error("over the address's limit of requests about one sign-in")]
    TooManyTries,
    /// The body does not come to its end.
    #[error("body cut off")]
    UnreadableBody,
    /// The body takes longer than any sender needs.
    #[error("body too slow")]
    BodyTimeout,
    /// The body is encoded.
    #[error("content encoding")]
    ContentEncoding,
    /// The body is of another media type.
    #[error("content type is not {media_type}")]
    ContentType {
        /// What it must be.
        media_type: &'static str,
    },
    /// The caller does not accept JSON, and the realm's dialect minds.
    #[error("JSON not accepted")]
    NotAcceptable,
    /// The body has more than 16 KiB.
    #[error("body too large")]
    BodyTooLarge,
    /// The body is not the form it says it is.
    #[error("malformed form: {0}")]
    MalformedForm(FormError),
    /// RFC 6749 §5.2: "is missing a required parameter, includes an unsupported parameter value".
    /// The text is for the log and the caller alike.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// A member of a JSON body is missing or not what it must be.
    #[error("member `{member}` must be {expected}")]
    InvalidMember {
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// RFC 6749 §5.2: "utilizes more than one mechanism for authenticating the client".
    #[error("more than one client authentication")]
    SeveralAuthentications,
    /// The `client_id` of the body is not the one that authenticates.
    #[error("two different client ids")]
    ClientIdMismatch,
    /// A grant type that this service does not have.
    #[error("unknown grant type")]
    UnknownGrantType,
    /// Nothing says who asks.
    #[error("no client authentication")]
    NoCredentials,
    /// An `Authorization` header that is not RFC 7617's.
    #[error("malformed basic credentials")]
    MalformedBasic,
    /// No client has this id.
    #[error("unknown client")]
    UnknownClient,
    /// The client was disabled by its operator.
    #[error("client disabled")]
    ClientDisabled,
    /// The client authenticates by another method than the one registered for it.
    #[error("not the registered authentication method")]
    AuthMethodNotRegistered,
    /// None of the client's secrets.
    #[error("wrong secret")]
    SecretMismatch,
    /// The right secret, too early.
    #[error("secret not valid before {not_before}, now {now}")]
    SecretNotYetValid {
        /// When it begins.
        not_before: UnixTime,
        /// When it was presented.
        now: UnixTime,
    },
    /// The right secret, too late.
    #[error("secret expired at {expires_at}, now {now}")]
    SecretExpired {
        /// When it ended.
        expires_at: UnixTime,
        /// When it was presented.
        now: UnixTime,
    },
    /// An assertion that does not authenticate the client.
    #[error("assertion: {0}")]
    Assertion(#[from] AssertionError),
    /// The client's certificate is missing, or nobody vouches for it.
    #[error("no verified client certificate")]
    NoCertificate,
    /// The certificate has another subject than is registered.
    #[error("not the registered subject of the certificate")]
    CertificateSubject,
    /// A DPoP proof that is none.
    #[error("DPoP proof: {0}")]
    Proof(#[from] ProofError),
    /// The same at an endpoint that an access token opens.
    #[error("DPoP proof: {0}")]
    ResourceProof(ProofError),
    /// The client may not use this grant.
    #[error("grant not registered for the client")]
    GrantNotRegistered,
    /// The grant is for clients that the operator trusts.
    #[error("client not trusted")]
    NotTrusted,
    /// An assertion that grants nothing.
    #[error("assertion: {0}")]
    GrantAssertion(AssertionError),
    /// A token that is not exchanged.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// An operator ended all that began when this family did.
    #[error("its family began before a not-before moment")]
    NotBefore,
    /// A token that cannot be revoked (RFC 7009 §2.2.1).
    #[error("not a token that can be revoked")]
    UnsupportedTokenType,
    /// Not a scope as RFC 6749 §3.3 spells one.
    #[error("malformed scope")]
    MalformedScope,
    /// More than the client may have.
    #[error("scope exceeds the client's")]
    ExcessScope,
    /// A `resource` or `audience` that the client's tokens may not be for.
    #[error("unknown target")]
    UnknownTarget,
    /// The client that a browser's request names cannot use the authorization endpoint.
    #[error("authorization endpoint: {0}")]
    NoAuthorizationClient(#[from] NoAuthorizationClient),
    /// The client may not use the authorization code grant (RFC 6749 §4.1.2.1).
    #[error("authorization code grant not registered for the client")]
    CodesNotRegistered,
    /// The client has several redirect URIs, and none was named.
    #[error("The redirect_uri is missing, and the client has several.")]
    RedirectUriAmbiguous,
    /// The client has no such redirect URI.
    #[error("not a redirect URI of the client")]
    RedirectUriNotRegistered,
    /// The client has no such URI to go to after signing out.
    #[error("not a post-logout redirect URI of the client")]
    PostLogoutRedirectUriNotRegistered,
    /// A `response_type` other than `code`.
    #[error("unsupported response type")]
    UnsupportedResponseType,
    /// A request object (OpenID Connect Core §6.1).
    #[error("request objects are not supported")]
    RequestNotSupported,
    /// A request URI that is none of ours (OpenID Connect Core §6.2).
    #[error("request URIs are supported for pushed requests only")]
    RequestUriNotSupported,
    /// The client is not one of the realm's login applications.
    #[error("not a login client of the realm")]
    NotALoginClient,
    /// The family decided against it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The URI of a pushed request is not good for the client, or not any more (RFC 9101 §7).
    #[error("{0}")]
    RequestUri(Refusal),
    /// A browser does not come back as the one that began, or not in time.
    #[error("{0}")]
    Resume(Refusal),
    /// No access token came along.
    #[error("no bearer token")]
    NoBearerToken,
    /// What came along is no access token of this realm, or no longer.
    #[error("invalid access token: {0}")]
    InvalidAccessToken(&'static str),
    /// A good access token that, by the record of a client, is not for the caller or holds no more.
    #[error("invalid access token: {0}")]
    VoidByRecord(&'static str),
    /// An access token without the scope that the endpoint needs.
    #[error("the access token lacks the scope {0}")]
    InsufficientScope(&'static str),
    /// RFC 7591 §3.2.2: "a client metadata field is invalid".
    #[error("client metadata: member `{member}` must be {expected}")]
    InvalidClientMetadata {
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// RFC 7591 §3.2.2: "the value of one or more redirection URIs is invalid".
    #[error("client metadata: a redirect URI is none")]
    InvalidRedirectUri,
}

impl From<MetadataError> for Rejection {
    fn from(error: MetadataError) -> Self {
        match error {
            MetadataError::RedirectUri => Self::InvalidRedirectUri,
            MetadataError::Member { member, expected } => {
                Self::InvalidClientMetadata { member, expected }
            }
        }
    }
}

impl Rejection {
    /// The error code for it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.told().0
    }

    /// The fixed text for the caller's developer. One text for all failed authentications.
    #[must_use]
    pub fn description(&self) -> Cow<'static, str> {
        self.told().1
    }

    /// What the caller is told: the error code, and the text.
    fn told(&self) -> (ErrorCode, Cow<'static, str>) {
        use ErrorCode as Code;
        let (code, text) = match self {
            Self::UnknownPath => (Code::NotFound, "No endpoint is at this path."),
            Self::PlainHttp => (Code::InsecureTransport, "The request must come by https."),
            Self::MethodNotAllowed { .. } => (
                Code::MethodNotAllowed,
                "The endpoint does not have this method.",
            ),
            Self::HeaderTooLarge => (
                Code::HeaderTooLarge,
                "The header has too many fields, or one larger than 16 KiB.",
            ),
            Self::RateLimited | Self::TooManyFailures | Self::TooManyTries => {
                (Code::TooManyRequests, "Too many requests; try again later.")
            }
            // The body, and what it says of itself.
            Self::NotAcceptable => (Code::NotAcceptable, "The answer is application/json."),
            Self::UnreadableBody => (Code::InvalidRequest, "The body was cut off."),
            Self::BodyTimeout => (
                Code::RequestTimeout,
                "The body did not arrive within 10 seconds.",
            ),
            Self::BodyTooLarge => (Code::ContentTooLarge, "The body is larger than 16 KiB."),
            Self::ContentEncoding => (Code::UnsupportedMediaType, "The body must not be encoded."),
            Self::ContentType { media_type } => {
                let text = format!("The body must be {media_type}.");
                return (Code::UnsupportedMediaType, text.into());
            }
            Self::MalformedForm(FormError::Encoding) => (
                Code::InvalidRequest,
                "A parameter is not percent-encoded UTF-8.",
            ),
            Self::MalformedForm(FormError::Repeated) => {
                (Code::InvalidRequest, "A parameter stands more than once.")
            }
            Self::MalformedForm(FormError::TooMany) => {
                (Code::InvalidRequest, "The request has too many parameters.")
            }
            Self::InvalidRequest(text) => (Code::InvalidRequest, *text),
            Self::InvalidMember { member, expected } => {
                return (Code::InvalidRequest, member_description(member, expected));
            }
            // Which client it is.
            Self::SeveralAuthentications => (
                Code::InvalidRequest,
                "The client must authenticate in one way only.",
            ),
            Self::ClientIdMismatch => (
                Code::InvalidRequest,
                "The parameter client_id is not the client that asks.",
            ),
            Self::NoCredentials
            | Self::MalformedBasic
            | Self::UnknownClient
            | Self::ClientDisabled
            | Self::AuthMethodNotRegistered
            | Self::SecretMismatch
            | Self::SecretNotYetValid { .. }
            | Self::SecretExpired { .. }
            | Self::Assertion(_)
            | Self::NoCertificate
            | Self::CertificateSubject => (Code::InvalidClient, "Client authentication failed."),
            Self::Proof(error) => (
                match error {
                    ProofError::Nonce => Code::UseDpopNonce,
                    _ => Code::InvalidDpopProof,
                },
                proof_description(*error),
            ),
            Self::ResourceProof(error) => (
                match error {
                    ProofError::Nonce => Code::ResourceNonce,
                    _ => Code::ResourceProof,
                },
                proof_description(*error),
            ),
            Self::BoundCertificateMissing => (
                Code::InvalidRequest,
                "The client's tokens are bound to its certificate, and no good one was shown.",
            ),
            // What it may ask for.
            Self::UnknownGrantType => (
                Code::UnsupportedGrantType,
                "The grant type is not supported.",
            ),
            Self::GrantNotRegistered | Self::NotTrusted => (
                Code::UnauthorizedClient,
                "The client may not use this grant type.",
            ),
            Self::MalformedScope => (Code::InvalidScope, "The scope is malformed."),
            Self::ExcessScope => (
                Code::InvalidScope,
                "The scope exceeds what the client may ask for.",
            ),
            Self::Refused(Refusal::Scope) => (
                Code::InvalidScope,
                "The scope exceeds what was granted or asked for.",
            ),
            Self::UnknownTarget | Self::Refused(Refusal::Audience) => (
                Code::InvalidTarget,
                "The client may not ask for this resource or audience.",
            ),
            Self::GrantAssertion(_) => (Code::InvalidGrant, "The assertion is not valid."),
            Self::Exchange(_) => (
                Code::InvalidRequest,
                "The subject_token or actor_token is not valid for the client.",
            ),
            Self::UnsupportedTokenType => (
                Code::UnsupportedTokenType,
                "Tokens of this type cannot be revoked.",
            ),
            // The authorization endpoint.
            Self::NoAuthorizationClient(_) => (
                Code::UnauthorizedClient,
                "The client is unknown, or may not use the authorization endpoint.",
            ),
            Self::CodesNotRegistered => (
                Code::UnauthorizedClient,
                "The client may not ask for authorization codes.",
            ),
            Self::PushRequired => (
                Code::InvalidRequest,
                "The client must push its authorization requests.",
            ),
            Self::ChallengeMissing => (
                Code::InvalidRequest,
                "The client must send a code_challenge.",
            ),
            Self::RedirectUriAmbiguous => (
                Code::InvalidRequest,
                "The redirect_uri is missing, and the client has several.",
            ),
            Self::RedirectUriNotRegistered => (
                Code::InvalidRequest,
                "The redirect_uri is not registered for the client.",
            ),
            Self::PostLogoutRedirectUriNotRegistered => (
                Code::InvalidRequest,
                "The post_logout_redirect_uri is not registered for the client.",
            ),
            Self::UnsupportedResponseType => (
                Code::UnsupportedResponseType,
                "The response_type must be code.",
            ),
            Self::RequestNotSupported => (
                Code::RequestNotSupported,
                "The parameter request is not supported.",
            ),
            Self::RequestUriNotSupported => (
                Code::RequestUriNotSupported,
                "The request_uri must come from a pushed request.",
            ),
            Self::RequestUri(_) => (
                Code::InvalidRequestUri,
                "The request_uri is unknown, was used or has expired.",
            ),
            // The sign-in, and what comes of it.
            Self::NotALoginClient => (
                Code::UnauthorizedClient,
                "The client is not a login client of the realm.",
            ),
            Self::Resume(Refusal::OtherBrowser) => (
                Code::InvalidRequest,
                "The sign-in began in another browser, or this one keeps no cookies.",
            ),
            Self::Resume(_) => (
                Code::InvalidRequest,
                "The sign-in is unknown or has expired.",
            ),
            Self::Refused(Refusal::AuthTime) => (
                Code::InvalidRequest,
                "The auth_time is missing, in the future, or longer ago than max_age.",
            ),
            Self::Refused(_) | Self::NotBefore => (
                Code::InvalidGrant,
                "The code, ticket or token is not valid.",
            ),
            // Access tokens.
            Self::NoBearerToken => (Code::InvalidToken, "A bearer token is required."),
            Self::InvalidAccessToken(_) | Self::VoidByRecord(_) => {
                (Code::InvalidToken, "The access token is not valid.")
            }
            Self::InsufficientScope(scope) => {
                let text = format!("The access token lacks the scope {scope}.");
                return (Code::InsufficientScope, text.into());
            }
            // Registration.
            Self::InvalidClientMetadata { member, expected } => {
                return (
                    Code::InvalidClientMetadata,
                    member_description(member, expected),
                );
            }
            Self::InvalidRedirectUri => (
                Code::InvalidRedirectUri,
                "A redirect URI must be https, http on loopback, or of an application's own \
                 scheme, without a fragment.",
            ),
        };
        (code, text.into())
    }

    /// Whether a newer record of a client could decide otherwise.
    ///
    /// Nothing that can be used once is used up before such a refusal is known, so that the same
    /// request can be decided again. Failed authentications are not among them: those read the
    /// record by themselves, one time each, as an unknown client id costs.
    #[must_use]
    pub fn depends_on_record(&self) -> bool {
        match self {
            // What its tokens are for: scopes, audience, grants, redirect URIs, trust.
            Self::ExcessScope
            | Self::UnknownTarget
            | Self::GrantNotRegistered
            | Self::NotTrusted
            | Self::RedirectUriNotRegistered
            | Self::Refused(Refusal::Scope | Refusal::Audience)
            // What it must show: a key, a certificate, PKCE, a pushed request.
            | Self::Proof(ProofError::Missing)
            | Self::ChallengeMissing
            | Self::PushRequired
            | Self::BoundCertificateMissing
            // Whose tokens it may present, and whether a client is served at all.
            | Self::VoidByRecord(_)
            | Self::NoAuthorizationClient(_)
            | Self::CodesNotRegistered
            | Self::RedirectUriAmbiguous
            | Self::PostLogoutRedirectUriNotRegistered
            | Self::ClientDisabled => true,
            Self::GrantAssertion(error) => *error == AssertionError::Issuer,
            Self::Exchange(error) => error.depends_on_record(),
            // What the request, its credentials, the realm or a family decides.
            Self::UnknownPath
            | Self::PlainHttp
            | Self::MethodNotAllowed { .. }
            | Self::HeaderTooLarge
            | Self::RateLimited
            | Self::TooManyFailures
            | Self::TooManyTries
            | Self::RequestUri(_)
            | Self::Resume(_)
            | Self::UnreadableBody
            | Self::BodyTimeout
            | Self::ContentEncoding
            | Self::ContentType { .. }
            | Self::NotAcceptable
            | Self::BodyTooLarge
            | Self::MalformedForm(_)
            | Self::InvalidRequest(_)
            | Self::InvalidMember { .. }
            | Self::SeveralAuthentications
            | Self::ClientIdMismatch
            | Self::UnknownGrantType
            | Self::NoCredentials
            | Self::MalformedBasic
            | Self::UnknownClient
            | Self::AuthMethodNotRegistered
            | Self::SecretMismatch
            | Self::SecretNotYetValid { .. }
            | Self::SecretExpired { .. }
            | Self::Assertion(_)
            | Self::NoCertificate
            | Self::CertificateSubject
            | Self::Proof(_)
            | Self::ResourceProof(_)
            | Self::NotBefore
            | Self::UnsupportedTokenType
            | Self::MalformedScope
            | Self::UnsupportedResponseType
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::NotALoginClient
            | Self::Refused(_)
            | Self::NoBearerToken
            | Self::InvalidAccessToken(_)
            | Self::InsufficientScope(_)
            | Self::InvalidClientMetadata { .. }
            | Self::InvalidRedirectUri => false,
        }
    }
}

fn member_description(member: &str, expected: &str) -> Cow<'static, str> {
    format!("The member {member} must be {expected}.").into()
}

fn proof_description(error: ProofError) -> &'static str {
    match error {
        ProofError::Nonce => "The DPoP proof must have the nonce of the header DPoP-Nonce.",
        _ => "The DPoP proof is missing or not valid.",
    }
}

/// The most parties that may act one for another.
pub(crate) const MAX_ACTORS: usize = 8;

/// The most clients whose tokens one may come from.
pub(crate) const MAX_ORIGINS: usize = 8;

/// Why a token is not exchanged. RFC 8693 §2.2.2 has one word for all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExchangeError {
    /// One of this realm, but not a good one.
    #[error("{0}: {1}")]
    Token(&'static str, &'static str),
    /// One of this realm, but by the record of its client not a good one.
    #[error("{0}: {1}")]
    VoidByRecord(&'static str, &'static str),
    /// One of a trusted issuer, but not a good one.
    #[error("{0}: {1}")]
    Assertion(&'static str, AssertionError),
    /// A good one, but neither the client's own nor for it.
    #[error("{0}: neither issued to the client nor for one of its resources")]
    OtherClient(&'static str),
    /// The client's own, but bound to what it does not show.
    #[error("{0}: bound to a key or certificate that was not shown")]
    Confirmation(&'static str),
    /// The subject's token names who alone may act for them (RFC 8693 §4.4).
    #[error("may_act of the subject_token names another")]
    MayAct,
    /// It is another client's own, and names no subject.
    #[error("subject_token names nobody")]
    NoSubject,
    /// Too many act one for another already.
    #[error("more than {MAX_ACTORS} would act one for another")]
    Actors,
    /// Too many clients had it already.
    #[error("it would come from the tokens of more than {MAX_ORIGINS} clients")]
    Origins,
}

impl ExchangeError {
    /// Whether a newer record of a client could decide otherwise.
    #[must_use]
    pub fn depends_on_record(&self) -> bool {
        match self {
            // `resources`; another client that is disabled; `trusted_issuers`; `subject`;
            // `may_impersonate`.
            Self::OtherClient(_)
            | Self::VoidByRecord(..)
            | Self::Assertion(_, AssertionError::Issuer)
            | Self::MayAct
            | Self::Actors => true,
            Self::Token(..)
            | Self::Assertion(..)
            | Self::Confirmation(_)
            | Self::NoSubject
            | Self::Origins => false,
        }
    }
}

/// Why no client can use the authorization endpoint. One answer for all of them: else it would tell
/// which client ids exist.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoAuthorizationClient {
    /// No client has this id, or none can have it.
    #[error("unknown client")]
    Unknown,
    /// The client was disabled by its operator.
    #[error("client disabled")]
    Disabled,
    /// There is nowhere to send a browser.
    #[error("the client has no redirect URIs")]
    NoRedirectUris,
    /// The client may not use the authorization code grant, and nothing shows that the request is its
    /// own.
    #[error("authorization code grant not registered for the client")]
    NoCodes,
}

/// Why a good request could not be served: configuration, keys, storage, or the unforeseen.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The realm cannot be served as it is configured.
    #[error(transparent)]
    Realm(#[from] RealmError),
    /// The realm's issuer is for this machine alone, and the request came from elsewhere.
    #[error(
        "realm `{realm}` has an http issuer, which is served on loopback only: set an https one"
    )]
    InsecureIssuer {
        /// The realm.
        realm: String,
    },
    /// No key may sign a token now.
    #[error(transparent)]
    NoSigningKey(#[from] NoSigningKey),
    /// A client's secret is an imported one, and the key of its hash is not there.
    #[error("the secret CLIENT_SECRETS_KEY is missing or shorter than 32 octets")]
    NoClientSecretsKey,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random octets could be had.
    #[error("no random octets: {0}")]
    Random(getrandom::Error),
    /// A token could not be signed.
    #[error("signing failed: {0}")]
    Sign(#[from] SignError),
    /// A body could not be written as JSON.
    #[error("writing JSON failed: {0}")]
    Json(#[from] serde_json::Error),
    /// The edge could not read the request or the service's bindings.
    #[error("the runtime failed: {0}")]
    Runtime(String),
}

impl Fault {
    /// The word for it on the wire, and the status with it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Realm(_)
            | Self::InsecureIssuer { .. }
            | Self::NoSigningKey(_)
            | Self::NoClientSecretsKey
            | Self::Store(_) => ErrorCode::TemporarilyUnavailable,
            Self::Random(_) | Self::Sign(_) | Self::Json(_) | Self::Runtime(_) => {
                ErrorCode::ServerError
            }
        }
    }

    /// The fixed text for the caller's developer.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self.code() {
            ErrorCode::TemporarilyUnavailable => "The service cannot answer now; try again later.",
            _ => "The service failed.",
        }
    }
}
