//! The error codes that callers are told, and the HTTP status of each.

/// The errors on the wire: RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8707 §2, OpenID Connect
/// Core §3.1.2.6, RFC 9101 §7, RFC 7591 §3.2.2, RFC 7009 §2.2.1, RFC 9449 §5 and §8, and HTTP's own (RFC 9110 §15,
/// RFC 6585).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorCode {
    /// `invalid_request`.
    InvalidRequest,
    /// `invalid_client`.
    InvalidClient,
    /// `unauthorized_client`.
    UnauthorizedClient,
    /// `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `invalid_scope`.
    InvalidScope,
    /// `invalid_target`.
    InvalidTarget,
    /// `invalid_grant`.
    InvalidGrant,
    /// `unsupported_token_type`.
    UnsupportedTokenType,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `request_not_supported`.
    RequestNotSupported,
    /// `request_uri_not_supported`.
    RequestUriNotSupported,
    /// `invalid_request_uri`.
    InvalidRequestUri,
    /// `invalid_token`.
    InvalidToken,
    /// `insufficient_scope`.
    InsufficientScope,
    /// `invalid_client_metadata`.
    InvalidClientMetadata,
    /// `invalid_redirect_uri`.
    InvalidRedirectUri,
    /// `invalid_dpop_proof`, at the token endpoint.
    InvalidDpopProof,
    /// `use_dpop_nonce`, at the token endpoint.
    UseDpopNonce,
    /// `invalid_dpop_proof`, with an access token.
    ResourceProof,
    /// `use_dpop_nonce`, with an access token.
    ResourceNonce,
    /// `not_found`, for paths.
    NotFound,
    /// `invalid_request`, for plain http.
    InsecureTransport,
    /// `invalid_request`, for methods.
    MethodNotAllowed,
    /// `invalid_request`, for what the caller accepts.
    NotAcceptable,
    /// `invalid_request`, for bodies that take too long.
    RequestTimeout,
    /// `invalid_request`, for bodies.
    ContentTooLarge,
    /// `invalid_request`, for headers.
    HeaderTooLarge,
    /// `invalid_request`, for media types and encodings.
    UnsupportedMediaType,
    /// `server_error`.
    ServerError,
    /// `temporarily_unavailable`, for who asks too often.
    TooManyRequests,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The value of the member `error`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::InsecureTransport
            | Self::MethodNotAllowed
            | Self::NotAcceptable
            | Self::RequestTimeout
            | Self::ContentTooLarge
            | Self::HeaderTooLarge
            | Self::UnsupportedMediaType => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidDpopProof | Self::ResourceProof => "invalid_dpop_proof",
            Self::UseDpopNonce | Self::ResourceNonce => "use_dpop_nonce",
            Self::NotFound => "not_found",
            Self::ServerError => "server_error",
            Self::TooManyRequests | Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status, where the realm's dialect has no other.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::InvalidGrant
            | Self::UnsupportedTokenType
            | Self::UnsupportedResponseType
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::InvalidRequestUri
            | Self::InvalidClientMetadata
            | Self::InvalidRedirectUri
            | Self::InvalidDpopProof
            | Self::UseDpopNonce
            | Self::UnsupportedMediaType => 400,
            Self::InvalidClient
            | Self::InvalidToken
            | Self::ResourceProof
            | Self::ResourceNonce => 401,
            Self::InsufficientScope | Self::InsecureTransport => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::RequestTimeout => 408,
            Self::ContentTooLarge => 413,
            Self::TooManyRequests => 429,
            Self::HeaderTooLarge => 431,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }
}
