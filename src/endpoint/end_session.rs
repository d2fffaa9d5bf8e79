//! End session (OpenID Connect RP-Initiated Logout): a client sends a browser to end what the
//! person's consent began, and by way of the login application the person's sign-in there. Or it comes
//! itself with the refresh token, as clients of Keycloak do.

use serde::Serialize;

use super::page;
use super::{authorization_request, rate_limit};
use super::{caller, login, parameters, revocation};
use crate::client::Client;
use crate::context::Context;
use crate::dialect::Endpoint;
use crate::error::{Failure, Rejection};
use crate::family::act::{Begin, End, ReadSignOut};
use crate::family::{Family, FamilyId, Handle, RefreshToken, Refusal};
use crate::form::Form;
use crate::http::{Request, Response, with_query};
use crate::name::ClientId;
use crate::realm::Realm;
use crate::store::Store;
use crate::time::Seconds;
use crate::token::issue::verify_id_token_hint;
use crate::uri;

/// How long the login application may take to end its sign-in.
const TICKET_TTL: Seconds = Seconds(5 * 60);

/// Ends the family of the ID token that comes as a hint, and has the login application end its sign-in
/// of that person.
///
/// # Errors
/// [`Failure`], for a page.
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    // 1. The hint tells the client, the family and the person. An old one will do (§2): who has it is
    //    the client, which could show it earlier. Without it nothing is known, and anybody can have
    //    made the link.
    let form = parameters(request)?;
    authorization_request::check_size(&form)?;
    let Some(hint) = form.value("id_token_hint") else {
        return Ok(without_hint(realm, context));
    };
    let hint = verify_id_token_hint(realm, hint)
        .ok_or(Rejection::InvalidRequest("The id_token_hint is not valid."))?;
    let client_id = hint.text("aud").and_then(ClientId::parse);
    let family = hint.text("sid").and_then(FamilyId::parse);
    let (Some(client_id), Some(family), Some(sub)) = (client_id, family, hint.text("sub")) else {
        return Err(Rejection::InvalidRequest("The id_token_hint is not a person's.").into());
    };
    if form
        .value("client_id")
        .is_some_and(|named| named != client_id.as_str())
    {
        return Err(Rejection::InvalidRequest(
            "The client_id is not the client of the id_token_hint.",
        )
        .into());
    }
    // 2. Where the browser goes: to a URI that the client has registered (§3).
    let target = form.value("post_logout_redirect_uri");
    let client = context.client(realm, &client_id).await?;
    if let Some(target) = target {
        let is_registered = |client: &Client| {
            let mut uris = client.post_logout_redirect_uris.iter();
            uris.any(|uri| uri::matches(uri, target))
        };
        if !client.as_deref().is_some_and(is_registered) {
            return Err(Rejection::PostLogoutRedirectUriNotRegistered.into());
        }
    }
    let target = target.map(|target| match form.value("state") {
        Some(state) => with_query(target, &[("state", state)]),
        None => target.to_owned(),
    });
    // 3. The family ends, if it has not ended before.
    context.audit.client_id = Some(client_id.to_string());
    if let Some(client) = &client {
        rate_limit::rate(client, false, realm, context).await?;
    }
    rate_limit::tries(family, realm, context).await?;
    let end = End {
        client_id: client_id.clone(),
    };
    match context.act(realm, family, end).await {
        Ok(()) => (),
        // It has ended before: that is no error, and the log says so.
        Err(Failure::Rejection(why)) => context.audit.refused = Some(why.to_string()),
        Err(fault) => return Err(fault),
    }
    context.audit.done = Some("ended");
    // 4. The browser goes there, by way of the login application if that has a page for it.
    let Some(logout_url) = &realm.logout_url else {
        return Ok(target.map_or_else(signed_out, Response::redirect));
    };
    let redirect_to = target.or_else(|| realm.url(Endpoint::SignedOut));
    let ticket = context.secret()?;
    let signs_out = Family::signing_out(
        context.secret()?,
        client_id,
        sub.to_owned(),
        redirect_to.unwrap_or_default(),
        &ticket,
        context.now.plus(TICKET_TTL),
    );
    let id = context.family_id(realm)?;
    let ended = context.audit.family.take();
    context.act(realm, id, Begin { family: signs_out }).await?;
    context.audit.family = ended;
    let ticket = Handle {
        family: id,
        secret: ticket,
    };
    let ticket = ticket.reveal();
    Ok(Response::redirect(with_query(
        logout_url,
        &[("ticket", &ticket)],
    )))
}

/// Answers a browser without a hint (§2): the login application asks the person, so that no link that
/// somebody made signs them out, and its own page is where that ends. `post_logout_redirect_uri` is not
/// honoured: what sent the browser is not known (§3).
fn without_hint<S>(realm: &Realm, context: &mut Context<'_, S>) -> Response {
    if let Some(url) = &realm.logout_url {
        context.audit.done = Some("asked");
        return Response::redirect(url.clone());
    }
    context.audit.done = Some("refused");
    context.audit.refused = Some("no id_token_hint: nothing was ended".to_owned());
    page::notice(
        200,
        "Nothing was ended",
        "The application did not say whose sign-in should end: its link has no id_token_hint. This \
         service keeps no sign-in of its own. Sign out in the application.",
    )
}

/// Tells a person that they are signed out, also one who comes back from the login application and
/// has no client to go on to.
#[must_use]
pub fn signed_out() -> Response {
    page::notice(200, "You are signed out", "You can close this page.")
}

/// Who signs out, for the login application.
#[derive(Serialize)]
struct SignOutResponse<'a> {
    sub: &'a str,
    client_id: &'a str,
    redirect_to: &'a str,
}

/// Tells the login application who signs out, and where the browser then goes.
///
/// # Errors
/// [`Failure`].
pub async fn ticket<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    let (Handle { family, secret }, members) = login::call(request, realm, context).await?;
    members.finish().map_err(login::invalid)?;
    let read = ReadSignOut { ticket: secret };
    let told = context.act(realm, family, read).await?;
    login::json(&SignOutResponse {
        sub: &told.sub,
        client_id: told.client_id.as_str(),
        redirect_to: &told.redirect_to,
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
