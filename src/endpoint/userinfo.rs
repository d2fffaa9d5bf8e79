//! Userinfo (OpenID Connect Core §5.3): what an access token may know of its person.

use serde_json::Value;

use super::caller;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::grant::allowed_audience;
use crate::http::{Request, Response};
use crate::json::put;
use crate::person::OPENID;
use crate::realm::Realm;
use crate::store::Store;
use crate::token::access_token::{AccessToken, Standing};

/// Answers with the person's claims, as long as their family lives.
///
/// # Errors
/// [`Failure`].
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    // 1. The token, in the hands of whom it is for, and the person, whom its family knows.
    let (token, standing) = caller::access_token(request, realm, context).await?;
    // 2. For this service and no other (RFC 9068 §4): who was sent a token for an API must not learn
    //    with it who the person is.
    if !is_for_realm(&token, &standing, realm) {
        return Err(Rejection::VoidByRecord("for another resource").into());
    }
    // 3. What it may know.
    if !token.scope.contains(OPENID) {
        return Err(Rejection::InsufficientScope(OPENID).into());
    }
    let person = standing.family.and_then(|family| family.grant.person);
    let person = person.ok_or(Rejection::InvalidAccessToken("not a person's"))?;
    let mut claims = person.claims(&token.scope, realm.dialect);
    put(&mut claims, "sub", person.sub.into());
    Ok(Response::not_stored(200, Value::Object(claims).to_string()))
}

/// Whether a token is for the realm: for its issuer, its own audience or the client itself, as tokens are
/// when nobody says for whom; or, when nothing was asked for, as the client's record has it.
fn is_for_realm(token: &AccessToken, standing: &Standing, realm: &Realm) -> bool {
    let is_for = |one: &str| token.audience.iter().any(|audience| audience == one);
    let mut own = realm.audience.iter().map(String::as_str);
    if is_for(realm.issuer.as_str()) || is_for(token.client_id.as_str()) || own.any(is_for) {
        return true;
    }
    let record = allowed_audience(&standing.client, realm);
    let family = standing.family.as_ref();
    let asked_for_none = family.is_some_and(|family| family.grant.audience.is_empty());
    asked_for_none && record.len() == token.audience.len() && record.into_iter().all(is_for)
}
