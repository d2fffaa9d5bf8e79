//! The authorization endpoint (RFC 6749 §3.1): from a client's request to the login application.
//!
//! What it can tell the client it tells by redirecting the browser; only when the client or its
//! redirect URI is in doubt, or the service failed, does the person see a page.

use super::authorization_request::{self, REQUEST_URI_PREFIX};
use super::caller::{self, registered};
use super::{answer, parameters};
use super::{rate_limit, ticket};
use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, NoAuthorizationClient, Rejection};
use crate::family::act::{Ask, Begin, Visitor};
use crate::family::{Family, FamilyId, Handle, ResponseMode, Secret};
use crate::form::Form;
use crate::grant_type::GrantType;
use crate::http::{Request, Response, with_query};
use crate::realm::Realm;
use crate::store::Store;
use crate::uri::is_web_url;

/// Answers an authorization request.
///
/// # Errors
/// [`Failure`], for a page.
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    // 1. The client, and where its answers go. Until both are known nobody is redirected (RFC 6749
    //    §4.1.2.1).
    let form = parameters(request)?;
    authorization_request::check_size(&form)?;
    let client = registered(&form, realm, context).await?;
    let pushed = form
        .value("request_uri")
        .and_then(|uri| uri.strip_prefix(REQUEST_URI_PREFIX));
    if let Some(handle) = pushed {
        return ask_pushed(handle, request, &client, realm, context).await;
    }
    let redirect_uri = authorization_request::redirect_uri(&form, &client, realm);
    // Only a caller that names a registered URI knows the client, and may hear that it has no such grant.
    let is_named = redirect_uri.is_ok() && form.value("redirect_uri").is_some();
    if !may_ask(&client) && !is_named {
        return Err(Rejection::from(NoAuthorizationClient::NoCodes).into());
    }
    let redirect_uri = redirect_uri?;
    // 2. All else that is asked for, where it may come this way at all (RFC 9126 §5, §6).
    let parsed = match realm.requirements.pushed_requests_of(&client) {
        true => Err(Rejection::PushRequired),
        false => authorization_request::parse(&form, &client, realm),
    };
    let request = match parsed {
        Ok(request) => request,
        Err(rejection) => {
            context.audit.done = Some("refused");
            context.refuse(&rejection);
            return Ok(refuse(rejection, redirect_uri, &form, realm));
        }
    };
    // 3. The family begins, with a ticket for the login application and a cookie for the browser.
    let (key, ticket, browser) = (context.secret()?, context.secret()?, context.secret()?);
    let expires_at = context.now.plus(ticket::TTL);
    let client_id = client.client_id.clone();
    let family = Family::asked(key, client_id, request, &ticket, &browser, expires_at);
    let id = context.family_id(realm)?;
    context.act(realm, id, Begin { family }).await?;
    Ok(to_login(id, ticket, &browser, realm, context))
}

/// Counts a request that named no client which can use the endpoint as a failed authentication, once
/// it is decided, and tells what the caller hears of it.
pub async fn count_guess<S: Store>(why: Rejection, context: &mut Context<'_, S>) -> Rejection {
    rate_limit::failure(why, context).await
}

/// Goes on with a pushed request (RFC 9126 §4), whose URI is used up when somebody decides.
async fn ask_pushed<S: Store>(
    handle: &str,
    request: &Request<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    if !may_ask(client) {
        return Err(Rejection::from(NoAuthorizationClient::NoCodes).into());
    }
    let Handle { family, secret } = Handle::parse(handle).map_err(Rejection::RequestUri)?;
    let (ticket, browser) = (context.secret()?, context.secret()?);
    let cookie = ticket::cookie_value(request.cookie, family);
    let ask = Ask {
        request_uri: secret,
        client_id: client.client_id.clone(),
        ticket: ticket.hash(),
        browser: browser.hash(),
        cookie: cookie.clone(),
        expires_at: context.now.plus(ticket::TTL),
    };
    // A cookie that stays is told again, so that it lives as long as the new ticket.
    let visitor = caller::act(family, ask, Rejection::RequestUri, realm, context).await?;
    let browser = match (visitor, cookie) {
        (Visitor::Known, Some(cookie)) => cookie,
        _ => browser,
    };
    Ok(to_login(family, ticket, &browser, realm, context))
}

/// Whether the client may use the authorization code grant.
fn may_ask(client: &Client) -> bool {
    client.may_use(GrantType::AuthorizationCode.name())
}

/// Sends the browser to the login application with its ticket.
fn to_login<S>(
    family: FamilyId,
    secret: Secret,
    browser: &Secret,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Response {
    context.audit.done = Some("asked");
    let ticket = Handle { family, secret }.reveal();
    let login_url = realm.login_url.as_deref().unwrap_or_default();
    let mut response = Response::redirect(with_query(login_url, &[("ticket", &ticket)]));
    let cookie = ticket::cookie(family, &browser.reveal(), ticket::TTL);
    response.headers.push(("set-cookie", cookie.into()));
    response
}

/// Tells the client why not (RFC 6749 §4.1.2.1, RFC 9207 §2), in the mode that it asks for if that can
/// be kept.
fn refuse(rejection: Rejection, redirect_uri: &str, form: &Form<'_>, realm: &Realm) -> Response {
    let description = rejection.description();
    let mut members = vec![
        ("error", rejection.code().word()),
        ("error_description", &description),
    ];
    members.extend(form.value("state").map(|state| ("state", state)));
    members.push(("iss", realm.issuer.as_str()));
    let mode = form.value("response_mode").and_then(ResponseMode::parse);
    let mode = mode.filter(|_| is_web_url(redirect_uri));
    answer(mode.unwrap_or_default(), redirect_uri, &members)
}
