//! Userinfo (OpenID Connect Core §5.3): what an access token may know of its person.

use serde_json::Value;

use super::caller;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::FamilyId;
use crate::family::act::{Show, Shown};
use crate::http::{Request, Response};
use crate::person::OPENID;
use crate::realm::Realm;
use crate::store::Store;
use crate::tokens::scope_of;

/// Answers with the person's claims, as long as their family lives.
///
/// # Errors
/// [`Failure`].
pub async fn respond<S: Store>(
    request: &Request<'_>,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<Response, Failure> {
    match request.method {
        "GET" | "POST" => (),
        _ => {
            let allow = realm.allow("GET, POST", "GET, POST, OPTIONS");
            return Err(Rejection::MethodNotAllowed { allow }.into());
        }
    }
    // 1. The token, in the hands of whom it is for.
    let token = caller::access_token(request, realm, context).await?;
    // 2. What it may know.
    let scope = scope_of(realm, &token);
    if !scope.contains(OPENID) {
        return Err(Rejection::InsufficientScope(OPENID).into());
    }
    // 3. The person, whom the family knows until it ends.
    let family = token.text("sid").and_then(FamilyId::parse);
    let family = family.ok_or(Rejection::InvalidAccessToken("not a person's"))?;
    let Shown { client_id, grant } = match context.act(realm, family, Show).await {
        Err(Failure::Rejection(_)) => {
            return Err(Rejection::InvalidAccessToken("its family has ended").into());
        }
        shown => shown?,
    };
    // 4. A client that is refused everything is refused this too.
    let client = context.store.client(&realm.name, &client_id).await?;
    if client.is_none_or(|client| client.disabled) {
        return Err(Rejection::InvalidAccessToken("its client is disabled or gone").into());
    }
    let person = grant
        .person
        .ok_or(Rejection::InvalidAccessToken("not a person's"))?;
    let mut claims = person.claims(&scope);
    claims.insert("sub".to_owned(), person.sub.into());
    Ok(Response::not_stored(200, Value::Object(claims).to_string()))
}
