//! Token introspection (RFC 7662): what a token is, for clients that it concerns.

use serde_json::{Map, Value};

use super::caller;
use crate::client::{Client, GRACES};
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::act::{InspectRefresh, InspectedRefresh};
use crate::family::{RefreshToken, Refusal};
use crate::http::{Request, Response};
use crate::json::put;
use crate::proof::confirmation::Confirmation;
use crate::realm::Realm;
use crate::store::Store;
use crate::time::Seconds;
use crate::token::access_token::AccessToken;

/// Tells what a token is, or that it is not active: of that the caller is told nothing else.
///
/// # Errors
/// [`Failure`].
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    // 1. The token (§2.1). Its type is told by its form, so a hint would say nothing new.
    let form = super::form(request, realm)?;
    let token = form.value("token").ok_or(super::NO_TOKEN)?;
    // 2. "MUST also require some form of authorization": the client's own credentials.
    let caller = caller::authenticate_confidential(request, &form, realm, context).await?;
    // 3. What it is (§2.2). Why it is not active is for the log alone.
    let members = match RefreshToken::parse(token) {
        Ok(token) => refresh_token(token, &caller, realm, context).await,
        // Neither of which it can be told.
        Err(Refusal::LaterFormat) => Err(Refusal::LaterFormat.into()),
        Err(_) => access_token(token, &caller, realm, context).await,
    };
    let members = match members {
        Ok(mut members) => {
            put(&mut members, "active", true.into());
            members
        }
        Err(Failure::Rejection(why)) => {
            context.refuse(&why);
            let mut members = Map::new();
            put(&mut members, "active", false.into());
            members
        }
        Err(fault) => return Err(fault),
    };
    context.audit.done = Some("introspected");
    let body = Value::Object(members).to_string();
    Ok(Response::not_stored(200, body))
}

/// Not the caller's, and not for it.
const OTHER_CLIENT: Rejection =
    Rejection::VoidByRecord("neither issued to the caller nor for one of its resources");

/// What an access token is: its own claims, and in the words of §2.2 what the dialect has others for.
async fn access_token<S: Store>(
    token: &str,
    caller: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Map<String, Value>, Failure> {
    let token = AccessToken::verify(realm, token, context.now)?;
    context.audit.jti = Some(token.jti.clone());
    let concerns = token.client_id == caller.client_id
        || token.is_for(&caller.resources)
        || realm.introspection_clients.contains(&caller.client_id);
    if !concerns {
        return Err(OTHER_CLIENT.into());
    }
    let standing = token.check(realm, context).await?;
    let subject = token.subject.as_deref();
    let subject = subject.unwrap_or(standing.client.subject());
    let token_type = match token.confirmation.jkt {
        Some(_) => "DPoP",
        None => "Bearer",
    };
    let mut members = token.claims;
    // Some dialects have a list there, be it empty.
    members.remove("scope");
    let mut tell = |name, value| put(&mut members, name, value);
    tell("exp", token.expiration.seconds().into());
    tell("client_id", token.client_id.as_str().into());
    tell("sub", subject.into());
    tell("token_type", token_type.into());
    if !token.scope.is_empty() {
        tell("scope", token.scope.to_string().into());
    }
    if let Some(name) = members.get("preferred_username").cloned() {
        put(&mut members, "username", name);
    }
    Ok(members)
}

/// What a refresh token is, for the client that it was issued to.
async fn refresh_token<S: Store>(
    token: RefreshToken,
    caller: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Map<String, Value>, Failure> {
    let inspect = InspectRefresh {
        token: token.part,
        grace: Seconds(*GRACES.end()),
    };
    let not_before = context.not_before(realm).await?;
    let InspectedRefresh {
        client_id,
        grant,
        begun_at,
        expires_at,
        confirmation,
        used_at,
    } = context.act(realm, token.family, inspect).await?;
    let sees_all = realm.introspection_clients.contains(&caller.client_id);
    if client_id != caller.client_id && !sees_all {
        return Err(Refusal::OtherClient.into());
    }
    let client = context.client(realm, &client_id).await?;
    let client = client.filter(|client| !client.disabled);
    let client = client.ok_or(Rejection::ClientDisabled)?;
    // Whose grace counts is known only now.
    let grace = realm.refresh_policy(&client).grace;
    if used_at.is_some_and(|used_at| context.now.since(used_at) >= grace) {
        return Err(Refusal::Expired.into());
    }
    let subject = grant.person.as_ref();
    let subject = subject.map_or(client.subject(), |person| &person.sub);
    if not_before.is_past(begun_at.unwrap_or_default(), client_id.as_str(), subject) {
        return Err(Rejection::NotBefore.into());
    }
    let scope = Some(&grant.scope).filter(|scope| !scope.is_empty());
    let mut members = Map::new();
    for (name, value) in [
        ("iss", Some(realm.iss().into())),
        ("client_id", Some(client_id.as_str().into())),
        ("sub", Some(subject.into())),
        ("scope", scope.map(|scope| scope.to_string().into())),
        ("exp", Some(expires_at.seconds().into())),
        ("cnf", Confirmation::to_claim(&confirmation)),
    ] {
        if let Some(value) = value {
            put(&mut members, name, value);
        }
    }
    Ok(members)
}
