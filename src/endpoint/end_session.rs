//! End session (OpenID Connect RP-Initiated Logout): a client sends a browser to end what the
//! person's consent began. Or it comes itself with the refresh token, as clients of Keycloak do.

use super::{caller, parameters, revocation};
use crate::client::{Client, ClientId};
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::act::End;
use crate::family::{FamilyId, RefreshToken, Refusal};
use crate::form::Form;
use crate::http::{Request, Response, with_query};
use crate::page;
use crate::realm::Realm;
use crate::redirect_uri;
use crate::store::Store;
use crate::tokens::verify_id_token_hint;

/// Ends the family of the ID token that comes as a hint.
///
/// # Errors
/// [`Failure`], for a page.
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    // 1. The hint tells the client and the family. There is no other session that could end.
    let form = parameters(request)?;
    let hint = form.value("id_token_hint");
    let hint = hint.and_then(|hint| verify_id_token_hint(realm, hint));
    let hint = hint.ok_or(Rejection::InvalidRequest(
        "The id_token_hint is missing or not valid.",
    ))?;
    let client_id = hint.text("aud").and_then(ClientId::parse);
    let family = hint.text("sid").and_then(FamilyId::parse);
    let (Some(client_id), Some(family)) = (client_id, family) else {
        return Err(Rejection::InvalidRequest("The id_token_hint is not a person's.").into());
    };
    if form
        .value("client_id")
        .is_some_and(|named| named != client_id.as_str())
    {
        return Err(Rejection::ClientIdMismatch.into());
    }
    // 2. Where the browser goes: to a URI that the client has registered (§3).
    let target = form.value("post_logout_redirect_uri");
    if let Some(target) = target {
        let client = context.client(realm, &client_id).await?;
        let is_registered = |client: &Client| {
            let mut uris = client.post_logout_redirect_uris.iter();
            uris.any(|uri| redirect_uri::matches(uri, target))
        };
        if !client.as_deref().is_some_and(is_registered) {
            return Err(Rejection::RedirectUriNotRegistered.into());
        }
    }
    // 3. The family ends, if it has not ended before.
    context.audit.client_id = Some(client_id.to_string());
    match context.act(realm, family, End { client_id }).await {
        Ok(()) => (),
        // It has ended before: that is no error, and the log says so.
        Err(Failure::Rejection(why)) => context.audit.refused = Some(why.to_string()),
        Err(fault) => return Err(fault),
    }
    context.audit.done = Some("ended");
    Ok(match (target, form.value("state")) {
        (Some(target), Some(state)) => Response::redirect(with_query(target, &[("state", state)])),
        (Some(target), None) => Response::redirect(target.to_owned()),
        (None, _) => page::notice(200, "You are signed out", "You can close this page."),
    })
}

/// Whether no browser asks, but a client itself, with the refresh token that it wants to end.
#[must_use]
pub fn is_by_client(request: &Request<'_>) -> bool {
    let brings = |form: Form<'_>| {
        form.value("refresh_token").is_some() && form.value("id_token_hint").is_none()
    };
    request.method == "POST" && parameters(request).is_ok_and(brings)
}

/// Ends the family of the refresh token that a client brings.
///
/// # Errors
/// [`Failure`].
pub async fn by_client<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let form = super::form(request, realm)?;
    let token = form.value("refresh_token").ok_or(Refusal::Unknown);
    let token = token.and_then(RefreshToken::parse);
    let client = caller::authenticate(request, &form, realm, context).await?;
    let ended = match token {
        Ok(token) => revocation::refresh_token(token, &client, realm, context).await,
        Err(refusal) => Err(refusal.into()),
    };
    revocation::if_good(ended, context)?;
    context.audit.done = Some("ended");
    Ok(Response::not_stored(204, String::new()))
}
