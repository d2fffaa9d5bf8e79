//! The JWT bearer grant (RFC 7523 §2.1): a trusted issuer says whom a request is about.

use serde_json::Map;

use super::trusted_assertion;
use super::{
    Outcome, TokenRequest, TokenResponse, granted_scope, issue_for, lifetime, requested_audience,
    requested_scope,
};
use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::family::Grant;
use crate::person::Person;
use crate::proof::assertion::{AssertionError, Profile};
use crate::realm::Realm;
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::Seconds;

/// What is asked of the assertion.
const PROFILE: Profile = Profile {
    types: &["JWT", "authorization-grant+jwt"],
    max_lifetime: Some(Seconds(60 * 60)),
    needs_jti: false,
};

/// Runs the grant.
pub(super) async fn run<S: Store>(
    request: &TokenRequest<'_>,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
) -> Result<TokenResponse, Failure> {
    let form = request.form;
    // 1. The assertion (§3).
    let assertion = form.value("assertion").ok_or(Rejection::InvalidRequest(
        "The parameter assertion is missing.",
    ))?;
    let refuse = Rejection::GrantAssertion;
    let shown = &request.confirmation;
    let verified =
        trusted_assertion::verify(assertion, &PROFILE, shown, client, realm, context, refuse);
    let verified = verified.await?;
    let mut delegation = ["act", "may_act"].into_iter();
    if delegation.any(|claim| verified.claims.contains_key(claim)) {
        return Err(refuse(AssertionError::Delegated).into());
    }
    // 2. The scope, "equal or lesser" than what was granted out of band, and the audience.
    let requested = requested_scope(form, client, realm)?;
    let most = verified.scopes.as_ref();
    let exceeds = |requested: &ScopeSet| most.is_some_and(|most| !requested.is_subset(most));
    if requested.as_ref().is_some_and(exceeds) {
        return Err(Rejection::ExcessScope.into());
    }
    let scope = granted_scope(requested, client, realm);
    let scope = match most {
        Some(most) => scope.intersection(most),
        None => scope,
    };
    let grant = Grant {
        scope,
        audience: requested_audience(form, client, realm)?,
        person: Some(Person {
            sub: verified.subject,
            claims: Map::new(),
            auth_time: None,
            acr: None,
        }),
    };
    realm.signing_key(context.now, lifetime(client, realm))?;
    // 3. Once (7), where it has a name.
    if let Some(mark) = verified.mark
        && !context.consume(&mark).await?
    {
        return Err(refuse(AssertionError::Replayed).into());
    }
    // 4. The token, which does not outlive the assertion (RFC 7521 §4.1).
    let outcome = Outcome {
        until: Some(verified.expiration),
        ..Outcome::of(grant)
    };
    issue_for(request, outcome, client, realm, context)
}
