//! The token endpoint (RFC 6749 §3.2).

use super::caller;
use crate::context::Context;
use crate::dpop;
use crate::error::{Failure, Rejection};
use crate::grant::{self, TokenRequest};
use crate::grant_type::GrantType;
use crate::http::{Request, Response};
use crate::realm::Realm;
use crate::store::Store;

/// Answers a token request. What can be told from the request alone comes first, so that garbage
/// costs no look-up.
///
/// # Errors
/// [`Failure`].
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let form = super::form(request, realm)?;
    let grant_type = form.value("grant_type").ok_or(Rejection::InvalidRequest(
        "The parameter grant_type is missing.",
    ))?;
    let grant_type = GrantType::parse(grant_type).filter(|known| realm.has_grant(*known));
    let grant_type = grant_type.ok_or(Rejection::UnknownGrantType)?;
    let proof = dpop::verify(request, realm, None, context.now).map_err(Rejection::from)?;
    let client = caller::authenticate_limited(request, &form, realm, context).await?;
    let token_request = TokenRequest {
        grant_type,
        form: &form,
        confirmation: caller::confirmation(request, proof, &client, realm, context).await?,
    };
    let token = grant::run(&token_request, &client, realm, context).await?;
    Ok(Response::not_stored(200, token.0))
}
