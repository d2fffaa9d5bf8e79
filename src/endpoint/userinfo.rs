//! Userinfo (OpenID Connect Core §5.3): what an access token may know of its person.

use serde_json::Value;

use super::caller;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::http::{Request, Response};
use crate::json::put;
use crate::person::OPENID;
use crate::realm::Realm;
use crate::store::Store;

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
    // 2. What it may know.
    if !token.scope.contains(OPENID) {
        return Err(Rejection::InsufficientScope(OPENID).into());
    }
    let person = standing.family.and_then(|family| family.grant.person);
    let person = person.ok_or(Rejection::InvalidAccessToken("not a person's"))?;
    let mut claims = person.claims(&token.scope);
    put(&mut claims, "sub", person.sub.into());
    Ok(Response::not_stored(200, Value::Object(claims).to_string()))
}
