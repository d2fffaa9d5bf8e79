//! RFC 7523 §3, RFC 8693 §2.1: whose word a realm takes, how that is configured, and where their keys
//! are. [`hostile`] are their tokens that are none, for both grants that take them.

mod configuration;
pub(super) mod hostile;
mod keys;

use super::signed::*;
use super::*;

pub(super) const IDP: &str = "https://idp.example";
pub(super) const PARTNER: &str = "https://partner.example/issuer";
pub(super) const STRANGER: &str = "https://stranger.example";
/// The octets of their keys. [`IDP`] has two.
pub(super) const IDP_KEY: u8 = 31;
pub(super) const IDP_OTHER_KEY: u8 = 32;
pub(super) const PARTNER_KEY: u8 = 33;
pub(super) const STRANGER_KEY: u8 = 34;

pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The token types of RFC 8693 §3 that are taken.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(super) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The issuers that realms here trust. `app` does not present tokens of `stranger`.
pub(super) fn issuers() -> Value {
    json!({
        "idp": { "issuer": IDP, "jwks": jwks(&[IDP_KEY, IDP_OTHER_KEY]) },
        "partner": { "issuer": PARTNER, "jwks": jwks(&[PARTNER_KEY]), "scopes": "read" },
        "stranger": { "issuer": STRANGER, "jwks": jwks(&[STRANGER_KEY]) },
    })
}

/// A realm that trusts those, with more members.
pub(super) fn trusting(more: Value) -> Value {
    let mut realm = json!({ "issuer": ISSUER, "trusted_issuers": issuers() });
    realm
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    realm
}

/// Lets a client present tokens of `idp` and `partner`, with both grants.
pub(super) fn may_present(client: &mut Client) {
    client.grant_types = vec![EXCHANGE.into(), JWT_BEARER.into()];
    client.trusted_issuers = vec!["idp".into(), "partner".into()];
}

/// A token about `mike` for the realm `default`, good for a minute.
pub(super) fn by(issuer: &str, octet: u8) -> Signed {
    Signed::assertion("mike")
        .claim("iss", issuer)
        .claim("iat", NOW)
        .header("kid", kid(octet))
        .signed_by(octet)
}

pub(super) fn by_idp() -> Signed {
    by(IDP, IDP_KEY)
}

impl Fixture {
    /// The realm `default` that trusts [`issuers`], and its client `app`.
    pub(super) fn trusting() -> Self {
        Self::trusting_with(json!({}))
    }

    pub(super) fn trusting_with(more: Value) -> Self {
        let fixture = Self::configured(json!({ "default": trusting(more) }), &secrets());
        fixture.register("app", may_present);
        fixture
    }

    /// A JWT bearer request of `app` with that after its assertion.
    pub(super) fn bear(&self, assertion: &Signed, more: &str) -> Answer {
        self.bear_text(&assertion.text(), more)
    }

    pub(super) fn bear_text(&self, assertion: &str, more: &str) -> Answer {
        let form = format!("grant_type={JWT_BEARER}&assertion={assertion}{more}");
        self.token_as(&basic("app", SECRET), &form)
    }

    /// A token exchange of a client, with that after its grant type.
    pub(super) fn exchange(&self, id: &str, form: &str) -> Answer {
        self.token_as(&basic(id, SECRET), &format!("grant_type={EXCHANGE}{form}"))
    }

    /// Moves to so many seconds after [`NOW`].
    pub(super) fn at(&mut self, seconds: u64) {
        self.now = UnixTime::from_seconds(NOW + seconds);
    }
}

/// The parameters that present a subject's token.
pub(super) fn subject(token: &str, token_type: &str) -> String {
    format!("&subject_token={token}&subject_token_type={token_type}")
}

/// The parameters that present an actor's.
pub(super) fn actor(token: &str, token_type: &str) -> String {
    format!("&actor_token={token}&actor_token_type={token_type}")
}

/// The names of an object's members, sorted.
pub(super) fn names(object: &Value) -> Vec<&str> {
    let mut names = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>();
    names.sort_unstable();
    names
}
