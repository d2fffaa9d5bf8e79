//! The word of trusted issuers: assertions (RFC 7523 §2.1) and tokens to be exchanged (RFC 8693 §2.1),
//! as the grants check them.

use serde_json::{Map, Value};

use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::json::Object;
use crate::person::is_sub;
use crate::proof::assertion::{Assertion, AssertionError, Profile};
use crate::proof::confirmation::Confirmation;
use crate::proof::replay::{Holder, Mark};
use crate::realm::Realm;
use crate::realm::trusted_issuer::{Keys, TrustedIssuer};
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::{Seconds, UnixTime};

/// For how long a copy of an issuer's keys may be used.
const MAX_AGE: Seconds = Seconds(300);

/// How old a copy must be to be read anew for a key that is not in it: forged names of keys must not
/// become as many requests, but for those that come while one is under way or the keys cannot be had.
const COOLDOWN: Seconds = Seconds(30);

/// What a trusted issuer says.
#[derive(Debug)]
pub(super) struct Asserted {
    /// Whom it is about, in this realm.
    pub(super) subject: String,
    /// Who says it, and what they call the subject.
    pub(super) original: (String, String),
    /// The most that tokens by it may be used for.
    pub(super) scopes: Option<ScopeSet>,
    /// When it ends.
    pub(super) expiration: UnixTime,
    /// What must be the first of its kind, where it is good once.
    pub(super) mark: Option<Mark>,
    /// What else it says.
    pub(super) claims: Map<String, Value>,
}

/// Checks an assertion, or a token to be exchanged, that a client presents: by one of the issuers of
/// the realm that its record names, for this realm, in its time. `refuse` says what it is when not.
///
/// # Errors
/// [`Failure`].
pub(super) async fn verify<S: Store>(
    text: &str,
    profile: &Profile,
    shown: &Confirmation,
    client: &Client,
    realm: &Realm,
    context: &mut Context<'_, S>,
    refuse: impl Fn(AssertionError) -> Rejection,
) -> Result<Asserted, Failure> {
    let refuse = |error| Failure::from(refuse(error));
    // 1. Who says it, about whom (RFC 7523 §3, 1 and 2).
    let assertion = Assertion::parse(text, profile).map_err(refuse)?;
    if !is_sub(&assertion.subject) {
        return Err(refuse(AssertionError::Claim("sub")));
    }
    let is_named = |trusted: &&TrustedIssuer| {
        let mut names = client.trusted_issuers.iter();
        trusted.issuer == assertion.issuer && names.any(|name| name == trusted.name.as_str())
    };
    let trusted = realm.trusted_issuers.iter().find(is_named);
    let trusted = trusted.ok_or_else(|| refuse(AssertionError::Issuer))?;
    // 2. For whom (3), and when (4 to 6). What costs nothing comes first; then that it is they (9).
    if !trusted.audience.contains(&assertion.audience) {
        return Err(refuse(AssertionError::Audience));
    }
    let until = assertion.until(context.now).map_err(refuse)?;
    if assertion.expiration <= context.now {
        // Nothing could be had of it that does not outlive it.
        let (ended, now) = (assertion.expiration, context.now);
        return Err(refuse(AssertionError::Expired(ended, now)));
    }
    let signed = check_signature(trusted, &assertion, context).await?;
    signed.map_err(refuse)?;
    let own_scope = own_scope(assertion.claims(), &client.scope).map_err(refuse)?;
    let scopes = match (&trusted.scopes, own_scope) {
        (Some(most), Some(own)) => Some(own.intersection(most)),
        (most, own) => own.or_else(|| most.clone()),
    };
    // 3. In whose hands (RFC 7800 §3.1): here is the first to see it.
    let confirmation = assertion.confirmation();
    if !confirmation.is_some_and(|confirmation| confirmation.is_met_by(shown)) {
        return Err(refuse(AssertionError::Confirmation));
    }
    // 4. What the subject is called here: after their issuer, lest they be taken for the realm's own;
    //    and that no operator cut them off since.
    let subject = match trusted.subjects_are_the_realms_own {
        true => assertion.subject.clone(),
        false => format!("{}:{}", trusted.name, assertion.subject),
    };
    let began_at = assertion.beginning.unwrap_or_default();
    let not_before = context.not_before(realm).await?;
    if not_before.is_past(began_at, client.client_id.as_str(), &subject) {
        return Err(refuse(AssertionError::NotBefore));
    }
    let holder = Holder::Issuer(trusted.name.as_str());
    let mark = assertion.jti.as_deref();
    Ok(Asserted {
        subject,
        original: (assertion.issuer.clone(), assertion.subject.clone()),
        scopes,
        expiration: assertion.expiration,
        mark: mark.map(|jti| Mark::new(&realm.name, holder, jti, until)),
        claims: assertion.into_claims(),
    })
}

/// What of `wanted` a token allows by its own word: `scope` (RFC 9068 §2.2.3) and `scp`, as many
/// issuers call it, each a string or an array of strings. `None` if it says nothing of that.
fn own_scope(claims: &Object, wanted: &ScopeSet) -> Result<Option<ScopeSet>, AssertionError> {
    let mut own = None::<ScopeSet>;
    for name in ["scope", "scp"] {
        let Some(claim) = claims.get(name) else {
            continue;
        };
        let texts = match claim {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let texts = texts.ok_or(AssertionError::Claim(name))?;
        let says = |token: &str| {
            let mut tokens = texts.iter().flat_map(|text| text.split(' '));
            tokens.any(|said| said == token)
        };
        own = Some(own.as_ref().unwrap_or(wanted).filtered(says));
    }
    Ok(own)
}

/// The key that signed an assertion. One that is not among a copy of the keys may be newer.
async fn check_signature<S: Store>(
    trusted: &TrustedIssuer,
    assertion: &Assertion<'_>,
    context: &mut Context<'_, S>,
) -> Result<Result<(), AssertionError>, Failure> {
    let url = match &trusted.keys {
        Keys::Here(keys) => {
            context.audit.ignored_keys = keys.told();
            return Ok(assertion.signed_by(&keys.usable).map(drop));
        }
        Keys::At(url) => url,
    };
    let mut result = Err(AssertionError::UnknownKey);
    for max_age in [MAX_AGE, COOLDOWN] {
        let keys = context.issuer_keys(url, max_age).await?;
        result = assertion.signed_by(&keys.usable).map(drop);
        if result != Err(AssertionError::UnknownKey) {
            break;
        }
    }
    Ok(result)
}
