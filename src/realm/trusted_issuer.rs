//! Trusted issuers: others whose word a realm takes for whom a request is about, in assertions (RFC
//! 7523 §2.1) and in tokens to be exchanged (RFC 8693 §2.1).

use serde_json::{Map, Value};

use crate::client::Client;
use crate::context::Context;
use crate::error::{Failure, Rejection};
use crate::jose::PublicKeys;
use crate::json::{JsonError, Object};
use crate::name::RealmName;
use crate::person::is_sub;
use crate::proof::assertion::{Assertion, AssertionError, Profile};
use crate::proof::confirmation::Confirmation;
use crate::proof::replay::{Holder, Mark};
use crate::realm::{Cause, Issuer, Realm};
use crate::scope::ScopeSet;
use crate::store::Store;
use crate::time::{Seconds, UnixTime};
use crate::uri::is_web_url;

/// For how long a copy of an issuer's keys may be used.
const MAX_AGE: Seconds = Seconds(300);

/// How old a copy must be to be read anew for a key that is not in it: made-up names of keys must not
/// become as many requests, but for those that come while one is under way or the keys cannot be had.
const COOLDOWN: Seconds = Seconds(30);

/// One of them, as it is configured.
#[derive(Debug)]
pub struct TrustedIssuer {
    /// What the realm calls it.
    pub name: RealmName,
    /// `iss` of what it signs.
    issuer: String,
    /// What `aud` may be of what it signs for this realm.
    audience: Vec<String>,
    /// The most that tokens by its word may be used for, if there is a bound besides the client's.
    pub scopes: Option<ScopeSet>,
    keys: Keys,
    /// Whether its subjects are the realm's own, and not named after it.
    subjects_are_the_realms_own: bool,
}

/// Where an issuer's keys are.
#[derive(Debug)]
enum Keys {
    /// In the configuration.
    Here(PublicKeys),
    /// At a URL.
    At(String),
}

/// What a trusted issuer says.
#[derive(Debug)]
pub struct Asserted {
    /// Whom it is about, in this realm.
    pub subject: String,
    /// Who says it, and what they call the subject.
    pub original: (String, String),
    /// The most that tokens by it may be used for.
    pub scopes: Option<ScopeSet>,
    /// When it ends.
    pub expiration: UnixTime,
    /// What must be the first of its kind, where it is good once.
    pub mark: Option<Mark>,
    /// What else it says.
    pub claims: Map<String, Value>,
}

impl TrustedIssuer {
    /// Reads the member of that name of a realm whose URL is `realm`, and whose tokens have another
    /// `iss` where there is one.
    ///
    /// # Errors
    /// [`Cause`].
    pub fn parse(
        name: &str,
        mut members: Object,
        realm: &Issuer,
        iss: Option<&str>,
    ) -> Result<Self, Cause> {
        let name = RealmName::parse(name).ok_or(Cause::TrustedIssuerName)?;
        let keys = match (
            members.take::<Value>("jwks", "a JWK Set")?,
            members.take::<String>("jwks_uri", "a URL")?,
        ) {
            (Some(set), None) => {
                Keys::Here(PublicKeys::from_value(&set).map_err(Cause::IssuerKeys)?)
            }
            (None, Some(url)) if is_web_url(&url) => Keys::At(url),
            _ => return Err(Cause::TrustedIssuerKeys(name.to_string())),
        };
        let trusted = Self {
            name,
            issuer: members.require("issuer", "a text")?,
            audience: members
                .take("audience", "a list of texts")?
                .unwrap_or_else(|| vec![realm.as_str().to_owned()]),
            scopes: members.take("scopes", "scope tokens with one space between")?,
            keys,
            subjects_are_the_realms_own: members
                .take("subjects_are_the_realms_own", "true or false")?
                .unwrap_or_default(),
        };
        members.finish()?;
        match trusted.issuer == realm.as_str() || iss == Some(&trusted.issuer) {
            true => Err(JsonError::Invalid {
                member: "issuer",
                expected: "another's than the realm's",
            }
            .into()),
            false => Ok(trusted),
        }
    }

    /// Whether another entry is of the same issuer.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.issuer == other.issuer
    }

    /// The key that signed an assertion. One that is not among a copy of the keys may be newer.
    async fn check_signature<S: Store>(
        &self,
        assertion: &Assertion<'_>,
        context: &mut Context<'_, S>,
    ) -> Result<Result<(), AssertionError>, Failure> {
        let url = match &self.keys {
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
}

/// Checks an assertion, or a token to be exchanged, that a client presents: by one of the issuers of
/// the realm that its record names, for this realm, in its time. `refuse` says what it is when not.
///
/// # Errors
/// [`Failure`].
pub async fn verify<S: Store>(
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
    let signed = trusted.check_signature(&assertion, context).await?;
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
