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
        self.wire().0
    }

    /// The HTTP status, where the realm's dialect has no other.
    #[must_use]
    pub fn status(self) -> u16 {
        self.wire().1
    }

    /// Word and status.
    fn wire(self) -> (&'static str, u16) {
        match self {
            Self::InvalidRequest => ("invalid_request", 400),
            Self::InvalidClient => ("invalid_client", 401),
            Self::UnauthorizedClient => ("unauthorized_client", 400),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 400),
            Self::InvalidScope => ("invalid_scope", 400),
            Self::InvalidTarget => ("invalid_target", 400),
            Self::InvalidGrant => ("invalid_grant", 400),
            Self::UnsupportedTokenType => ("unsupported_token_type", 400),
            Self::UnsupportedResponseType => ("unsupported_response_type", 400),
            Self::RequestNotSupported => ("request_not_supported", 400),
            Self::RequestUriNotSupported => ("request_uri_not_supported", 400),
            Self::InvalidRequestUri => ("invalid_request_uri", 400),
            Self::InvalidToken => ("invalid_token", 401),
            Self::InsufficientScope => ("insufficient_scope", 403),
            Self::InvalidClientMetadata => ("invalid_client_metadata", 400),
            Self::InvalidRedirectUri => ("invalid_redirect_uri", 400),
            Self::InvalidDpopProof => ("invalid_dpop_proof", 400),
            Self::UseDpopNonce => ("use_dpop_nonce", 400),
            Self::ResourceProof => ("invalid_dpop_proof", 401),
            Self::ResourceNonce => ("use_dpop_nonce", 401),
            Self::NotFound => ("not_found", 404),
            Self::InsecureTransport => ("invalid_request", 403),
            Self::MethodNotAllowed => ("invalid_request", 405),
            Self::NotAcceptable => ("invalid_request", 406),
            Self::RequestTimeout => ("invalid_request", 408),
            Self::ContentTooLarge => ("invalid_request", 413),
            Self::HeaderTooLarge => ("invalid_request", 431),
            Self::UnsupportedMediaType => ("invalid_request", 400),
            Self::ServerError => ("server_error", 500),
            Self::TooManyRequests => ("temporarily_unavailable", 429),
            Self::TemporarilyUnavailable => ("temporarily_unavailable", 503),
        }
    }
}
