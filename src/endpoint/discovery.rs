//! Authorization server metadata (RFC 8414 §2; OpenID Connect Discovery §3).

use serde::Serialize;

use crate::client::AuthMethod;
use crate::client_auth::METHODS;
use crate::dialect::Endpoint;
use crate::error::{Failure, Fault};
use crate::grant::GrantType;
use crate::http::{Request, Response};
use crate::realm::Realm;

/// The metadata of a realm: only what works.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_supported: Option<&'a [String]>,
    /// Required by RFC 8414; empty while there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; GrantType::ALL.len()],
    token_endpoint_auth_methods_supported: [&'static str; METHODS.len()],
}

/// Answers with the realm's metadata.
///
/// # Errors
/// [`Failure`].
pub fn respond(request: &Request<'_>, realm: &Realm) -> Result<Response, Failure> {
    let metadata = Metadata {
        issuer: realm.issuer.as_str(),
        token_endpoint: realm.url(Endpoint::Token),
        jwks_uri: realm.url(Endpoint::Jwks),
        scopes_supported: realm.scopes.as_ref().map(|scopes| scopes.tokens()),
        response_types_supported: [],
        grant_types_supported: GrantType::ALL.map(GrantType::name),
        token_endpoint_auth_methods_supported: METHODS.map(AuthMethod::name),
    };
    Response::cacheable(
        request,
        serde_json::to_string(&metadata).map_err(Fault::from)?,
    )
}
