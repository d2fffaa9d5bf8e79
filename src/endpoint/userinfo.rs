//! Userinfo (OpenID Connect Core §5.3): what an access token may know of its person.

use serde_json::Value;

use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::FamilyId;
use crate::family::act::Show;
use crate::http::{Request, Response};
use crate::person::OPENID;
use crate::realm::Realm;
use crate::store::Store;
use crate::tokens::{scope_of, verify_access_token};

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
        "OPTIONS" if !realm.allowed_origins.is_empty() => return Ok(Response::preflight()),
        _ => return Err(Rejection::MethodNotAllowed { allow: "GET, POST" }.into()),
    }
    // 1. The token, from the header alone (RFC 6750 §2.1).
    let token = request
        .authorization
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .ok_or(Rejection::NoBearerToken)?;
    let token = verify_access_token(realm, token.1.trim(), context.now)?;
    // 2. What it may know.
    let scope = scope_of(realm, &token);
    if !scope.contains(OPENID) {
        return Err(Rejection::InsufficientScope.into());
    }
    // 3. The person, whom the family knows until it ends.
    let family = token.text("sid").and_then(FamilyId::parse);
    let family = family.ok_or(Rejection::InvalidAccessToken("not a person's"))?;
    let grant = match context.act(realm, family, Show).await {
        Err(Failure::Rejection(_)) => {
            return Err(Rejection::InvalidAccessToken("its family has ended").into());
        }
        grant => grant?,
    };
    let person = grant
        .person
        .ok_or(Rejection::InvalidAccessToken("not a person's"))?;
    let mut claims = person.claims(&scope);
    claims.insert("sub".to_owned(), person.sub.into());
    Ok(Response::not_stored(200, Value::Object(claims).to_string()))
}
