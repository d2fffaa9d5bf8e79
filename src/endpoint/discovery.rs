//! Authorization server metadata (RFC 8414 §2; OpenID Connect Discovery §3).

use serde::Serialize;

use crate::auth_method::AuthMethod;
use crate::dialect::Endpoint;
use crate::error::{Failure, Fault};
use crate::family::ResponseMode;
use crate::grant_type::GrantType;
use crate::http::{Request, Response};
use crate::jose::es256;
use crate::person::claim_names;
use crate::realm::Realm;

/// The metadata of a realm: only what works.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_supported: Option<&'a [String]>,
    /// Required by RFC 8414; empty without an authorization endpoint.
    response_types_supported: &'static [&'static str],
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    introspection_endpoint: Option<String>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    revocation_endpoint: Option<String>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    dpop_signing_alg_values_supported: [&'static str; 1],
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    /// Required by OpenID Connect Discovery, and read by clients that want no people: some take RS256
    /// for what is not there.
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    #[serde(flatten)]
    people: Option<PeopleMetadata>,
}

/// What a realm with people has besides.
#[derive(Serialize)]
struct PeopleMetadata {
    authorization_endpoint: Option<String>,
    pushed_authorization_request_endpoint: Option<String>,
    require_pushed_authorization_requests: bool,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    response_modes_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims_supported: Vec<&'static str>,
}

/// Answers with the realm's metadata.
///
/// # Errors
/// [`Failure`].
pub fn respond(request: &Request<'_>, realm: &Realm) -> Result<Response, Failure> {
    let has_people = realm.login_url.is_some();
    let grant_types = GrantType::ALL.into_iter();
    let grant_types = grant_types.filter(|grant_type| realm.has_grant(*grant_type));
    // Public clients can get tokens for people alone.
    let methods =
        AuthMethod::registered().filter(|method| has_people || *method != AuthMethod::None);
    let methods = methods.map(AuthMethod::name).collect::<Vec<_>>();
    let confidential = AuthMethod::registered().filter(|method| *method != AuthMethod::None);
    let people = || PeopleMetadata {
        authorization_endpoint: realm.url(Endpoint::Authorization),
        pushed_authorization_request_endpoint: realm.url(Endpoint::PushedAuthorization),
        require_pushed_authorization_requests: realm.requirements.pushed_requests,
        userinfo_endpoint: realm.url(Endpoint::Userinfo),
        end_session_endpoint: realm.url(Endpoint::EndSession),
        response_modes_supported: ResponseMode::ALL.map(ResponseMode::name),
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        claims_supported: claim_names(realm.dialect, realm.scopes.as_ref()),
    };
    let metadata = Metadata {
        issuer: realm.issuer.as_str(),
        token_endpoint: realm.url(Endpoint::Token),
        jwks_uri: realm.url(Endpoint::Jwks),
        scopes_supported: realm.scopes.as_ref().map(|scopes| scopes.tokens()),
        response_types_supported: if has_people { &["code"] } else { &[] },
        grant_types_supported: grant_types.map(GrantType::name).collect(),
        token_endpoint_auth_methods_supported: methods.clone(),
        token_endpoint_auth_signing_alg_values_supported: [es256::NAME],
        introspection_endpoint: realm.url(Endpoint::Introspection),
        introspection_endpoint_auth_methods_supported: confidential.map(AuthMethod::name).collect(),
        introspection_endpoint_auth_signing_alg_values_supported: [es256::NAME],
        revocation_endpoint: realm.url(Endpoint::Revocation),
        revocation_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_signing_alg_values_supported: [es256::NAME],
        dpop_signing_alg_values_supported: [es256::NAME],
        tls_client_certificate_bound_access_tokens: true,
        registration_endpoint: realm.url(Endpoint::Registration),
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: [es256::NAME],
        people: has_people.then(people),
    };
    let body = serde_json::to_string(&metadata).map_err(Fault::from)?;
    Ok(Response::cacheable(request, body))
}
