//! Pushed authorization requests (RFC 9126): a client sends its request beforehand, authenticated,
//! and gets a URI that stands for it.

use serde::Serialize;

use super::authorization_request::{self, REQUEST_URI_PREFIX};
use super::caller;
use crate::context::Context;
use crate::dpop::{self, ProofError};
use crate::error::{Failure, Fault, Rejection};
use crate::family::act::Begin;
use crate::family::{Family, Handle};
use crate::http::{Request, Response};
use crate::realm::Realm;
use crate::store::Store;
use crate::time::Seconds;

/// How long a request URI lives: long enough for a browser to bring it, "5 to 600 seconds" (§2.2).
const REQUEST_URI_TTL: Seconds = Seconds(90);

/// The answer (§2.2).
#[derive(Serialize)]
struct PushedAuthorizationResponse {
    request_uri: String,
    expires_in: Seconds,
}

/// Answers a pushed request.
///
/// # Errors
/// [`Failure`].
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    // 1. "Authenticate the client in the same way as at the token endpoint" (§2.1).
    let form = super::form(request, realm)?;
    let proof = dpop::verify(request, realm, None, context.now).map_err(Rejection::from)?;
    let client = caller::authenticate_limited(request, &form, realm, context).await?;
    // 2. "Reject the request if the request_uri authorization request parameter is provided."
    if form.value("request_uri").is_some() {
        return Err(Rejection::InvalidRequest("A pushed request has no request_uri.").into());
    }
    authorization_request::check_size(&form)?;
    // 3. "Validate the pushed request as it would an authorization request."
    let mut asked = authorization_request::parse(&form, &client, realm)?;
    // 4. A proof names the key of the one with the code (RFC 9449 §10.1).
    if let Some(proof) = proof {
        let jkt = caller::use_proof(proof, context).await?;
        let jkt = jkt.ok_or(Rejection::from(ProofError::Replayed))?;
        if asked.dpop_jkt.get_or_insert_with(|| jkt.clone()) != &jkt {
            return Err(Rejection::from(ProofError::OtherKey).into());
        }
    }
    // 5. The family begins with it.
    let (key, secret) = (context.secret()?, context.secret()?);
    let id = context.family_id(realm)?;
    let expires_at = context.now.plus(REQUEST_URI_TTL);
    let family = Family::pushed(key, client.client_id.clone(), asked, &secret, expires_at);
    context.act(realm, id, Begin { family }).await?;
    context.audit.done = Some("pushed");
    let handle = Handle { family: id, secret }.reveal();
    let response = PushedAuthorizationResponse {
        request_uri: format!("{REQUEST_URI_PREFIX}{handle}"),
        expires_in: REQUEST_URI_TTL,
    };
    let body = serde_json::to_string(&response).map_err(Fault::from)?;
    Ok(Response::not_stored(201, body))
}
